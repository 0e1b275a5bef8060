"""Projects in folders whose names mean something to libraries."""

import pytest
import yaml

from equal_assets.cli.project import open_project
from equal_assets.errors import SettingsError
from equal_assets_tests.conftest import TINY
from equal_assets_tests.project import Project


def test_project_runs_where_libraries_see_a_pattern(tmp_path, models):
    project = Project.make(tmp_path / "x [v2] *new* {a,b} 50% #1", models=models)
    done = project.equal("run", "--estimate")
    assert done.returncode == 0, done.stdout
    assert project.sql("select count(*) from documents").item() > 0
    # as its dagster.yaml says, and nowhere else
    assert (project.folder / ".dagster" / "storage" / "history" / "runs.db").is_file()
    folders = {path.name for path in project.folder.iterdir() if path.is_dir()}
    assert folders == {".dagster", ".equal"}


@pytest.mark.parametrize("name", ["why?", "100%20"])
def test_project_whose_databases_would_lie_elsewhere_is_refused(name, tmp_path, models):
    project = Project.make(tmp_path / name, models=models)
    done = project.equal("run")
    assert done.returncode == 2, done.stdout
    told = f"error: the project's folder = {project.folder}: must be without ? and without %"
    assert told in done.stdout
    assert "rename it" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("storage", "told"),
    [
        (
            {"custom": {"module": "dagster_nothing", "class": "Storage", "config": {}}},
            "Couldn't import module dagster_nothing",
        ),
        ({"sqlite": {"base_dir": {"env": "NOT_SET_ANYWHERE"}}}, "NOT_SET_ANYWHERE"),
    ],
)
def test_settings_of_dagster_that_cannot_be_used_are_named(tmp_path, monkeypatch, storage, told):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("EQUAL_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(TINY))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"storage": storage}))
    with pytest.raises(SettingsError, match=r"dagster\.yaml cannot be used: ") as refused:
        open_project()
    assert told in str(refused.value)

"""Projects in folders whose names mean something to libraries."""

import pytest

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

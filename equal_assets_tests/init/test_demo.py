"""The demo that the package holds is the repository's."""

import pytest

from equal_assets.errors import SettingsError
from equal_assets.init.demo import QUESTIONS, write_demo
from equal_assets.init.files import CAMPAIGNS_FILE, fixed_texts, write_project
from equal_assets.settings import load_settings
from equal_assets_tests.project import REPOSITORY

OWN_FILES = (CAMPAIGNS_FILE, *fixed_texts())


def test_campaigns_are_those_of_the_repository_but_for_paths(tmp_path):
    write_demo(tmp_path / "demo")
    own = (REPOSITORY / "campaigns.yaml").read_text(encoding="utf-8")
    for there, here in (("equal_assets/demo/", ""), ("docs/campaigns.schema", "campaigns.schema")):
        assert there in own
        own = own.replace(there, here)
    assert (tmp_path / "demo" / "campaigns.yaml").read_text(encoding="utf-8") == own


def test_demo_is_a_project_of_its_own(tmp_path):
    written = write_demo(tmp_path / "demo")
    assert {path.name for path in written} == {*OWN_FILES, *QUESTIONS}
    (target,) = load_settings(tmp_path / "demo" / "campaigns.yaml").targets.values()
    assert target.reference == str(tmp_path / "demo" / "reference.jsonl")
    for name in QUESTIONS:
        packaged = REPOSITORY / "equal_assets" / "demo" / name
        assert (tmp_path / "demo" / name).read_bytes() == packaged.read_bytes()


@pytest.mark.parametrize("name", ["dagster.yaml", "workspace.yaml"])
def test_what_dagster_reads_is_that_of_the_repository(name, tmp_path):
    write_demo(tmp_path)
    assert (tmp_path / name).read_bytes() == (REPOSITORY / name).read_bytes()


@pytest.mark.parametrize("name", [*OWN_FILES, "test.jsonl"])
def test_nothing_is_overwritten_and_then_nothing_is_written(name, tmp_path):
    (tmp_path / name).write_text("mine")
    with pytest.raises(SettingsError, match=f"{name} exists and `equal init` never overwrites"):
        write_project(tmp_path, "campaigns: {}", {"test.jsonl": ""})
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_what_a_killed_init_left_is_gone_on_with(tmp_path):
    names = [path.name for path in write_demo(tmp_path)]
    (tmp_path / CAMPAIGNS_FILE).unlink()  # it is written last
    assert [path.name for path in write_demo(tmp_path)] == names

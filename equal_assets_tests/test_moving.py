"""What decides an asset, and where its files are, does not change when a project moves."""

import json
import shutil

import pytest

from equal_assets.resources.students.causal_lm import BASE_FILE, base_of
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import load_settings, portable
from equal_assets.versions import expected_inputs, is_current, stored_versions


def project(folder):
    """Write a project that names files, folders and models of its own."""
    folder.mkdir(parents=True)
    (folder / "docs.jsonl").write_text(json.dumps({"text": "a document of some length " * 9}))
    for split in ("reference", "test"):
        (folder / f"{split}.jsonl").write_text(json.dumps({"question": "Why?", "answer": "So."}))
    for model in ("embedder", "student"):
        (folder / "models" / model).mkdir(parents=True)
        (folder / "models" / model / "config.json").write_text("{}")
    settings = {
        "corpus": {"source": "files", "paths": ["docs.jsonl"]},
        "embedder": {"model": "models/embedder"},
        "student": {"kind": "huggingface", "model": "models/student"},
        "targets": {"t": {"reference": "reference.jsonl", "test": "test.jsonl"}},
        "campaigns": {"c": {"target": "t", "strategy": "random", "budget_documents": 5}},
    }
    (folder / "campaigns.yaml").write_text(json.dumps(settings))


@pytest.fixture
def inputs_in(monkeypatch):
    def inputs_in(folder):
        monkeypatch.setenv("EQUAL_CAMPAIGNS", str(folder / "campaigns.yaml"))
        settings = load_settings()
        made = dict.fromkeys(READ, ("i", "v"))
        assets = {"documents": "", "contrastive_embedder": "", "fine_tuned_student": "c"}
        return {
            asset: expected_inputs(asset, settings, made, campaign=campaign)
            for asset, campaign in assets.items()
        }

    return inputs_in


READ = [("warmup_qa", ""), ("documents", ""), ("qa_dataset", "c"), ("bandit_round", "c")]


def test_inputs_name_no_folder_above_the_project_and_survive_a_move(tmp_path, inputs_in):
    old, new = tmp_path / "old", tmp_path / "new"
    project(old)
    before = inputs_in(old)
    assert str(tmp_path) not in json.dumps(before)
    old.rename(new)
    assert inputs_in(new) == before


def test_what_an_earlier_version_stored_with_whole_paths_is_current(
    tmp_path, monkeypatch, warehouse
):
    project(tmp_path / "p")
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(tmp_path / "p" / "campaigns.yaml"))
    settings = load_settings()
    inputs = expected_inputs("documents", settings, {})
    files = {str(tmp_path / "p" / name): state for name, state in _files(inputs).items()}
    section = settings.sections("corpus")
    whole = {"upstream": {}, "settings": {**section, "source": files}}
    with warehouse.transaction() as transaction:
        transaction.record("documents", inputs=whole, seconds=1.0)
    assert is_current("documents", settings, stored_versions(warehouse))


def _files(inputs):
    return inputs["settings"]["source"]


def test_portable_leaves_what_lies_elsewhere(tmp_path, monkeypatch):
    project(tmp_path / "p")
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(tmp_path / "p" / "campaigns.yaml"))
    given = {f"{tmp_path}/p/a": [f"{tmp_path}/pq/b", 1, None, f"{tmp_path}/p"]}
    assert portable(given) == {"a": [f"{tmp_path}/pq/b", 1, None, f"{tmp_path}/p"]}


def state_of(folder):
    return Warehouse(database=str(folder / ".equal" / "warehouse.duckdb"))


def test_paths_in_tables_follow_the_project(tmp_path):
    model = tmp_path / "old" / ".equal" / "models" / "students" / "c"
    model.mkdir(parents=True)
    old = state_of(tmp_path / "old")
    stored = old.stored_path(model)
    assert stored == ".equal/models/students/c"
    assert old.found_path(stored) == old.found_path(str(model)) == str(model)
    (tmp_path / "old").rename(tmp_path / "new")
    new = state_of(tmp_path / "new")
    there = str(tmp_path / "new" / ".equal" / "models" / "students" / "c")
    assert new.found_path(stored) == there
    assert new.found_path(str(model)) == there  # as earlier versions stored it


def test_path_outside_of_the_project_stays_whole(tmp_path):
    warehouse, hub = state_of(tmp_path / "p"), tmp_path / "hub" / "models" / "m"
    assert warehouse.stored_path(hub) == str(hub)
    assert warehouse.found_path(str(hub)) == str(hub)


def test_adapters_find_their_model_where_both_have_moved(tmp_path):
    base, tuned = tmp_path / "old" / "base", tmp_path / "old" / ".equal" / "tuned"
    for folder in (base, tuned):
        folder.mkdir(parents=True)
    (tuned / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    assert base_of(tuned) == base  # of an earlier version
    (tuned / BASE_FILE).write_text("../../base")
    shutil.move(tmp_path / "old", tmp_path / "new")
    assert base_of(tmp_path / "new" / ".equal" / "tuned") == tmp_path / "new" / "base"

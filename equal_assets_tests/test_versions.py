import os
import sys

import pytest

from equal_assets.errors import CampaignError
from equal_assets.graph import ASSETS
from equal_assets.inputs import source_signature
from equal_assets.settings import fingerprint, load_settings
from equal_assets.versions import (
    expected_inputs,
    is_current,
    stored_versions,
)

TEXT = """\
corpus: {source: files, paths: [corpus]}
embedder: {batch_size: 64}
warmup: {share: 0.1}
targets:
  math: {reference: reference.jsonl, test: test.jsonl}
campaigns:
  first: {target: math, strategy: random, budget_documents: 10}
  second: {target: math, strategy: equal-paper, budget_documents: 10}
"""
SHARED = [name for name, row in ASSETS.items() if not row.is_of_campaign]
BY_CAMPAIGN = [name for name, row in ASSETS.items() if row.is_of_campaign]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "corpus").mkdir()
    for name in ("corpus/a.jsonl", "reference.jsonl", "test.jsonl"):
        (tmp_path / name).write_text("{}\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def load(folder):
    def load(old="", new=""):
        assert old in TEXT
        path = folder / "campaigns.yaml"
        path.write_text(TEXT.replace(old, new) if old else TEXT, encoding="utf-8")
        return load_settings(path)

    return load


def materialize_all(settings):
    """Return what is stored once everything was made; the content of `documents` is `content`."""
    stored = {}
    for asset in ASSETS:
        for campaign in settings.campaigns if asset in BY_CAMPAIGN else [""]:
            inputs = fingerprint(expected_inputs(asset, settings, stored, campaign=campaign))
            stored[asset, campaign] = (inputs, "content" if asset == "documents" else inputs)
    return stored


def not_current(settings, stored):
    """Return what would have to be made anew."""
    return {
        (asset, campaign)
        for asset in ASSETS
        for campaign in (settings.campaigns if asset in BY_CAMPAIGN else [""])
        if not is_current(asset, settings, stored, campaign=campaign)
    }


def test_everything_is_current_right_after_it_was_made(load):
    settings = load()
    stored = materialize_all(settings)
    assert len(stored) == len(SHARED) + 2 * len(BY_CAMPAIGN)
    assert not_current(settings, stored) == set()
    assert not_current(load(), stored) == set()  # read again from the same file


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("{source: files,", "{source: files, min_characters: 9,", {"documents"}),
        (
            "{share: 0.1}",
            "{share: 0.2}",
            {"warmup_qa", "contrastive_embedder", "document_yields"},
        ),
        (
            "{batch_size: 64}",
            "{model: all-MiniLM-L6-v2}",
            {"contrastive_embedder", "document_embeddings"},
        ),
        ("warmup:", "clustering: {n_clusters: 7}\nwarmup:", {"clusters", "cluster_geometry"}),
        ("warmup:", "extractor: {max_pairs: 7}\nwarmup:", {"warmup_qa"}),
        ("warmup:", "tracking: {experiment: other}\nwarmup:", set()),
    ],
)
def test_a_section_changes_the_inputs_of_the_shared_assets_that_obey_it(load, old, new, changed):
    stored = materialize_all(load())
    stale = {asset for asset, _ in not_current(load(old, new), stored)}
    assert stale & set(SHARED) == changed


def test_changed_warm_up_reaches_the_clusters_once_the_embedder_is_made(load):
    before, after = load(), load("{share: 0.1}", "{share: 0.2}")
    stored = materialize_all(before)
    assert is_current("clusters", after, stored)
    assert is_current("documents", after, stored)
    for asset in ("warmup_qa", "contrastive_embedder", "document_embeddings"):
        inputs = fingerprint(expected_inputs(asset, after, stored))
        assert inputs != stored[asset, ""][0]
        stored[asset, ""] = (inputs, inputs)
    assert not is_current("clusters", after, stored)


def test_changed_student_leaves_the_selection_as_it_is(load):
    stored = materialize_all(load())
    stale = not_current(load("warmup:", "student: {epochs: 9}\nwarmup:"), stored)
    assert stale == {
        (asset, campaign)
        for asset in ("fine_tuned_student", "accuracy_over_budget")
        for campaign in ("first", "second")
    }


def test_pools_are_compared_anew_when_they_are_pruned_in_another_way(load):
    stored = materialize_all(load())
    data_sets = {("qa_dataset", "first"), ("qa_dataset", "second")}
    stale = not_current(load("warmup:", "dataset: {prune: 4}\nwarmup:"), stored)
    assert stale == {*data_sets, ("strategy_comparison", "")}
    stale = not_current(load("warmup:", "dataset: {same_meaning: 0.9}\nwarmup:"), stored)
    assert stale == data_sets


def test_students_follow_the_files_of_their_model(load, folder):
    (folder / "llm").mkdir()
    weights = folder / "llm" / "model.safetensors"
    weights.write_bytes(b"1")
    section = "student: {kind: huggingface, model: llm}\nwarmup:"
    settings = load("warmup:", section)
    stored = materialize_all(settings)
    assert not_current(load("warmup:", section), stored) == set()
    weights.write_bytes(b"12")
    stale = not_current(settings, stored)
    assert stale == {("fine_tuned_student", "first"), ("fine_tuned_student", "second")}


def test_changed_evaluation_leaves_the_students_as_they_are(load):
    stored = materialize_all(load())
    stale = not_current(load("warmup:", "evaluation: {choices: 5}\nwarmup:"), stored)
    assert stale == {
        (asset, campaign)
        for asset in ("student_accuracy", "accuracy_over_budget")
        for campaign in ("first", "second")
    }


def test_other_kind_of_answers_and_other_milestones_ask_the_students_anew(load):
    stored = materialize_all(load())
    asked = {("student_accuracy", "first"), ("student_accuracy", "second")}
    on_the_way = {("accuracy_over_budget", "first"), ("accuracy_over_budget", "second")}
    stale = not_current(load("test: test.jsonl", "test: test.jsonl, answers: number"), stored)
    assert stale == asked | on_the_way
    assert not_current(load().with_milestones(["50%"]), stored) == on_the_way


def test_changed_lm_eval_tasks_leave_all_else_as_it_is(load):
    stored = materialize_all(load())
    tasks = "evaluation: {harness: {tasks: [gsm8k]}}\nwarmup:"
    stale = not_current(load("warmup:", tasks), stored)
    assert stale == {("harness_accuracy", "first"), ("harness_accuracy", "second")}
    stored = materialize_all(load("warmup:", tasks))
    faster = tasks.replace("tasks:", "batch_size: 64, allow_unsafe_code: true, tasks:")
    assert not_current(load("warmup:", faster), stored) == set()


def test_local_lm_eval_tasks_count_by_their_content(load, folder):
    (folder / "tasks").mkdir()
    (folder / "tasks/a.yaml").write_text("task: a\n")
    harness = "evaluation: {harness: {tasks: [a], include_path: tasks}}\nwarmup:"
    stored = materialize_all(load("warmup:", harness))
    (folder / "tasks").rename(folder / "moved")
    moved = load("warmup:", harness.replace("include_path: tasks", "include_path: moved"))
    assert not_current(moved, stored) == set()
    (folder / "moved/a.yaml").write_text("task: a\nnum_fewshot: 3\n")
    stale = not_current(moved, stored)
    assert stale == {("harness_accuracy", "first"), ("harness_accuracy", "second")}


def test_changed_campaign_leaves_the_others_as_they_are(load):
    stored = materialize_all(load())
    stale = not_current(load("random, budget", "random, seed: 3, budget"), stored)
    assert stale == {("bandit_round", "first")}


def test_parameters_of_the_llm_change_the_comparison_alone(load):
    llm = "extractor: {backend: openai, base_urls: ['http://h/v1'], model: m}\nwarmup:"
    stored = materialize_all(load("warmup:", llm))
    known = llm.replace("model: m", "model: m, parameters: 7e9")
    stale = not_current(load("warmup:", known), stored)
    assert stale == {("strategy_comparison", "")}


def test_batch_size_of_the_embedder_makes_nothing_anew(load):
    stored = materialize_all(load())
    assert not_current(load("batch_size: 64", "batch_size: 32"), stored) == set()


def test_touched_file_with_the_same_content_changes_the_inputs_of_documents_only(load, folder):
    settings = load()
    stored = materialize_all(settings)
    os.utime(folder / "corpus/a.jsonl", (1, 1))
    assert not_current(settings, stored) == {("documents", "")}
    inputs = fingerprint(expected_inputs("documents", settings, stored))
    stored["documents", ""] = (inputs, "content")
    assert not_current(settings, stored) == set()


@pytest.mark.parametrize(
    ("asset", "campaign", "readers"),
    [
        (
            "documents",
            "",
            "warmup_qa contrastive_embedder document_yields document_embeddings bandit_round "
            "fine_tuned_student "
            "accuracy_over_budget",
        ),
        ("warmup_qa", "", "contrastive_embedder document_yields"),
        ("document_yields", "", "bandit_round"),
        ("contrastive_embedder", "", "document_embeddings bandit_round"),
        ("document_embeddings", "", "clusters cluster_geometry"),
        ("clusters", "", "cluster_geometry"),
        ("cluster_geometry", "", "bandit_round"),
        ("target_qa", "first", "bandit_round qa_dataset student_accuracy accuracy_over_budget"),
        ("bandit_round", "first", "reward_curve qa_dataset strategy_comparison"),
        ("qa_dataset", "first", "fine_tuned_student accuracy_over_budget"),
        ("fine_tuned_student", "first", "student_accuracy harness_accuracy"),
        ("student_accuracy", "first", "accuracy_over_budget strategy_comparison"),
        ("accuracy_over_budget", "first", "strategy_comparison"),
    ],
)
def test_changed_content_changes_all_that_read_it_and_nothing_else(load, asset, campaign, readers):
    settings = load()
    stored = materialize_all(settings)
    stored[asset, campaign] = (stored[asset, campaign][0], "other content")
    stale = not_current(settings, stored)
    assert {name for name, _ in stale} == set(readers.split())
    assert {of for _, of in stale if of} <= ({campaign} if campaign else {"first", "second"})


def test_new_file_of_the_corpus_changes_the_inputs_of_documents(load, folder):
    settings = load()
    stored = materialize_all(settings)
    (folder / "corpus/deep").mkdir()
    assert not_current(settings, stored) == set()
    (folder / "corpus/deep/b.jsonl").write_text("{}\n", encoding="utf-8")
    assert not_current(settings, stored) == {("documents", "")}


def test_target_follows_the_content_of_its_files_and_not_their_time(load, folder):
    settings = load()
    stored = materialize_all(settings)
    os.utime(folder / "test.jsonl", (1, 1))
    assert not_current(settings, stored) == set()
    (folder / "test.jsonl").write_text('{"question": "?"}\n', encoding="utf-8")
    assert not_current(settings, stored) == {("target_qa", "first"), ("target_qa", "second")}


def test_installed_packages_are_signed_by_interpreter_and_versions(load):
    settings = load("{source: files, paths: [corpus]}", "{source: installed-packages}")
    signature = source_signature(settings)
    assert signature == source_signature(settings)
    assert signature["Python"] == sys.version
    assert signature["pytest"] == pytest.__version__


def test_hub_data_set_is_read_again_only_when_its_name_changes(load):
    corpus = "{source: files, paths: [corpus]}"
    stored = materialize_all(load(corpus, "{source: hub, dataset: a/b}"))
    assert not_current(load(corpus, "{source: hub, dataset: a/b}"), stored) == set()
    stale = not_current(load(corpus, "{source: hub, dataset: a/c}"), stored)
    assert ("documents", "") in stale


def test_missing_upstream_is_named_with_what_to_materialize(load):
    settings = load()
    stored = materialize_all(settings)
    del stored["document_embeddings", ""]
    message = "clusters reads document_embeddings, which is not there: materialize document_emb"
    with pytest.raises(CampaignError, match=message):
        expected_inputs("clusters", settings, stored)


def test_missing_upstream_of_a_campaign_is_named_with_the_campaign(load):
    settings = load()
    stored = materialize_all(settings)
    del stored["bandit_round", "second"]
    expected_inputs("qa_dataset", settings, stored, campaign="first")
    message = "qa_dataset reads bandit_round, which is not there for campaign second: materialize"
    with pytest.raises(CampaignError, match=message):
        expected_inputs("qa_dataset", settings, stored, campaign="second")


def test_what_is_not_stored_or_lost_its_upstream_is_not_current(load):
    settings = load()
    stored = materialize_all(settings)
    del stored["clusters", ""]
    assert not is_current("clusters", settings, stored)
    assert not is_current("cluster_geometry", settings, stored)
    assert is_current("document_embeddings", settings, stored)
    assert not is_current("clusters", settings, {})


def test_comparison_reads_the_campaigns_that_have_rounds_and_students_where_there_are(load):
    settings = load()
    stored = materialize_all(settings)
    both = expected_inputs("strategy_comparison", settings, stored)
    del stored["student_accuracy", "second"]
    one = expected_inputs("strategy_comparison", settings, stored)
    assert set(both["upstream"]) - set(one["upstream"]) == {"student_accuracy:second"}
    del stored["bandit_round", "second"]
    none = expected_inputs("strategy_comparison", settings, stored)
    assert set(one["upstream"]) - set(none["upstream"]) == {"bandit_round:second"}
    assert not is_current("strategy_comparison", settings, stored)


def test_stored_versions_are_what_was_recorded(load, warehouse):
    settings = load()
    assert stored_versions(warehouse) == {}
    with warehouse.transaction() as transaction:
        inputs = expected_inputs("documents", settings, {})
        transaction.record("documents", inputs=inputs, version="content", seconds=1.0)
    stored = stored_versions(warehouse)
    assert stored == {("documents", ""): (fingerprint(inputs), "content")}
    assert is_current("documents", settings, stored)
    with warehouse.transaction() as transaction:
        inputs = expected_inputs("target_qa", settings, stored, campaign="first")
        version = transaction.record("target_qa", partition="first", inputs=inputs, seconds=1.0)
    assert version == fingerprint(inputs)
    assert is_current("target_qa", settings, stored_versions(warehouse), campaign="first")
    assert not is_current("target_qa", settings, stored_versions(warehouse), campaign="second")

"""Campaigns whose strategies ask the untuned student, on a tiny real corpus."""

import logging
import shutil
import time
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import numpy as np
import polars as pl
import pytest
import yaml
from polars.testing import assert_frame_equal

from equal_assets.algorithms.flops import inference_flops, training_flops
from equal_assets.algorithms.strategies.docs import strategy_reference
from equal_assets.algorithms.strategies.ranked import space_order
from equal_assets.algorithms.strategies.strategy import Pull, Strategy, group_by_arm
from equal_assets.algorithms.strategies.table import STRATEGIES as STRATEGY_TABLE
from equal_assets.algorithms.strategies.table import ModelScore, StrategyRow
from equal_assets.assets import clustering, corpus, warmup
from equal_assets.automation.rerun_rounds import forget_rounds, plan_rerun
from equal_assets.errors import CampaignError, SettingsError
from equal_assets.planning.estimate import estimates, tokens_per_document
from equal_assets.progress import silent
from equal_assets.resources.students.student import completion, prompt
from equal_assets.resources.targets.reading import read_target
from equal_assets.resources.warehouse import qa_pairs
from equal_assets.steps.base_student import base_student
from equal_assets.steps.round_player import RoundPlayer, prepare_campaign
from equal_assets.steps.rounds import play_round
from equal_assets.steps.student_states import student_space
from equal_assets.steps.word_scores import word_scores
from equal_assets_tests.assets.campaign_folder import CampaignFolder
from equal_assets_tests.conftest import TINY
from equal_assets_tests.project import Project

STRATEGIES = ("influence-mab", "perplexity")
"""One that scores pairs, one that scores documents, one of each kind; the slow test has all."""

SIZE = {"target": "t", "budget_documents": 16, "documents_per_pull": 4, "arms_per_round": 2}
LOG = logging.getLogger("test")


class Folder(CampaignFolder):
    """A project after what all campaigns share."""

    def player(self, name: str) -> RoundPlayer:
        """Return what a process makes that starts the campaign or goes on with it."""
        return prepare_campaign(name, **self.resources(), run="run", log=LOG)

    def rows(self, query: str) -> pl.DataFrame:
        with self.warehouse.get_connection() as connection:
            return connection.sql(query).pl()

    def copy(self, to: Path) -> "Folder":
        shutil.copytree(self.path, to)
        return Folder(to)


def store_target(folder: Folder, name: str) -> None:
    """Store the reference pairs of a campaign."""
    reference, _ = read_target(folder.campaigns.load().targets["t"])
    rows = pl.DataFrame(
        {
            "question": [pair.question for pair in reference],
            "answer": [pair.answer for pair in reference],
            "position": range(len(reference)),
        }
    ).with_columns(campaign=pl.lit(name), split=pl.lit("reference"), weight=pl.lit(1.0))
    with folder.warehouse.transaction() as transaction:
        transaction.insert("target_qa", rows)
        transaction.record("target_qa", partition=name, inputs=name, version="t", seconds=1.0)


@pytest.fixture(scope="module")
def started(tmp_path_factory, models) -> Folder:
    """Documents, embedder, clusters and targets, before any round."""
    folder = Folder(tmp_path_factory.mktemp("student-strategies") / "project")
    folder.path.mkdir()
    shutil.copytree(models, folder.path / "models")
    settings = yaml.safe_load(TINY.read_text())
    settings["targets"] = {
        "t": {
            split: str(TINY.parents[2] / f"equal_assets/demo/{split}.jsonl")
            for split in ("reference", "test")
        }
    }
    settings["corpus"]["max_documents"] = 100
    settings["clustering"]["n_clusters"] = 4
    settings["influence"] = {"dimensions": 512}
    settings["campaigns"] = {name: {"strategy": name, **SIZE} for name in STRATEGIES}
    (folder.path / "campaigns.yaml").write_text(yaml.safe_dump(settings))
    shared = [corpus.documents, warmup.warmup_qa, warmup.contrastive_embedder]
    shared += [warmup.document_yields]
    shared += [clustering.document_embeddings, clustering.clusters, clustering.cluster_geometry]
    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize(shared, resources=folder.resources(), instance=instance).success
    for name in STRATEGIES:
        store_target(folder, name)
    base_student(folder.resources()["student"], folder.warehouse, log=LOG)
    return folder


@pytest.fixture(scope="module")
def played(started, tmp_path_factory) -> Folder:
    """Every campaign, each played by one process."""
    folder = started.copy(tmp_path_factory.mktemp("played") / "project")
    for name in STRATEGIES:
        player = folder.player(name)
        assert play_round(player, 1)
        assert play_round(player, 2)
    return folder


RESULTS = (
    "select * exclude request_seconds from bandit_round order by all",
    "select * from bandit_documents order by all",
    "select * exclude (seconds, extraction_seconds, embedding_seconds, selection_seconds, "
    "scoring_seconds, finished_at) from rounds order by all",
    "select * from strategy_state order by all",
    "select * exclude seconds from qa_scores order by all",
    "select * exclude seconds from document_scores order by all",
)


class MostPerplexing(Strategy):
    """Asks for what `perplexity` leaves to the last: a strategy that somebody adds."""

    def _plan(self, wanted, rng):
        order = np.argsort(self.corpus.scores, kind="stable")
        rows = order[self.unread[order]][:wanted]
        return [
            Pull(arm=arm, documents=tuple(documents))
            for arm, documents in group_by_arm(rows, self.corpus.arms).items()
        ]


def test_new_strategy_is_one_row_and_one_class(started, tmp_path, monkeypatch):
    folder = started.copy(tmp_path / "project")
    name = "most-perplexing"
    campaign = {"strategy": name, **SIZE}
    folder.edit(campaigns={name: campaign})
    with pytest.raises(SettingsError, match=f"strategy = '{name}': must be 'equal', "):
        folder.campaigns.load()
    row = StrategyRow(
        name,
        "the documents that the student finds the most perplexing",
        lambda corpus, target, plan, rng: MostPerplexing(corpus, target),
        sections=("student",),
        score=ModelScore("perplexity", "documents", "a forward pass per document"),
    )
    monkeypatch.setitem(STRATEGY_TABLE, name, row)
    settings, extractor = folder.campaigns.load(), folder.resources()["extractor"]
    assert "student" in settings.campaign_settings(name)
    assert f"| `{name}` | the documents that the student finds the most" in strategy_reference()
    folder.edit(campaigns={name: {**campaign, "stop_below_gain": 1}})
    with pytest.raises(SettingsError, match=f"{name}, which predicts no gain"):
        folder.campaigns.load()
    folder.edit(campaigns={name: campaign})

    def documents_left():
        each = tokens_per_document(settings, extractor, folder.warehouse)
        (found,) = estimates(settings, [name], each, extractor, folder.warehouse)
        return found.documents

    store_target(folder, name)
    assert documents_left() == 13  # of 16; the warm-up has paid for a fifth of the corpus
    assert play_round(folder.player(name), 1)
    assert documents_left() == 7  # of 8
    asked = folder.rows("select document_id from bandit_documents")["document_id"]
    scored = folder.rows(
        "select document_id, value from documents join document_scores using (content_hash)"
    )
    assert set(asked) == set(scored.sort("value")["document_id"].head(8))


def test_campaign_by_words_asks_for_the_documents_that_answer_best(started, tmp_path):
    folder = started.copy(tmp_path / "project")
    folder.edit(campaigns={"words": {"strategy": "bm25", **SIZE}})
    store_target(folder, "words")
    assert play_round(folder.player("words"), 1)
    assert play_round(folder.player("words"), 2)
    asked = folder.rows("select document_id from bandit_documents order by round")["document_id"]
    scores = word_scores("words", folder.warehouse, progress=silent)
    best = scores.sort("value", descending=True)["document_id"]
    assert set(asked[:8]) == set(best[:8])
    assert set(asked[8:]) == set(best[8:16])


def test_campaign_by_states_goes_on_without_the_student(started, tmp_path, monkeypatch):
    folder = started.copy(tmp_path / "project")
    folder.edit(campaigns={"states": {"strategy": "rds", **SIZE}})
    store_target(folder, "states")
    first = folder.player("states")
    assert play_round(first, 1)
    student = type(folder.resources()["student"])
    for method in ("answer_states", "base"):
        monkeypatch.setattr(student, method, lambda *_, **__: pytest.fail("asked again"))
    assert play_round(folder.player("states"), 2)
    asked = folder.rows("select document_id from bandit_documents order by round")["document_id"]
    corpus = replace(first.strategy.corpus, space=student_space(first.scorer))
    order = space_order(corpus, n_documents=16, rng=np.random.default_rng(0))
    assert set(asked[:8]) == set(first.document_ids[order[:8]])
    assert set(asked[8:]) == set(first.document_ids[order[8:]])
    spent = folder.rows("select scoring_flops from rounds order by round")["scoring_flops"]
    total = folder.rows("select sum(flops) from student_states").item()
    assert spent.to_list() == [pytest.approx(total), 0.0]


def test_budget_of_a_strategy_that_takes_all_is_the_whole_corpus(started, tmp_path):
    folder = started.copy(tmp_path / "project")
    campaign = {**SIZE, "strategy": "all"}
    folder.edit(campaigns={"everything": campaign})
    store_target(folder, "everything")
    n_documents = len(folder.rows("select document_id from documents"))
    refused = f"budget_documents = 16: must be {n_documents}; strategy all extracts every document"
    with pytest.raises(CampaignError, match=refused):
        folder.player("everything")
    folder.edit(campaigns={"everything": {**campaign, "budget_documents": n_documents}})
    assert folder.player("everything").campaign.n_rounds == -(-n_documents // 8)


def test_campaign_that_another_process_goes_on_with_is_the_same(started, played, tmp_path):
    folder = started.copy(tmp_path / "project")
    for name in STRATEGIES:
        for number in (1, 2):
            assert play_round(folder.player(name), number)
    for query in RESULTS:
        assert_frame_equal(folder.rows(query), played.rows(query))


def test_rounds_that_are_played_anew_are_the_same(played, tracker, tmp_path):
    folder = played.copy(tmp_path / "project")
    settings, warehouse = folder.campaigns.load(), folder.warehouse
    extractor = folder.resources()["extractor"]
    for name in STRATEGIES:
        rerun = plan_rerun(name, settings, warehouse, from_round=2)
        forget_rounds(rerun, warehouse, extractor, tracker)
        assert len(folder.rows("select * from rounds")) == len(STRATEGIES) + 1
        assert play_round(folder.player(name), 2)
    for query in RESULTS:
        assert_frame_equal(folder.rows(query), played.rows(query))


def test_nothing_is_scored_twice(played, tmp_path, monkeypatch):
    folder = played.copy(tmp_path / "project")
    student = type(folder.resources()["student"])
    for method in ("answer_log_probabilities", "answer_gradients", "base"):
        monkeypatch.setattr(student, method, lambda *_, **__: pytest.fail("asked again"))
    with folder.warehouse.transaction() as transaction:
        for table in ("rounds", "bandit_round", "bandit_documents", "strategy_state"):
            transaction.delete(table)
    for name in STRATEGIES:
        assert play_round(folder.player(name), 1)
    for query in RESULTS[:2]:
        of_first = played.rows(query).filter(pl.col("round") == 1)
        paid = [column for column in of_first.columns if "cached" in column or "tries" in column]
        assert_frame_equal(folder.rows(query).drop(paid), of_first.drop(paid))


def test_reward_of_a_cluster_is_the_mean_score_of_all_its_pairs(played):
    scores = played.rows(
        "select cluster, avg(value) as score, count(*) as n from bandit_documents "
        "join extracted_qa using (content_hash, extractor) join qa_scores using (qa_id) "
        "where campaign = 'influence-mab' group by all"
    )
    last = played.rows(
        "select cluster, arg_max(reward, (round, pull)) as reward, "
        "arg_max(arm_pairs, (round, pull)) as pairs from bandit_round "
        "where campaign = 'influence-mab' group by all"
    )
    both = last.join(scores, on="cluster")
    assert len(both) >= 2
    np.testing.assert_allclose(both["reward"], both["score"], rtol=1e-12)
    assert both["pairs"].to_list() == both["n"].to_list()


def test_influence_of_a_pair_is_the_cosine_of_its_gradient_to_that_of_the_target(played):
    student = played.resources()["student"]
    base = base_student(student, played.warehouse, log=LOG)
    rows = played.rows(
        "select question, answer, value, flops from qa_scores join extracted_qa using (qa_id)"
    )
    target = played.rows("select question, answer from target_qa where campaign = 'influence-mab'")

    def gradients(pairs):
        found = student.answer_gradients(
            base, *texts(pairs), dimensions=512, seed=0, progress=silent
        )
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    center = gradients(qa_pairs(target)).mean(axis=0)
    expected = gradients(qa_pairs(rows)) @ center / np.linalg.norm(center)
    np.testing.assert_allclose(rows["value"], expected, atol=1e-5)
    read = student.n_tokens_read(base, *texts(qa_pairs(rows)))
    each = training_flops(student.n_parameters(base), 1)
    np.testing.assert_allclose(rows["flops"], read * each)


def texts(pairs):
    return [prompt(pair) for pair in pairs], [completion(pair) for pair in pairs]


def test_documents_of_low_perplexity_are_asked_for_first(played):
    scores = played.rows(
        "select documents.document_id, text, value, round from documents "
        "join document_scores using (content_hash) left join bandit_documents "
        "on bandit_documents.document_id = documents.document_id and campaign = 'perplexity'"
    )
    student = played.resources()["student"]
    base = base_student(student, played.warehouse, log=LOG)
    found, n_tokens = student.answer_log_probabilities(
        base, [""] * len(scores), scores["text"].to_list(), progress=silent
    )
    np.testing.assert_allclose(scores["value"], 1 / (1 - found / n_tokens), rtol=1e-4)
    first, second, never = (
        scores.filter(pl.col("round").eq_missing(number))["value"] for number in (1, 2, None)
    )
    assert (len(first), len(second), len(never)) == (8, 8, 84)
    assert first.min() >= second.max()
    assert second.min() >= never.max()


def test_operations_and_seconds_of_scores_stand_with_the_rounds(played):
    student = played.resources()["student"]
    base = base_student(student, played.warehouse, log=LOG)
    spent = played.rows(
        "select scoring_flops, scoring_seconds from rounds order by campaign, round"
    )
    of_influence, of_perplexity = spent["scoring_flops"][:2], spent["scoring_flops"][2:]
    read = played.rows("select text from documents")["text"].to_list()
    n_tokens = int(student.n_tokens_read(base, [""] * len(read), read).sum())
    # every document before the first round
    expected = inference_flops(student.n_parameters(base), n_tokens)
    assert of_perplexity.to_list() == [pytest.approx(expected), 0.0]
    # the reference pairs before the first round, the pairs of each
    total = played.rows("select sum(flops) from qa_scores").item()
    reference = played.rows("select sum(flops) from target_gradients").item()
    assert of_influence.sum() == pytest.approx(total + reference)
    assert of_influence[0] > reference > 0
    assert of_influence[1] > 0
    assert ((spent["scoring_seconds"] > 0) == (spent["scoring_flops"] > 0)).all()


def test_another_student_makes_it_another_campaign(played, tmp_path):
    folder = played.copy(tmp_path / "project")
    folder.edit(student={"hidden_size": 64})
    with pytest.raises(CampaignError, match=r"student\.hidden_size: 32 then, 64 now"):
        folder.player("perplexity")


KILLED_RUN = """
from equal_assets.steps import student_scores
student_scores.READ_TOGETHER = 16
from equal_assets.cli.main import main
main(["run"])
"""


@pytest.mark.slow
def test_killed_while_the_student_scores_every_campaign_ends_as_if_undisturbed(tmp_path, models):
    size = {**SIZE, "target": "python-libraries", "budget_documents": 40, "arms_per_round": 5}
    names = ("perplexity-mab", "influence-mab", "perplexity", "influence")
    undisturbed, killed = (
        Project.make(tmp_path / name, models=models) for name in ("undisturbed", "killed")
    )
    for project in (undisturbed, killed):
        path = project.folder / "campaigns.yaml"
        settings = yaml.safe_load(path.read_text())
        settings["campaigns"] = {name: {"strategy": name, **size} for name in names}
        settings["student"]["context_tokens"] = 256
        path.write_text(yaml.safe_dump(settings, sort_keys=False))
    result = undisturbed.equal("run", timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    for table in ("qa_scores", "document_scores"):
        kill_once_it_grows(killed, table)
    result = killed.equal("run", timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    for query in (*RESULTS, "select * from qa_dataset order by all"):
        assert_frame_equal(killed.sql(query), undisturbed.sql(query))


def kill_once_it_grows(project, table):
    """Start a run, and kill it when a table has more rows than it had."""

    def count():
        try:
            return project.sql(f"select count(*) from {table}").item()
        except duckdb.Error:  # not made yet, or the process has it open
            return -1

    before = max(count(), 0)
    process = project.start("-c", KILLED_RUN)
    try:
        deadline = time.monotonic() + 300
        while count() <= before:
            assert process.poll() is None, process.stdout.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()

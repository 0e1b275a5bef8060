"""The comparison of strategies on a warehouse small enough to judge by hand."""

from dataclasses import asdict
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
import yaml

from equal_assets.assets.evaluation import strategy_comparison
from equal_assets.records import Usage
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.extraction.extractors import StructuralExtractor
from equal_assets.resources.tracking import Tracker
from equal_assets_tests.conftest import TINY

TEST_SIMILARITY = {"p1": 1.0, "p2": 0.0, "p3": 0.6, "p4": -1.0}
"""Of each pair to the only test pair, which is the only reference pair as well."""

TOKENS = asdict(Usage(prompt_tokens=7, completion_tokens=3)) | {"n_cached": 0, "n_rejected": 0}
PULL = {"pull": 0, "cluster": 0, "n_pairs": 1, "n_failed": 0, "arm_pairs": 1, "reward": -0.5}
RECALLS = ("recall_at_1_before", "recall_at_1_after", "recall_at_10_before", "recall_at_10_after")
TUNED = dict.fromkeys((*RECALLS, "loss_first", "loss_last", "seconds"), 0.0)


class OneDirection(Embedder):
    def encode(self, texts, *, path, progress):
        return np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(texts), 1))


class FileTracker(Tracker):
    def campaign_run(self, campaign, fingerprint, settings):
        return f"run-of-{campaign}"

    def log_picture(self, run_id, png, name):
        Path(self.artifacts_folder, f"{run_id}-{name}").write_bytes(png)

    def mark(self, run_id, asset, version):
        Path(self.artifacts_folder, f"{run_id}-{asset}").write_text(version)


@pytest.fixture
def tracker(tmp_path) -> FileTracker:
    return FileTracker(uri="", experiment="", artifacts_folder=str(tmp_path), pages="")


@pytest.fixture
def campaigns(tmp_path) -> CampaignsFile:
    """The tiny campaigns with budgets of 40 and 60 documents."""
    settings = yaml.safe_load(TINY.read_text())
    target = settings["targets"]["python-libraries"]
    for split, path in target.items():
        target[split] = str((TINY.parent / path).resolve())
    for name, budget in (("equal-paper", 40), ("random", 60)):
        settings["campaigns"][name]["budget_documents"] = budget
    path = tmp_path / "campaigns.yaml"
    path.write_text(yaml.safe_dump(settings))
    return CampaignsFile(path=str(path), state_folder=str(tmp_path))


def seconds_of_round(seconds):
    """A quarter each of extraction and embedding, the rest of selection."""
    parts = {"extraction": 0.25, "embedding": 0.25, "selection": 0.5}
    return {"seconds": seconds} | {f"{part}_seconds": s * seconds for part, s in parts.items()}


def play(transaction, campaign, rounds):
    """Store rounds of 20 documents, of which those named gave one pair each."""
    n_pairs = 0
    for number, pairs in enumerate(rounds, 1):
        n_pairs += len(pairs)
        key = {"campaign": campaign, "round": number}
        outcome = {"pool_pairs": n_pairs, "pool_ot_cost": 0.5, **seconds_of_round(2.0 * number)}
        documents = [
            {"document_id": pair, "content_hash": pair, "extractor": "e", "status": "pairs"}
            for pair in pairs
        ]
        asked = [{**key, "pull": 0, "cluster": 0, **document} for document in documents]
        transaction.insert(
            "bandit_round", pl.DataFrame([{**key, **PULL, "n_documents": 20, **TOKENS}])
        )
        transaction.insert("rounds", pl.DataFrame([{**key, **outcome}]))
        transaction.insert("bandit_documents", pl.DataFrame(asked))
    start = {"campaign": campaign, "fingerprint": "f", "settings": "{}"}
    transaction.insert("campaign_settings", pl.DataFrame([start]))
    split = {"campaign": campaign, "position": 0, "question": "q", "answer": "a"}
    target = [{**split, "split": "reference"}, {**split, "split": "test"}]
    transaction.insert("target_qa", pl.DataFrame(target))
    transaction.record("bandit_round", partition=campaign, inputs=len(rounds), seconds=1.0)


@pytest.fixture
def played(warehouse):
    """One campaign at its end, another in its first round; neither has a student."""
    pairs = list(TEST_SIMILARITY)
    model = {"embedder_version": "m", "path": "p", "base_model": "b", "n_dimensions": 2}
    model["method"] = "none"
    with warehouse.transaction() as transaction:
        transaction.insert(
            "contrastive_embedder",
            pl.DataFrame([{**model, "n_train_pairs": 1, "n_held_out_pairs": 1, **TUNED}]),
        )
        texts = {"extractor": "e", "position": 0, "question": "q", "answer": "a"}
        transaction.insert(
            "extracted_qa",
            pl.DataFrame([{"qa_id": pair, "content_hash": pair, **texts} for pair in pairs]),
        )
        vectors = [[s, float(np.sqrt(1 - s**2))] for s in TEST_SIMILARITY.values()]
        embedded = {"embedder_version": "m", "embedding": vectors, "n_tokens": 5, "flops": 100.0}
        transaction.insert("qa_embeddings", pl.DataFrame({"qa_id": pairs, **embedded}))
        play(transaction, "equal-paper", [["p1", "p2"], ["p3"]])
        play(transaction, "random", [["p2", "p4"]])
    return warehouse


class CostlyExtractor(StructuralExtractor):
    """An extractor whose model takes 2,000 operations a token, or an unknown number."""

    BACKEND = "costly"
    per_token: float | None = 2000.0

    @property
    def fingerprint(self):
        return "e"

    def flops_per_token(self):
        return self.per_token


def compare(warehouse, campaigns, tracker, *, flops_per_token=2000.0):
    embedder = OneDirection(
        model="m", precision="auto", batch_size=1, chunk_overlap_tokens=0, models_folder=""
    )
    return strategy_comparison(
        context=dg.build_asset_context(),
        warehouse=warehouse,
        campaigns=campaigns,
        embedder=embedder,
        extractor=CostlyExtractor(max_pairs=1, per_token=flops_per_token),
        tracker=tracker,
    )


def test_campaigns_without_a_student_are_compared(played, campaigns, tracker):
    compare(played, campaigns, tracker)
    rows = played.query("strategy_comparison", campaigns=["equal-paper", "random"])
    assert rows.select("campaign", "documents", "n_pairs", "tokens", "is_last").rows() == [
        ("equal-paper", 20, 2, 10, False),
        ("equal-paper", 40, 3, 20, True),
        ("random", 20, 2, 10, True),
    ]
    assert set(rows["shared_budget"]) == {40}
    assert rows["seconds_per_round"].to_list() == [2.0, 3.0, 2.0]
    assert rows["pmi_accuracy"].to_list() == [None] * 3


def test_pools_are_judged_whole_and_pruned_as_data_sets_are(played, campaigns, tracker):
    file = Path(campaigns.path)
    settings = yaml.safe_load(file.read_text())
    for pruning, pruned in (
        ({"prune": 2, "min_examples": 0}, [0.5, 0.2, 1.5]),
        ({"prune": 1, "min_examples": 0}, [0.0, 0.0, 1.0]),
        ({"prune": 1, "min_examples": 2}, [0.5, 0.2, 1.5]),
        ({"prune": None}, [0.5, 1.4 / 3, 1.5]),
    ):
        file.write_text(yaml.safe_dump({**settings, "dataset": pruning}))
        compare(played, campaigns, tracker)
        rows = played.query("strategy_comparison", campaigns=["equal-paper", "random"])
        assert rows["ot_cost_test_nearest"].to_list() == pytest.approx(pruned)
    assert rows["ot_cost_test"].to_list() == pytest.approx([0.5, 1.4 / 3, 1.5])
    assert rows["coverage_test"].to_list() == pytest.approx([1.0, 1.0, 0.0])
    assert rows["near_pairs"].to_list() == [1, 1, 0]  # the top 3% of four pairs is the best one


def test_leaked_pairs_are_no_part_of_the_pools_that_are_compared(played, campaigns, tracker):
    leak = {"campaign": "random", "qa_id": "p4", "round": 1, "reason": "r"}
    with played.transaction() as transaction:
        transaction.insert("leaked_qa", pl.DataFrame([{**leak, "collided_with": "test:0"}]))
    before = played.query("reward_curve", campaign="random")["pool_pairs"][-1]
    with played.get_connection() as connection:  # what a round stores that leaves the leak aside
        connection.execute(f"update rounds set pool_pairs = {before - 1} where campaign = 'random'")
    compare(played, campaigns, tracker)
    rows = played.query("strategy_comparison", campaigns=["random"])
    assert rows["n_pairs"].to_list()[-1] == before - 1


def test_picture_is_in_the_mlflow_run_of_each_campaign(played, campaigns, tracker, tmp_path):
    result = compare(played, campaigns, tracker)
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "run-of-equal-paper-strategy_comparison.png",
        "run-of-random-strategy_comparison.png",
    }
    assert result.metadata["curves"].value.startswith("![plot](data:image/png;base64,")
    assert "| random | equal-paper | 0.4667 | – |" in result.metadata["documents to match"].value


def test_comparison_of_an_older_version_of_the_project_is_replaced(played, campaigns, tracker):
    with played.get_connection() as connection:
        connection.execute("drop table strategy_comparison")
        connection.execute("create table strategy_comparison (campaign varchar)")
    compare(played, campaigns, tracker)
    assert len(played.query("strategy_comparison", campaigns=["random"])) == 1


def test_campaign_without_pairs_has_no_costs(played, campaigns, tracker):
    with played.transaction() as transaction:
        for table in ("rounds", "bandit_round", "bandit_documents"):
            transaction.delete(table, campaign="random")
        outcome = {"campaign": "random", "round": 1, "pool_pairs": 0, **seconds_of_round(1.0)}
        transaction.insert("rounds", pl.DataFrame([outcome]))
        pull = {"campaign": "random", "round": 1, **PULL, "n_documents": 20, **TOKENS}
        transaction.insert("bandit_round", pl.DataFrame([pull]))
    compare(played, campaigns, tracker)
    row = played.query("strategy_comparison", campaigns=["random"]).row(0, named=True)
    assert (row["n_pairs"], row["near_pairs"]) == (0, 0)
    assert row["ot_cost_test"] is row["ot_cost_test_nearest"] is row["coverage_test"] is None


def test_pairs_of_another_embedder_are_not_compared(played, campaigns, tracker):
    with played.get_connection() as connection:
        connection.execute("update contrastive_embedder set embedder_version = 'another'")
    with pytest.raises(dg.Failure, match="equal-paper has 3 pairs, of which 0 are embedded"):
        compare(played, campaigns, tracker)


def test_comparison_without_rounds_says_what_to_materialize(warehouse, campaigns, tracker):
    with pytest.raises(dg.Failure, match="materialize bandit_round of a campaign first"):
        compare(warehouse, campaigns, tracker)

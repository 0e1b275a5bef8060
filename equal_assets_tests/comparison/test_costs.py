"""Cost by part: the query on a small warehouse, and what people are shown, by hand."""

from dataclasses import asdict

import polars as pl
import pytest
from rich.console import Console

from equal_assets.comparison.costs import campaign_costs, cost_columns, gains
from equal_assets.pages.costs import cost_table, print_table, shared_cost_table
from equal_assets.records import Usage
from equal_assets.resources.extraction.extractors import StructuralExtractor

PER_TOKEN = 2e9
"""Operations of a billion parameters."""


class OneBillion(StructuralExtractor):
    """An extractor of a known or unknown number of parameters."""

    per_token: float | None = PER_TOKEN

    @property
    def fingerprint(self):
        return "e"

    def flops_per_token(self):
        return self.per_token


def insert(transaction, table, *rows):
    transaction.insert(table, pl.DataFrame(rows))


def play(transaction, campaign, number, pairs, *, tokens, extractor="e", n_scored=0):
    """Store a round of one pull, of which each pair came from a document of its own."""
    key = {"campaign": campaign, "round": number}
    seconds = {"extraction_seconds": 3.0, "embedding_seconds": 2.0, "selection_seconds": 1.0}
    seconds |= {"scoring_seconds": 0.5, "scoring_flops": 7e3, "scoring_tokens": n_scored}
    insert(transaction, "rounds", {**key, "pool_pairs": len(pairs), "seconds": 6.0, **seconds})
    usage = asdict(Usage(prompt_tokens=tokens - 100, completion_tokens=100, cost=0.5))
    counted = {"n_documents": len(pairs), "n_pairs": len(pairs), "arm_pairs": len(pairs)}
    nothing = {"n_failed": 0, "n_cached": 0, "n_rejected": 0}
    pull = {**key, "pull": 0, "cluster": 0, "reward": -0.5, **counted, **nothing, **usage}
    insert(transaction, "bandit_round", pull)
    place = {**key, "pull": 0, "cluster": 0, "extractor": extractor, "status": "pairs"}
    for pair in pairs:
        insert(
            transaction,
            "bandit_documents",
            {**place, "document_id": pair, "content_hash": pair},
        )


def warm_up(transaction, content, *, payer, extractor="e", tokens):
    outcome = {"status": "pairs", "n_pairs": 1, "n_rejected": 0, "seconds": 1.0}
    usage = asdict(Usage(prompt_tokens=tokens, completion_tokens=0, cost=0.25))
    key = {"content_hash": content, "extractor": extractor, "first_asked_by": payer}
    insert(transaction, "extractions", {**key, **outcome, **usage})


@pytest.fixture
def played(warehouse):
    """Campaigns that share pair p2; only `first` has a student."""
    recalls = [f"recall_at_{k}_{when}" for k in (1, 10) for when in ("before", "after")]
    model = {"embedder_version": "v", "path": "p", "base_model": "b", "method": "none"}
    sizes = {"n_dimensions": 2, "n_train_pairs": 1, "n_held_out_pairs": 1, "seconds": 1.0}
    qa = {"extractor": "e", "position": 0, "question": "q", "answer": "a"}
    vector = {"embedding": [1.0, 0.0]}
    with warehouse.transaction() as transaction:
        insert(
            transaction,
            "contrastive_embedder",
            {**model, **sizes, **dict.fromkeys(recalls, 0.0)},
        )
        for pair, n_tokens in (("p1", 10), ("p2", 20), ("p3", 40)):
            insert(transaction, "extracted_qa", {"qa_id": pair, "content_hash": pair, **qa})
            for version, flops in (("v", 1000.0 * n_tokens), ("an older one", 1e9)):
                row = {"qa_id": pair, "embedder_version": version, **vector}
                insert(transaction, "qa_embeddings", {**row, "n_tokens": n_tokens, "flops": flops})
        play(transaction, "first", 1, ["p1"], tokens=600)
        play(transaction, "first", 2, ["p2"], tokens=400)
        play(transaction, "second", 1, ["p2", "p3"], tokens=500, n_scored=50)
        student = {"campaign": "first", "path": "p", "base_path": "b"}
        student |= {"mlflow_run_id": "r", "mlflow_model_id": "m"}
        losses = {"loss_first": 2.0, "loss_last": 1.0, "n_examples": 2, "n_parameters": 7}
        trained = {"n_tokens": 300, "flops": 6.0 * 7 * 300, "seconds": 9.0}
        insert(transaction, "fine_tuned_student", {**student, **losses, **trained})
        warm_up(transaction, "w1", payer="warm-up", tokens=700)
        warm_up(transaction, "w2", payer="warm-up", extractor="an older one", tokens=10_000)
        warm_up(transaction, "p3", payer="second|round-001", tokens=250)
        for asset, seconds, flops in (
            ("warmup_qa", 11.0, None),
            ("contrastive_embedder", 12.0, 5e6),
            ("document_embeddings", 13.0, 6e6),
            ("clusters", 14.0, None),
            ("cluster_geometry", 15.0, None),
        ):
            transaction.record(asset, inputs=1, seconds=seconds, tokens=None, flops=flops)
    return warehouse


def costs_of(warehouse, *, per_token=PER_TOKEN, names=("first", "second")):
    return campaign_costs(warehouse, OneBillion(max_pairs=1, per_token=per_token), names)


def test_each_part_of_a_campaign_is_a_row_and_what_all_share_follows(played):
    rows = costs_of(played).select("campaign", "part", "seconds", "flops", "tokens", "cost").rows()
    assert rows == [
        ("first", "extraction", 6.0, 1000 * PER_TOKEN, 1000, 1.0),
        ("first", "embedding", 4.0, 30_000.0, 30, 0.0),
        ("first", "scoring", 1.0, 14_000.0, 0, 0.0),
        ("first", "selection", 2.0, None, 0, 0.0),
        ("first", "training", 9.0, 12_600.0, 300, 0.0),
        ("second", "extraction", 3.0, 500 * PER_TOKEN, 500, 0.5),
        ("second", "embedding", 2.0, 60_000.0, 60, 0.0),  # p2 is another's work, and counts
        ("second", "scoring", 0.5, 7_000 + 50 * PER_TOKEN, 50, 0.0),
        ("second", "selection", 1.0, None, 0, 0.0),
        (None, "shared warm-up extraction", 11.0, 700 * PER_TOKEN, 700, 0.25),
        (None, "shared tuning of the embedder", 12.0, 5e6, None, 0.0),
        (None, "shared embedding of documents", 13.0, 6e6, None, 0.0),
        (None, "shared clustering", 29.0, None, 0, 0.0),
    ]


def test_campaigns_that_are_not_asked_for_are_left_out(played):
    own = costs_of(played, names=["second"]).drop_nulls("campaign")
    assert set(own["campaign"]) == {"second"}


def test_flops_of_an_unknown_model_are_null(played):
    rows = costs_of(played, per_token=None).filter(pl.col("part").str.contains("extraction"))
    assert rows["flops"].to_list() == [None, None, None]
    assert rows["tokens"].to_list() == [1000, 500, 700]
    scoring = costs_of(played, per_token=None).filter(pl.col("part") == "scoring")
    assert scoring["flops"].to_list() == [14_000, None]  # no LLM was asked; one was


def test_flops_of_an_extractor_that_the_settings_name_no_more_are_null(played):
    with played.transaction() as transaction:
        play(transaction, "old", 1, ["p9"], tokens=500, extractor="an older one")
    (extraction, embedding, *_) = costs_of(played, names=["old"]).head(3).rows(named=True)
    assert (extraction["tokens"], extraction["flops"]) == (500, None)
    assert (embedding["tokens"], embedding["flops"]) == (0, 0.0)  # it has no pairs


def test_totals_stand_where_every_part_is_known(played):
    first, second = cost_columns(costs_of(played)).rows(named=True)
    assert first["total_flops"] == 1000 * PER_TOKEN + 30_000 + 14_000 + 12_600
    assert first["total_seconds"] == 6.0 + 4.0 + 1.0 + 2.0 + 9.0
    assert second["extraction_flops"] == 500 * PER_TOKEN
    assert second["training_flops"] is second["total_flops"] is second["total_seconds"] is None


def compared(**changes):
    """The last point of a campaign that took 2 million tokens and 4 x 10^15 operations."""
    parts = {f"{part}_seconds": 1.0 for part in ("extraction", "embedding", "scoring", "selection")}
    row = {
        "campaign": "first",
        "is_last": True,
        "documents": 500,
        "tokens": 2_000_000,
        "base_pmi_accuracy": 0.25,
        "pmi_accuracy": 0.45,
        "base_perplexity": 100.0,
        "perplexity": 100.0 / 2.718281828459045,
        "extraction_flops": 3e15,
        "embedding_flops": 0.125e15,
        "scoring_flops": 0.125e15,
        "training_flops": 0.75e15,
        "total_flops": 4e15,
        **parts,
        "training_seconds": 7.0,
        "total_seconds": 11.0,
    }
    return pl.DataFrame([{**row, "is_last": False, "documents": 50}, row | changes])


def test_gain_is_divided_by_each_cost():
    (row,) = gains(compared()).rows(named=True)
    assert row == pytest.approx(
        {
            "campaign": "first",
            "accuracy_gain": 0.2,
            "accuracy_gain_per_million_tokens": 0.1,
            "accuracy_gain_per_1000_documents": 0.4,
            "accuracy_gain_per_petaflop": 0.05,
            "perplexity_gain": 1.0,
            "perplexity_gain_per_million_tokens": 0.5,
            "perplexity_gain_per_1000_documents": 2.0,
            "perplexity_gain_per_petaflop": 0.25,
        }
    )


def test_gain_for_no_tokens_or_an_unknown_cost_is_null():
    (row,) = gains(compared(tokens=0, total_flops=None)).rows(named=True)
    assert row["accuracy_gain_per_million_tokens"] is row["accuracy_gain_per_petaflop"] is None
    assert row["accuracy_gain_per_1000_documents"] == pytest.approx(0.4)
    (row,) = gains(compared(pmi_accuracy=None, perplexity=None)).rows(named=True)
    assert row["accuracy_gain"] is row["perplexity_gain_per_petaflop"] is None


def test_table_for_people_shows_a_dash_for_what_is_not_known():
    table = cost_table(compared(extraction_flops=None, total_flops=None))
    cells = dict(table.rows())
    assert cells["LLM tokens used"] == "2,000,000"
    assert cells["  extraction"] == "1.0"  # its seconds: the later row of that name
    assert table.rows()[3] == ("  extraction", "–")
    assert table.rows()[7] == ("  in all", "–")
    assert cells["  per million LLM tokens"] == "+0.5"
    assert cells["  per 10^15 FLOPs"] == "–"


def test_table_without_an_llm_is_by_documents():
    labels = cost_table(compared(tokens=0))["cost by part"].to_list()
    assert "  per 1,000 documents (no LLM)" in labels
    assert "  per million LLM tokens" not in labels


def test_printed_tables_hold_every_row(played):
    console = Console(width=120)
    with console.capture() as captured:
        print_table(console, cost_table(compared()))
        print_table(console, shared_cost_table(costs_of(played)))
    printed = captured.get()
    for text in (
        "FLOPs of models",
        "seconds, as measured",
        "4.00e+15",
        "PMI accuracy, tuned - base",
        "warm-up extraction",
        "1.40e+12",
        "29.0",
    ):
        assert text in printed

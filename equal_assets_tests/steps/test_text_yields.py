"""What texts should give, learned from an extracted sample in a warehouse."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from equal_assets.progress import silent
from equal_assets.resources.engine.engine import LocalEngine
from equal_assets.settings import WarmUpSettings, load_settings
from equal_assets.steps import text_pages
from equal_assets.steps.round_player import _candidate_documents
from equal_assets.steps.sample import draw_sample
from equal_assets.steps.text_yields import yields_by_document
from equal_assets_tests.conftest import TINY
from equal_assets_tests.crossing_engine import CrossingEngine
from equal_assets_tests.stored_documents import document_rows, embedder_row

N_DOCUMENTS = 240
LOCAL = LocalEngine(place="unused")


def text_of(number):
    """Return an exercise with two questions, or prose without any."""
    if number % 2:
        return f"The town of number {number} lies by a river, and nobody asks why. " * 5
    return "".join(
        f"Exercise {n}. What is {number} + {n}?\nSolution: {number + n}\n" for n in (1, 2)
    )


@pytest.fixture
def extracted(warehouse):
    """Exercises gave two pairs of 50 characters each; every tenth extraction failed."""
    numbers = range(N_DOCUMENTS)
    documents = document_rows(
        [f"d{n:03}" for n in numbers],
        [f"h{n}" for n in numbers],
        [text_of(n) for n in numbers],
    )
    has_failed = [n % 10 == 0 for n in numbers]
    counts = dict.fromkeys(
        (
            *("n_rejected", "prompt_tokens", "completion_tokens", "paid_prompt_tokens"),
            *("paid_completion_tokens", "n_requests", "n_tries"),
        ),
        0,
    )
    amounts = dict.fromkeys(("cost", "paid_cost", "request_seconds", "seconds"), 0.0)
    extractions = pl.DataFrame(
        [
            {"content_hash": f"h{n}", "extractor": "e", "first_asked_by": "warm-up"}
            | {"status": "failed" if has_failed[n] else "no pairs" if n % 2 else "pairs"}
            | {"n_pairs": 0 if n % 2 or has_failed[n] else 2, **counts, **amounts}
            for n in numbers
        ]
    )
    pairs = pl.DataFrame(
        [
            {"qa_id": f"q{n}-{position}", "content_hash": f"h{n}", "extractor": "e"}
            | {"position": position, "question": "What?", "answer": "a" * 50}
            for n in numbers
            if not n % 2 and not has_failed[n]
            for position in (0, 1)
        ]
    )
    with warehouse.transaction() as transaction:
        transaction.insert("documents", documents)
        transaction.insert("extractions", extractions)
        transaction.insert("extracted_qa", pairs)
    return warehouse


def sample_of(warehouse, ids, extractor="e"):
    return warehouse.query("sample_yields", document_ids=ids, extractor=extractor)


def yields_of(warehouse, sample, engine=LOCAL):
    return yields_by_document(warehouse, sample, engine, progress=silent)


def test_sample_counts_pairs_and_characters_and_leaves_failures_out(extracted):
    rows = sample_of(extracted, ["d000", "d001", "d002"])
    found = rows.select("document_id", "n_pairs", "n_answer_characters").rows()
    assert found == [("d001", 0, 0), ("d002", 2, 100)]


def test_every_document_has_a_row_and_exercises_are_expected_to_give_pairs(extracted):
    ids = [f"d{n:03}" for n in range(120)]
    rows = yields_of(extracted, sample_of(extracted, ids))
    assert rows["document_id"].to_list() == [f"d{n:03}" for n in range(N_DOCUMENTS)]
    unseen = rows[120:]
    exercises, prose = unseen[::2], unseen[1::2]
    assert exercises["expected_pairs"].min() == pytest.approx(2, rel=0.1)
    assert prose["expected_pairs"].max() < 0.1
    np.testing.assert_allclose(exercises["expected_answer_characters"], 50, rtol=0.1)


def test_machines_that_see_nothing_of_this_process_predict_the_same(extracted, monkeypatch):
    monkeypatch.setattr(text_pages, "PAGE_DOCUMENTS", 100)
    sample = sample_of(extracted, [f"d{n:03}" for n in range(120)])
    elsewhere = yields_of(extracted, sample, CrossingEngine(place="unused"))
    assert_frame_equal(elsewhere, yields_of(extracted, sample), check_exact=True)


def test_nothing_extracted_by_this_extractor_expects_the_same_of_all(extracted):
    rows = yields_of(extracted, sample_of(extracted, ["d001"], "other"))
    assert rows["expected_pairs"].n_unique() == 1
    with extracted.transaction() as transaction:
        transaction.replace("document_yields", rows)
    assert len(rows) == N_DOCUMENTS


def test_rounds_read_yields_where_the_budget_counts_tokens(extracted):
    ids = [f"d{n:03}" for n in range(N_DOCUMENTS)]
    rows = yields_of(extracted, sample_of(extracted, ids[:120]))
    with extracted.transaction() as transaction:
        transaction.replace("document_yields", rows)
        transaction.insert(
            "document_embeddings",
            pl.DataFrame({"document_id": ids, "folder": "vectors/v1", "shard": "s", "row": 0}),
        )
        transaction.insert("contrastive_embedder", embedder_row())
        transaction.insert(
            "clusters", pl.DataFrame({"document_id": ids, "cluster": 0, "distance": 0.0})
        )
    settings = load_settings(TINY)
    name = next(iter(settings.campaigns))
    assert _candidate_documents(name, settings, extracted).corpus.yields is None
    settings.campaigns[name] = settings.campaigns[name].model_copy(update={"budget_tokens": 9_000})
    yields = _candidate_documents(name, settings, extracted).corpus.yields
    np.testing.assert_array_equal(yields.pairs, rows["expected_pairs"].to_numpy())


def test_sample_is_the_same_however_often_it_is_drawn(extracted):
    settings = WarmUpSettings(share=0.1)
    first = draw_sample(extracted, settings)
    assert len(first) == 24
    assert draw_sample(extracted, settings) == first

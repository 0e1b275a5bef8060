"""Each check passes on an empty warehouse, and fails on the violation that it is there for."""

from dataclasses import asdict

import polars as pl
import pytest

from equal_assets.assets import checks
from equal_assets.records import Usage

SPENT = {"n_pairs": 1, "n_failed": 0, "arm_pairs": 1, "reward": -0.5}
TOKENS = {**asdict(Usage()), "n_cached": 0, "n_rejected": 0}


def pull(**changes) -> pl.DataFrame:
    row = {"campaign": "c", "round": 1, "pull": 0, "cluster": 0, "n_documents": 1}
    return pl.DataFrame([{**row, **SPENT, **TOKENS, **changes}])


def asked(document_id="d", *, status="pairs") -> pl.DataFrame:
    where = {"campaign": "c", "round": 1, "pull": 0, "cluster": 0}
    key = {"document_id": document_id, "content_hash": document_id, "extractor": "e"}
    return pl.DataFrame([{**where, **key, "status": status}])


def finished_round(number=1) -> pl.DataFrame:
    outcome = {"pool_pairs": 1, "pool_ot_cost": 0.5, "seconds": 1.0}
    parts = {"extraction_seconds": 0.5, "embedding_seconds": 0.25, "selection_seconds": 0.25}
    return pl.DataFrame([{"campaign": "c", "round": number, **outcome, **parts}])


def extraction(status, reason=None) -> pl.DataFrame:
    key = {"content_hash": "d", "extractor": "e", "first_asked_by": "c|round-001"}
    cost = {**asdict(Usage()), "n_pairs": 0, "n_rejected": 0, "seconds": 0.0}
    row = {**key, "status": status, "reason": reason, **cost}
    return pl.DataFrame([row], schema_overrides={"reason": pl.String})


def store(warehouse, **tables):
    with warehouse.transaction() as transaction:
        for table, rows in tables.items():
            transaction.insert(table, rows)


@pytest.mark.parametrize(
    "check", checks.CHECKS, ids=lambda check: next(iter(check.check_keys)).name
)
def test_check_passes_on_an_empty_warehouse(check, warehouse):
    assert check(warehouse=warehouse).passed


def test_whole_round_passes(warehouse):
    store(warehouse, rounds=finished_round(), bandit_round=pull(), bandit_documents=asked())
    assert checks.rounds_are_whole(warehouse=warehouse).passed


@pytest.mark.parametrize(
    "tables",
    [
        {"rounds": finished_round(), "bandit_round": pull(n_documents=2)},
        {"bandit_round": pull(), "bandit_documents": asked()},
        {"rounds": finished_round(2), "bandit_round": pull(round=2)},
    ],
    ids=["pull without its documents", "pull without its round", "round 1 missing"],
)
def test_round_that_is_not_whole_is_found(warehouse, tables):
    store(warehouse, **tables)
    result = checks.rounds_are_whole(warehouse=warehouse)
    assert not result.passed
    assert result.metadata["violations"].value >= 1


def test_document_without_an_outcome_is_found(warehouse):
    store(warehouse, bandit_documents=asked())
    assert not checks.every_document_is_accounted_for(warehouse=warehouse).passed
    store(warehouse, extractions=extraction("no pairs"))
    assert checks.every_document_is_accounted_for(warehouse=warehouse).passed


def test_failure_without_a_reason_is_found(warehouse):
    store(warehouse, bandit_documents=asked(status="failed"), extractions=extraction("failed"))
    assert not checks.every_document_is_accounted_for(warehouse=warehouse).passed


@pytest.mark.parametrize(("budget", "passed"), [(1, False), (2, True)])
def test_budget_overrun_is_found(warehouse, budget, passed):
    settings = f'{{"settings": {{"campaign": {{"budget_documents": {budget}}}}}}}'
    start = pl.DataFrame([{"campaign": "c", "fingerprint": "f", "settings": settings}])
    both = pl.concat([asked("d"), asked("e")])
    store(warehouse, campaign_settings=start, bandit_documents=both)
    assert checks.budgets_are_kept(warehouse=warehouse).passed is passed


def test_empty_document_is_found(warehouse):
    row = {"document_id": "d", "content_hash": "h", "text": " ", "n_characters": 1, "source": "s"}
    place = {"file": "f", "row": 1, "metadata": "{}", "qa_pairs": "[]", "n_copies": 1}
    store(warehouse, documents=pl.DataFrame([{**row, **place}]))
    assert not checks.documents_are_distinct(warehouse=warehouse).passed

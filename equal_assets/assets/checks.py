"""Asset checks: what must never happen, looked for after every materialization."""

import dagster as dg
import polars as pl

from equal_assets.pages.values import in_markdown
from equal_assets.resources.warehouse import Warehouse


@dg.asset_check(asset="documents", blocking=True)
def documents_are_distinct(warehouse: Warehouse) -> dg.AssetCheckResult:
    """No document is empty, and no text has two ids."""
    return _none_found(warehouse.query("check_documents"))


@dg.asset_check(asset="bandit_round")
def rounds_are_whole(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every round up to the last is stored once, with pulls whose documents are all recorded."""
    return _none_found(warehouse.query("check_rounds"))


@dg.asset_check(asset="bandit_round")
def every_document_is_accounted_for(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every document used ended as pairs, as no pairs, or as a failure with a reason."""
    return _none_found(warehouse.query("check_accounting"))


@dg.asset_check(asset="bandit_round")
def budgets_are_kept(warehouse: Warehouse) -> dg.AssetCheckResult:
    """No campaign used more documents than its budget."""
    return _none_found(warehouse.query("check_budgets"))


@dg.asset_check(asset="qa_dataset", blocking=True)
def no_test_question_is_trained_on(warehouse: Warehouse) -> dg.AssetCheckResult:
    """No training example holds a test question of its target."""
    return _none_found(warehouse.query("check_test_questions"))


def _none_found(violations: pl.DataFrame) -> dg.AssetCheckResult:
    """Pass where a query that looks for violations finds none."""
    shown = "\n".join(f"- {in_markdown(str(row))}" for row in violations.head(20).rows(named=True))
    return dg.AssetCheckResult(
        passed=violations.is_empty(),
        metadata={"violations": len(violations), "first": dg.MetadataValue.md(shown or "none")},
    )


CHECKS = [
    documents_are_distinct,
    rounds_are_whole,
    every_document_is_accounted_for,
    budgets_are_kept,
    no_test_question_is_trained_on,
]

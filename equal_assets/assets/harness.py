"""Group `evaluation`: the students on the tasks of lm-eval."""

import time
from dataclasses import asdict, fields

import dagster as dg
import polars as pl

from equal_assets.pages.campaign_run import campaign_run
from equal_assets.pages.metadata import markdown
from equal_assets.partitions import CAMPAIGNS
from equal_assets.progress import report
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.harness.run import HarnessItem, HarnessResult, run_harness
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import HarnessSettings
from equal_assets.versions import expected_inputs, stored_versions

ACCURACY = {
    "campaign": pl.String,
    "task": pl.String,
    "metric": pl.String,
    "base": pl.Float64,
    "base_stderr": pl.Float64,
    "tuned": pl.Float64,
    "tuned_stderr": pl.Float64,
    "n": pl.Int64,
}
ITEMS = {
    **dict.fromkeys(("campaign", "student"), pl.String),
    **{
        field.name: pl.Int64 if field.name == "doc_id" else pl.String
        for field in fields(HarnessItem)
    },
}
"""Columns of the two tables, so that no row is a table too."""


@dg.asset(
    group_name="evaluation",
    kinds={"huggingface", "mlflow", "duckdb"},
    partitions_def=CAMPAIGNS,
    deps=["fine_tuned_student"],
)
def harness_accuracy(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is a metric of a campaign's student on an lm-eval task, beside the untuned base.

    Nothing is run, and no row stored, where `evaluation.harness` names no task.
    """
    settings, campaign = campaigns.load(), context.partition_key
    harness, started = settings.evaluation.harness, time.monotonic()
    inputs = expected_inputs(
        "harness_accuracy", settings, stored_versions(warehouse), campaign=campaign
    )
    models = warehouse.query("fine_tuned_student", campaign=campaign).row(0, named=True)
    results = {
        student: _evaluate(models[column], harness, context, f"{campaign}: the {student} student")
        for student, column in (("base", "base_path"), ("tuned", "path"))
        if harness.names
    }
    rows, items = _rows(campaign, results)
    with warehouse.transaction() as transaction:
        transaction.replace("harness_accuracy", rows, campaign=campaign)
        transaction.replace("harness_items", items, campaign=campaign)
        version = transaction.record(
            "harness_accuracy",
            partition=campaign,
            inputs=inputs,
            seconds=time.monotonic() - started,
        )
    run_id = campaign_run(warehouse, tracker, campaign)
    _track(tracker, run_id, rows)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(rows),
            "tasks": ", ".join(harness.names) or "none: evaluation.harness names none",
            "lm-eval": markdown(rows.drop("campaign")),
            "items": len(items),
            "MLflow run": dg.MetadataValue.url(tracker.run_url(run_id)),
            "seconds": round(time.monotonic() - started, 1),
        },
    )


def _evaluate(
    path: str, harness: HarnessSettings, context: dg.AssetExecutionContext, label: str
) -> HarnessResult:
    return run_harness(
        path,
        tasks=harness.names,
        include_path=harness.include_path,
        num_fewshot=harness.num_fewshot,
        limit=harness.limit,
        batch_size=harness.batch_size,
        seed=harness.seed,
        allow_unsafe_code=harness.allow_unsafe_code,
        progress=report(context.log, f"{label} on lm-eval"),
    )


def _rows(campaign: str, results: dict[str, HarnessResult]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of both tables; none where nothing was run."""
    rows = [
        {
            "campaign": campaign,
            "task": tuned.task,
            "metric": tuned.metric,
            "base": base.value,
            "base_stderr": base.standard_error,
            "tuned": tuned.value,
            "tuned_stderr": tuned.standard_error,
            "n": tuned.n,
        }
        # the same tasks on the same questions: the same metrics in the same order
        for base, tuned in zip(*(result.metrics for result in results.values()), strict=True)
    ]
    items = [
        {"campaign": campaign, "student": student, **asdict(item)}
        for student, result in results.items()
        for item in result.items
    ]
    return pl.DataFrame(rows, schema=ACCURACY), pl.DataFrame(items, schema=ITEMS)


def _track(tracker: Tracker, run_id: str, rows: pl.DataFrame) -> None:
    """Log the metrics as MLflow shows them together, by task."""
    for student, prefix in (("base", "base_harness"), ("tuned", "harness")):
        values = {
            f"{prefix}/{row['task']}/{row['metric']}": row[student]
            for row in rows.iter_rows(named=True)
        }
        tracker.log_result(run_id, values)
    tracker.finish(run_id)

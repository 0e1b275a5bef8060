"""Runs students on the tasks of lm-eval, and puts base and tuned beside each other."""

from dataclasses import asdict, fields

import dagster as dg
import polars as pl

from equal_assets.progress import report
from equal_assets.resources.harness.run import HarnessItem, HarnessResult, run_harness
from equal_assets.settings import HarnessSettings

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
"""Columns of the two tables, which need them when they have no row."""


def evaluate_students(
    paths: dict[str, str], campaign: str, harness: HarnessSettings, *, log: dg.DagsterLogManager
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of `harness_accuracy` and `harness_items`; none where no task is named.

    Parameters
    ----------
    paths : dict of str to str
        The folders of the models ``base`` and ``tuned``, in this order.
    campaign : str
    harness : HarnessSettings
    log : DagsterLogManager
    """
    results = {
        student: _evaluate(path, harness, log, f"{campaign}: the {student} student")
        for student, path in paths.items()
        if harness.names
    }
    return _rows(campaign, results)


def _evaluate(
    path: str, harness: HarnessSettings, log: dg.DagsterLogManager, label: str
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
        progress=report(log, f"{label} on lm-eval"),
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

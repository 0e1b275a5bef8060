"""Group `evaluation`: what the students learned, and strategies side by side."""

import time

import dagster as dg
import polars as pl

from equal_assets.assets.comparing import by_target, compare_target
from equal_assets.assets.judging import judge_by_choice
from equal_assets.assets.selection import campaign_run
from equal_assets.comparison import compared_campaigns, matches
from equal_assets.partitions import CAMPAIGNS
from equal_assets.progress import report
from equal_assets.reporting import comparison_figure, markdown
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedder import Embedder
from equal_assets.resources.student import Student
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.versions import expected_inputs, stored_versions


@dg.asset(
    group_name="evaluation",
    kinds={"torch", "mlflow", "duckdb"},
    partitions_def=CAMPAIGNS,
    deps=["fine_tuned_student", "target_qa"],
)
def student_accuracy(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    student: Student,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is a metric of a campaign's student on the test split, beside the untuned base."""
    settings, campaign = campaigns.load(), context.partition_key
    started = time.monotonic()
    stored = stored_versions(warehouse)
    inputs = expected_inputs("student_accuracy", settings, stored, campaign=campaign)
    models = warehouse.query("fine_tuned_student", campaign=campaign).row(0, named=True)
    test = warehouse.query("target_pairs", campaign=campaign, split="test")
    pairs = qa_pairs(test)
    base, tuned = (
        judge_by_choice(
            student,
            models[column],
            pairs,
            choices=settings.evaluation.choices,
            seed=settings.evaluation.seed,
            progress=report(context.log, f"{campaign}: evaluate the {name} student"),
        )
        for column, name in (("base_path", "untuned"), ("path", "tuned"))
    )
    interval = {"tuned_low": tuned.accuracy_low, "tuned_high": tuned.accuracy_high}
    metrics = {
        "pmi_accuracy": {"base": base.accuracy, "tuned": tuned.accuracy, **interval},
        "perplexity": {"base": base.perplexity, "tuned": tuned.perplexity},
    }
    shared = {"campaign": campaign, "n_questions": tuned.n_questions}
    rows = pl.DataFrame([{**shared, "metric": name, **values} for name, values in metrics.items()])
    with warehouse.transaction() as transaction:
        transaction.replace("student_accuracy", rows, campaign=campaign)
        version = transaction.record(
            "student_accuracy",
            partition=campaign,
            inputs=inputs,
            seconds=time.monotonic() - started,
        )
    run_id = campaign_run(warehouse, tracker, campaign)
    tracker.log_result(run_id, {f"base_{m}": v for m, v in rows.select("metric", "base").rows()})
    tracker.log_result(run_id, dict(rows.select("metric", "tuned").rows()))
    tracker.finish(run_id)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "student on the test split": markdown(rows.drop("campaign")),
            "PMI accuracy": tuned.accuracy,
            "PMI accuracy before": base.accuracy,
            "perplexity": tuned.perplexity,
            "perplexity before": base.perplexity,
            "seconds": round(time.monotonic() - started, 1),
        },
    )


@dg.asset(
    group_name="evaluation",
    kinds={"duckdb", "numpy", "mlflow"},
    deps=["bandit_round", "student_accuracy"],
)
def strategy_comparison(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is a campaign at a budget point: what its pool is worth on the test split.

    Every campaign that has rounds takes part, with or without a student.
    """
    settings = campaigns.load()
    started = time.monotonic()
    stored = stored_versions(warehouse)
    inputs = expected_inputs("strategy_comparison", settings, stored)
    groups = by_target(compared_campaigns(settings, stored), settings)
    if not groups:
        raise dg.Failure(
            "no campaign has rounds yet: materialize bandit_round of a campaign first",
            allow_retries=False,
        )
    rows = pl.concat(
        [compare_target(names, settings, warehouse, embedder, context.log) for names in groups],
        how="vertical_relaxed",
    )
    with warehouse.transaction() as transaction:
        transaction.recreate("strategy_comparison", rows)
        transaction.insert("strategy_comparison", rows)
        version = transaction.record(
            "strategy_comparison",
            inputs=inputs,
            seconds=time.monotonic() - started,
        )
    for names in groups:
        figure = comparison_figure(rows.filter(pl.col("campaign").is_in(names)))
        for name in names:
            run_id = campaign_run(warehouse, tracker, name)
            tracker.log_figure(run_id, figure, "strategy_comparison.png")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(rows),
            "comparison": markdown(comparison_figure(rows)),
            "table": markdown(rows),
            "documents to match": markdown(matches(rows)),
            "seconds": round(time.monotonic() - started, 1),
        },
    )

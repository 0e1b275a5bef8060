"""Group `evaluation`: what the students learned, and strategies side by side."""

import time

import dagster as dg
import polars as pl

from equal_assets.comparison.costs import campaign_costs, cost_columns
from equal_assets.comparison.points import compared_campaigns, matches
from equal_assets.comparison.pools import by_target, compare_target
from equal_assets.comparison.students import compare_students
from equal_assets.pages.campaign_run import campaign_run, link_campaign
from equal_assets.pages.costs import cost_table, shared_cost_table
from equal_assets.pages.figures.students import accuracy_figure, comparison_figure
from equal_assets.pages.metadata import in_short, markdown, readable
from equal_assets.partitions import CAMPAIGNS
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.students.student import Student
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.steps.judging import answers_on_test, metrics_of
from equal_assets.versions import expected_inputs, stored_versions

WRONG_ANSWERS_SHOWN = 3
"""Of each measure, in the metadata of a materialization."""


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
    answers = {
        name: answers_on_test(
            student,
            models[column],
            warehouse,
            campaign=campaign,
            name=name,
            identity=models[identity],
            settings=settings,
            log=context.log,
        )
        for name, column, identity in (
            ("base", "base_path", "base_path"),
            ("tuned", "path", "mlflow_model_id"),
        )
    }
    rows = _beside(metrics_of(answers["base"]), metrics_of(answers["tuned"]), campaign)
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
    tuned = dict(rows.select("metric", "tuned").rows())
    before = {f"{metric} before": value for metric, value in rows.select("metric", "base").rows()}
    tracker.log_result(run_id, tuned)
    tracker.log_evaluation(
        models["mlflow_run_id"], models["mlflow_model_id"], tuned, answers["tuned"]
    )
    tracker.finish(run_id)
    shown = warehouse.query("student_accuracy", campaigns=[campaign])  # perplexity first
    figure = accuracy_figure(shown)
    tracker.log_figure(run_id, figure, "student_accuracy.png")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "student on the test split": markdown(shown.drop("campaign")),
            "before and after": markdown(figure),
            "answers that were wrong": markdown(in_short(_wrong_answers(answers["tuned"]))),
            "MLflow run": link_campaign(context, settings, warehouse, tracker, campaign),
            **readable(tuned | before),
            "seconds": round(time.monotonic() - started, 1),
        },
    )


def _beside(base: pl.DataFrame, tuned: pl.DataFrame, campaign: str) -> pl.DataFrame:
    """Return the rows of `student_accuracy`: what the metrics of the two students are."""
    named = [
        metrics.select(
            "metric",
            "n_questions",
            pl.col("value").alias(name),
            pl.col("low").alias(f"{name}_low"),
            pl.col("high").alias(f"{name}_high"),
        )
        for name, metrics in (("base", base), ("tuned", tuned))
    ]
    return (
        named[0]
        .join(named[1].drop("n_questions"), on="metric", maintain_order="left")
        .with_columns(campaign=pl.lit(campaign))
    )


def _wrong_answers(answers: pl.DataFrame) -> pl.DataFrame:
    """Return a few wrong answers for people to look at, the first of each measure."""
    wrong = answers.filter(~pl.col("is_correct")).group_by("measure", maintain_order=True)
    return wrong.head(WRONG_ANSWERS_SHOWN).select(
        "measure", "prompt", "output", "extracted", "reason"
    )


@dg.asset(
    group_name="evaluation",
    kinds={"duckdb", "numpy", "mlflow"},
    deps=["bandit_round", "student_accuracy", "accuracy_over_budget"],
)
def strategy_comparison(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
    extractor: Extractor,
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
    names = [name for of_target in groups for name in of_target]
    costs = campaign_costs(warehouse, extractor, names)
    columns = cost_columns(costs)
    rows = pl.concat(
        [
            compare_target(of_target, settings, warehouse, embedder, columns, context.log)
            for of_target in groups
        ],
        how="vertical_relaxed",
    )
    paired = pl.concat(
        compare_students(warehouse.query("tuned_answers", campaigns=of_target))
        for of_target in groups
    )
    with warehouse.transaction() as transaction:
        transaction.delete("student_comparison")
        transaction.insert("student_comparison", paired)
        transaction.recreate("strategy_comparison", rows)
        transaction.insert("strategy_comparison", rows)
        version = transaction.record(
            "strategy_comparison",
            inputs=inputs,
            seconds=time.monotonic() - started,
        )
    accuracy = warehouse.query("accuracy_over_budget", campaigns=names)
    for of_target in groups:
        figure = comparison_figure(rows.filter(pl.col("campaign").is_in(of_target)), accuracy)
        for name in of_target:
            run_id = campaign_run(warehouse, tracker, name)
            tracker.log_figure(run_id, figure, "strategy_comparison.png")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(rows),
            "documents to match": markdown(matches(rows)),
            "comparison": markdown(comparison_figure(rows, accuracy)),
            "table": markdown(rows),
            "students on the same questions": markdown(paired),
            **{
                f"cost by part: {of_target['target'][0]}": markdown(cost_table(of_target))
                for of_target in rows.partition_by("target", maintain_order=True)
            },
            "cost shared by all campaigns": markdown(shared_cost_table(costs)),
            "seconds": round(time.monotonic() - started, 1),
        },
    )

"""Group `evaluation`: what the students learned, and strategies side by side."""

from typing import Any

import dagster as dg
import polars as pl

from equal_assets.comparison.costs import campaign_costs, cost_columns
from equal_assets.comparison.points import compared_campaigns
from equal_assets.comparison.pools import by_target, compare_target
from equal_assets.comparison.students import compare_students
from equal_assets.errors import CampaignError
from equal_assets.pages.campaign_run import link_campaign
from equal_assets.pages.evaluation import accuracy_page, comparison_page
from equal_assets.pages.tracked import track, track_comparison
from equal_assets.partitions import declared
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.students.student import Student
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings
from equal_assets.steps.judging import answers_on_test, metrics_of
from equal_assets.steps.making import making
from equal_assets.versions import Versions


@dg.asset(**declared("student_accuracy"), kinds={"torch", "mlflow", "duckdb"})
def student_accuracy(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    student: Student,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is a metric of a campaign's student on the test split, beside the untuned base."""
    settings, campaign = campaigns.load(), context.partition_key
    with making("student_accuracy", warehouse, settings, campaign=campaign) as made:
        models = warehouse.query("fine_tuned_student", campaign=campaign).row(0, named=True)
        answers = _answers(student, models, campaign, settings, warehouse, context.log)
        rows = _beside(metrics_of(answers["base"]), metrics_of(answers["tuned"]), campaign)
        with made.transaction() as transaction:
            transaction.replace("student_accuracy", rows, campaign=campaign)
        track("student_accuracy", warehouse, tracker, campaign, version=str(made.version))
        shown = warehouse.query("student_accuracy", campaigns=[campaign])  # perplexity first
        link = link_campaign(context, settings, warehouse, tracker, campaign)
        page = accuracy_page(shown, answers["tuned"])
        return made.result({**page, "MLflow run": link}, n_rows=len(rows))


@dg.asset(**declared("strategy_comparison"), kinds={"duckdb", "numpy", "mlflow"})
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
    with making("strategy_comparison", warehouse, settings) as made:
        groups = _groups(settings, made.stored)
        names = [name for of_target in groups for name in of_target]
        costs = campaign_costs(warehouse, extractor, names)
        roles = (settings, warehouse, embedder, cost_columns(costs), context.log)
        rows = pl.concat(
            (compare_target(of_target, *roles) for of_target in groups), how="vertical_relaxed"
        )
        paired = pl.concat(
            compare_students(warehouse.query("tuned_answers", campaigns=of_target))
            for of_target in groups
        )
        with made.transaction() as transaction:
            transaction.replace("student_comparison", paired)
            transaction.recreate("strategy_comparison", rows)
            transaction.insert("strategy_comparison", rows)
        accuracy = warehouse.query("accuracy_over_budget", campaigns=names)
        for of_target in groups:
            track_comparison(
                warehouse, tracker, of_target, of_target=of_target, version=str(made.version)
            )
        return made.result(comparison_page(rows, paired, accuracy, costs), n_rows=len(rows))


def _answers(
    student: Student,
    models: dict[str, Any],
    campaign: str,
    settings: Settings,
    warehouse: Warehouse,
    log: dg.DagsterLogManager,
) -> dict[str, pl.DataFrame]:
    """Return what the untuned and the tuned student answer to the test questions."""
    return {
        name: answers_on_test(
            student,
            warehouse.found_path(models[column]),
            warehouse,
            campaign=campaign,
            name=name,
            identity=models[identity],
            settings=settings,
            log=log,
        )
        for name, column, identity in (
            ("base", "base_path", "base_path"),
            ("tuned", "path", "mlflow_model_id"),
        )
    }


def _beside(base: pl.DataFrame, tuned: pl.DataFrame, campaign: str) -> pl.DataFrame:
    """Return the rows of `student_accuracy`: the metrics of the two students."""
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


def _groups(settings: Settings, stored: Versions) -> list[list[str]]:
    """Return the campaigns that have rounds, by target."""
    groups = by_target(compared_campaigns(settings, stored), settings)
    if not groups:
        raise CampaignError(
            "no campaign has rounds yet: materialize bandit_round of a campaign first"
        )
    return groups

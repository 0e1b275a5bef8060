"""Group `evaluation`: students that were tuned on a part of a campaign's budget."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from equal_assets.errors import CampaignError
from equal_assets.pages.campaign_run import campaign_run, link_campaign
from equal_assets.pages.metadata import markdown
from equal_assets.partitions import CAMPAIGNS
from equal_assets.progress import report
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.students.student import Student
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import Settings, fingerprint, parse_share
from equal_assets.steps.base_student import base_student
from equal_assets.steps.judging import answers_on_test, metrics_of
from equal_assets.versions import expected_inputs, stored_versions


class Milestones(dg.Config):
    """Shares of the corpus in place of those of campaigns.yaml: 1%, 2.5% ..."""

    milestones: list[str] = Field(default=[], description="empty: those of campaigns.yaml")


@dataclass(frozen=True)
class Milestone:
    """Where a campaign stood when it had asked for a share of the corpus.

    Attributes
    ----------
    campaign : str
    name : str
        The share, as the settings write it.
    round : int
        The last round within it.
    documents : int
        Asked for until then.
    is_end : bool
        Whether that was the campaign's last round.
    made_as : str
        Identifies what its student is made from.
    """

    campaign: str
    name: str
    round: int
    documents: int
    is_end: bool
    made_as: str


@dg.asset(
    group_name="evaluation",
    kinds={"torch", "mlflow", "duckdb"},
    partitions_def=CAMPAIGNS,
    deps=["documents", "qa_dataset", "student_accuracy", "target_qa"],
)
def accuracy_over_budget(
    context: dg.AssetExecutionContext,
    config: Milestones,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    student: Student,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is a metric of a student tuned on what a campaign had at a milestone of its budget.

    Milestones are shares of the corpus: those of campaigns.yaml, or of the launchpad.
    """
    settings, campaign = campaigns.load().with_milestones(config.milestones), context.partition_key
    started = time.monotonic()
    if not settings.milestones:
        raise dg.Failure(
            "no milestones are named: set `milestones` in campaigns.yaml or in the launchpad, or "
            "run `equal run --milestones 1%,2%,5%`",
            allow_retries=False,
        )
    stored = stored_versions(warehouse)
    inputs = expected_inputs("accuracy_over_budget", settings, stored, campaign=campaign)
    milestones = milestones_of(campaign, settings, warehouse, inputs=inputs)
    run_id = campaign_run(warehouse, tracker, campaign)
    for milestone in milestones:
        rows = _stored_rows(warehouse, milestone)
        if rows.is_empty():
            folder = campaigns.models_folder / "milestones" / campaign
            rows = _judge_milestone(
                milestone, settings, warehouse, student, folder, log=context.log
            )
            rows = rows.with_columns(mlflow_run_id=pl.lit(run_id))
            with warehouse.transaction() as transaction:
                key = {"campaign": campaign, "milestone": milestone.name}
                transaction.replace("accuracy_over_budget", rows, **key)
        values = dict(rows.select("metric", "value").rows())
        tracker.log_point(run_id, values, prefix="over_budget/", step=milestone.documents)
    with warehouse.transaction() as transaction:
        for gone in _no_longer_named(warehouse, campaign, milestones):
            transaction.delete("accuracy_over_budget", campaign=campaign, milestone=gone)
            transaction.delete("student_answers", campaign=campaign, student=gone)
        version = transaction.record(
            "accuracy_over_budget",
            partition=campaign,
            inputs=inputs,
            seconds=time.monotonic() - started,
        )
    points = warehouse.query("accuracy_over_budget", campaigns=[campaign])
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "students over the budget": markdown(points.drop("campaign")),
            "MLflow run": link_campaign(context, settings, warehouse, tracker, campaign),
            "seconds": round(time.monotonic() - started, 1),
        },
    )


def milestones_of(
    campaign: str, settings: Settings, warehouse: Warehouse, *, inputs: dict[str, Any]
) -> list[Milestone]:
    """Return where a campaign stood at each milestone of the settings.

    Raises
    ------
    CampaignError
        If the campaign has not come to a milestone, or had asked for more in its first round.
    """
    n_documents = warehouse.query("corpus_summary")["n_documents"].item()
    curve = warehouse.query("reward_curve", campaign=campaign)
    decides = {**inputs, "settings": {**inputs["settings"], "milestones": None}}
    found = []
    for name in settings.milestones:
        limit = int(parse_share(name) * n_documents)
        within = curve.filter(pl.col("documents") <= limit)
        if within.is_empty() or limit > curve["documents"][-1]:
            asked = ", ".join(f"{100 * d / n_documents:.3g}%" for d in curve["documents"][[0, -1]])
            raise CampaignError(
                f"milestone {name} of campaign {campaign} is {limit:,} of {n_documents:,} "
                f"documents; its first and its last round end at {asked}: name milestones between"
            )
        number, documents = within.select("round", "documents").row(-1)
        found.append(
            Milestone(
                campaign=campaign,
                name=name,
                round=number,
                documents=documents,
                is_end=number == curve["round"][-1],
                made_as=fingerprint([decides, number]),
            )
        )
    return found


def _stored_rows(warehouse: Warehouse, milestone: Milestone) -> pl.DataFrame:
    return warehouse.query(
        "milestone",
        campaign=milestone.campaign,
        milestone=milestone.name,
        made_as=milestone.made_as,
    )


def _no_longer_named(warehouse: Warehouse, campaign: str, milestones: list[Milestone]) -> set[str]:
    points = set(warehouse.query("accuracy_over_budget", campaigns=[campaign])["point"])
    return points - {"untuned", "end", *(milestone.name for milestone in milestones)}


def _judge_milestone(
    milestone: Milestone,
    settings: Settings,
    warehouse: Warehouse,
    student: Student,
    folder: Path,
    *,
    log: dg.DagsterLogManager,
) -> pl.DataFrame:
    """Return the rows of a milestone; those of the end are there already."""
    if milestone.is_end:
        rows = warehouse.query("student_at_end", campaign=milestone.campaign)
    else:
        rows = _tune_and_judge(milestone, settings, warehouse, student, folder, log=log)
    return rows.with_columns(
        campaign=pl.lit(milestone.campaign),
        milestone=pl.lit(milestone.name),
        round=pl.lit(milestone.round),
        documents=pl.lit(milestone.documents),
        made_as=pl.lit(milestone.made_as),
    )


def _tune_and_judge(
    milestone: Milestone,
    settings: Settings,
    warehouse: Warehouse,
    student: Student,
    folder: Path,
    *,
    log: dg.DagsterLogManager,
) -> pl.DataFrame:
    """Fine-tune on the pairs until a milestone; the model is not kept.

    Without any pair the student is the untuned one.
    """
    campaign = milestone.campaign
    path, n_examples, flops = base_student(student, warehouse, log=log), 0, 0.0
    pairs = qa_pairs(
        warehouse.query("milestone_examples", campaign=campaign, round=milestone.round)
    )
    if pairs:
        label = f"{campaign} at {milestone.name}: fine-tune the student"
        tuning = student.fine_tune(path, pairs, out=folder, progress=report(log, label))
        path, n_examples, flops = tuning.path, tuning.n_examples, tuning.flops
    answers = answers_on_test(
        student,
        path,
        warehouse,
        campaign=campaign,
        name=milestone.name,
        identity=milestone.made_as,
        settings=settings,
        log=log,
    )
    shutil.rmtree(folder, ignore_errors=True)
    return metrics_of(answers).select(
        "metric",
        "value",
        pl.col("low").alias("value_low"),
        pl.col("high").alias("value_high"),
        pl.lit(n_examples).alias("n_examples"),
        pl.lit(flops).alias("training_flops"),
    )

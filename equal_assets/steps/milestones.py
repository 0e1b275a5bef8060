"""Students that are tuned on what a campaign had at a milestone of its budget."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from equal_assets.errors import CampaignError
from equal_assets.progress import report
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.students.student import Student
from equal_assets.resources.warehouse import Transaction, Warehouse, qa_pairs
from equal_assets.settings import Settings, fingerprint, parse_share
from equal_assets.steps.base_student import base_student
from equal_assets.steps.judging import answers_on_test, metrics_of
from equal_assets.steps.pruning import examples_after


@dataclass(frozen=True)
class Milestone:
    """A campaign at the point where it had used a share of the corpus.

    Attributes
    ----------
    campaign : str
    name : str
        The share, as the settings write it.
    round : int
        The last round within it.
    documents : int
        Used until then.
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


def milestones_of(
    campaign: str, settings: Settings, warehouse: Warehouse, *, inputs: dict[str, Any]
) -> list[Milestone]:
    """Return a campaign at each milestone of the settings.

    Raises
    ------
    CampaignError
        If there is none, or the campaign has not reached one, or was past it after its first round.
    """
    if not settings.milestones:
        raise CampaignError(
            "no milestones are named: set `milestones` in campaigns.yaml or in the launchpad, or "
            "run `equal run --milestones 1%,2%,5%`"
        )
    n_documents = warehouse.query("count_documents")["n_documents"].item()
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


def judged(
    milestone: Milestone,
    settings: Settings,
    warehouse: Warehouse,
    embedder: Embedder,
    student: Student,
    folder: Path,
    *,
    run_id: str,
    log: dg.DagsterLogManager,
) -> pl.DataFrame:
    """Return the rows of a milestone: those that are stored, or new ones, which are stored first.

    Parameters
    ----------
    milestone : Milestone
    settings : Settings
    warehouse : Warehouse
    embedder : Embedder
    student : Student
    folder : Path
        For the model while it is judged.
    run_id : str
        Of the campaign's MLflow run.
    log : DagsterLogManager
    """
    key = {"campaign": milestone.campaign, "milestone": milestone.name}
    stored = warehouse.query("milestone", **key, made_as=milestone.made_as)
    if not stored.is_empty():
        return stored
    examples = examples_after(
        warehouse, embedder, settings, campaign=milestone.campaign, number=milestone.round
    )
    rows = _judge(milestone, examples, settings, warehouse, student, folder, log=log)
    with warehouse.transaction() as transaction:
        transaction.replace(
            "accuracy_over_budget", rows.with_columns(mlflow_run_id=pl.lit(run_id)), **key
        )
        transaction.replace(
            "milestone_qa",
            examples.select("qa_id", **{column: pl.lit(value) for column, value in key.items()}),
            **key,
        )
    return rows


def forget_others(transaction: Transaction, campaign: str, milestones: list[Milestone]) -> None:
    """Delete what is stored of milestones that are no longer named."""
    points = set(transaction.query("accuracy_over_budget", campaigns=[campaign])["point"])
    for gone in points - {"untuned", "end", *(milestone.name for milestone in milestones)}:
        transaction.delete("accuracy_over_budget", campaign=campaign, milestone=gone)
        transaction.delete("milestone_qa", campaign=campaign, milestone=gone)
        transaction.delete("student_answers", campaign=campaign, student=gone)


def _judge(
    milestone: Milestone,
    examples: pl.DataFrame,
    settings: Settings,
    warehouse: Warehouse,
    student: Student,
    folder: Path,
    *,
    log: dg.DagsterLogManager,
) -> pl.DataFrame:
    """Return the rows of a milestone; at the end of the campaign they are stored already."""
    if milestone.is_end:
        rows = warehouse.query("student_at_end", campaign=milestone.campaign)
    else:
        rows = _tune_and_judge(milestone, examples, settings, warehouse, student, folder, log=log)
    return rows.with_columns(
        campaign=pl.lit(milestone.campaign),
        milestone=pl.lit(milestone.name),
        round=pl.lit(milestone.round),
        documents=pl.lit(milestone.documents),
        made_as=pl.lit(milestone.made_as),
    )


def _tune_and_judge(
    milestone: Milestone,
    examples: pl.DataFrame,
    settings: Settings,
    warehouse: Warehouse,
    student: Student,
    folder: Path,
    *,
    log: dg.DagsterLogManager,
) -> pl.DataFrame:
    """Fine-tune on the examples until a milestone; the model is not kept.

    Without any pair the student is the untuned one.
    """
    campaign = milestone.campaign
    path, n_examples, flops = base_student(student, warehouse, log=log), 0, 0.0
    if len(examples):
        label = f"{campaign} at {milestone.name}: fine-tune the student"
        tuning = student.fine_tune(
            path, qa_pairs(examples), out=folder, progress=report(log, label)
        )
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

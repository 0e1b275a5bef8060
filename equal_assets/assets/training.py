"""Group `training`: the student of each campaign."""

from typing import Any

import dagster as dg
import polars as pl

from equal_assets.errors import CampaignError
from equal_assets.pages.campaign_run import campaign_run, link_campaign
from equal_assets.pages.tracked import training_data
from equal_assets.pages.training import few_examples, few_steps, student_page
from equal_assets.partitions import declared
from equal_assets.progress import report, warn
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.publishing import seal
from equal_assets.resources.students.student import FineTuning, Student
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import fingerprint
from equal_assets.steps.base_student import base_student
from equal_assets.steps.making import making


@dg.asset(**declared("fine_tuned_student"), kinds={"torch", "huggingface", "mlflow"})
def fine_tuned_student(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    student: Student,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is the student of a campaign: model, base model, MLflow run, tokens, FLOPs."""
    settings, campaign = campaigns.load(), context.partition_key
    with making("fine_tuned_student", warehouse, settings, campaign=campaign) as made:
        examples = _examples(warehouse, campaign)
        few = few_examples(campaign, len(examples), settings.dataset)
        steps = few_steps(campaign, len(examples), settings.student)
        warnings = [warning for warning in (few, steps) if warning]
        for warning in warnings:
            warn(context.log, warning)
        base = base_student(student, warehouse, log=context.log)
        tuning = student.fine_tune(
            base,
            qa_pairs(examples),
            out=campaigns.models_folder / "students" / campaign,
            progress=report(context.log, f"{campaign}: fine-tune the student"),
        )
        run_id, model_id = _track(tuning, examples, campaign, campaigns, warehouse, tracker)
        row = {
            "path": warehouse.stored_path(tuning.path),
            "base_path": warehouse.stored_path(base),
            **_student_row(tuning, campaign=campaign, run_id=run_id, model_id=model_id),
        }
        row["seconds"] = made.seconds
        losses = pl.DataFrame({"loss": tuning.losses}).with_row_index("step", offset=1)
        # the folder of a model from the hub is named by its commit, which no setting says
        made.version = fingerprint([made.inputs, base.name])
        sealed = seal(tuning.path)
        with made.transaction() as transaction:
            transaction.replace("fine_tuned_student", pl.DataFrame([row]), campaign=campaign)
            transaction.replace(
                "student_losses", losses.with_columns(campaign=pl.lit(campaign)), campaign=campaign
            )
            transaction.publish(row["path"], sealed, asset=made.asset, campaign=campaign)
        link_campaign(context, settings, warehouse, tracker, campaign)
        page = student_page(
            row, tuning, address=tracker.run_url(run_id), warning="; ".join(warnings) or None
        )
        return made.result(page, n_rows=1)


def _examples(warehouse: Warehouse, campaign: str) -> pl.DataFrame:
    examples = warehouse.query("qa_dataset", campaign=campaign)
    if examples.is_empty():
        raise CampaignError(
            f"the data set of campaign {campaign} is empty: no pair was extracted, or all were "
            "removed; look at the materialization of qa_dataset for the reasons"
        )
    return examples


def _track(
    tuning: FineTuning,
    examples: pl.DataFrame,
    campaign: str,
    campaigns: CampaignsFile,
    warehouse: Warehouse,
    tracker: Tracker,
) -> tuple[str, str]:
    """Log a fine-tune as a child of the campaign's MLflow run; return ids of run and model."""
    return tracker.fine_tune_run(
        campaign_run(warehouse, tracker, campaign),
        f"{campaign} fine-tune",
        parameters=campaigns.load().student.model_dump(mode="json"),
        losses=tuning.losses,
        metrics={"examples": tuning.n_examples, "tokens": tuning.n_tokens, "flops": tuning.flops},
        data=training_data(campaign, examples, campaigns.exports_folder),
        student=tuning.path,
    )


def _student_row(
    tuning: FineTuning, *, campaign: str, run_id: str, model_id: str
) -> dict[str, Any]:
    return {
        "campaign": campaign,
        "mlflow_run_id": run_id,
        "mlflow_model_id": model_id,
        "n_examples": tuning.n_examples,
        "n_tokens": tuning.n_tokens,
        "n_parameters": tuning.n_parameters,
        "flops": tuning.flops,
        "loss_first": tuning.losses[0],
        "loss_last": tuning.losses[-1],
    }

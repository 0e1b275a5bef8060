"""Group `training`: the student of each campaign."""

import time

import dagster as dg
import polars as pl

from equal_assets.pages.campaign_run import campaign_run, link_campaign
from equal_assets.pages.figures.curves import loss_figure
from equal_assets.pages.metadata import markdown, readable, sparkline
from equal_assets.partitions import CAMPAIGNS
from equal_assets.progress import report
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.students.student import Student
from equal_assets.resources.tracking import Tracker, TrainingData
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import fingerprint
from equal_assets.steps.base_student import base_student
from equal_assets.versions import expected_inputs, stored_versions


@dg.asset(
    group_name="training",
    kinds={"torch", "huggingface", "mlflow"},
    partitions_def=CAMPAIGNS,
    deps=["documents", "qa_dataset"],
)
def fine_tuned_student(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    student: Student,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is the student of a campaign: model, base model, MLflow run, tokens, FLOPs."""
    settings, campaign = campaigns.load(), context.partition_key
    started = time.monotonic()
    stored = stored_versions(warehouse)
    inputs = expected_inputs("fine_tuned_student", settings, stored, campaign=campaign)
    examples = warehouse.query("qa_dataset", campaign=campaign)
    if examples.is_empty():
        raise dg.Failure(
            f"the data set of campaign {campaign} is empty: no pair was extracted, or all were "
            "removed; look at the materialization of qa_dataset for the reasons",
            allow_retries=False,
        )
    base = base_student(student, warehouse, log=context.log)
    tuning = student.fine_tune(
        base,
        qa_pairs(examples),
        out=campaigns.models_folder / "students" / campaign,
        progress=report(context.log, f"{campaign}: fine-tune the student"),
    )
    run_id, model_id = tracker.fine_tune_run(
        campaign_run(warehouse, tracker, campaign),
        f"{campaign} fine-tune",
        parameters=settings.student.model_dump(mode="json"),
        losses=tuning.losses,
        metrics={"examples": tuning.n_examples, "tokens": tuning.n_tokens, "flops": tuning.flops},
        data=TrainingData(
            name=campaign,
            digest=fingerprint(examples.rows()),
            path=campaigns.exports_folder / campaign / "qa_dataset.parquet",
            n_rows=len(examples),
        ),
        student=tuning.path,
    )
    row = {
        "campaign": campaign,
        "path": str(tuning.path),
        "base_path": str(base),
        "mlflow_run_id": run_id,
        "mlflow_model_id": model_id,
        "n_examples": tuning.n_examples,
        "n_tokens": tuning.n_tokens,
        "n_parameters": tuning.n_parameters,
        "flops": tuning.flops,
        "loss_first": tuning.losses[0],
        "loss_last": tuning.losses[-1],
        "seconds": time.monotonic() - started,
    }
    with warehouse.transaction() as transaction:
        transaction.replace("fine_tuned_student", pl.DataFrame([row]), campaign=campaign)
        version = transaction.record(
            "fine_tuned_student",
            partition=campaign,
            inputs=inputs,
            # the folder of a model from the hub is named by its commit, which no setting says
            version=fingerprint([inputs, base.name]),
            seconds=row["seconds"],
        )
    link_campaign(context, settings, warehouse, tracker, campaign)
    shown = ("n_examples", "n_tokens", "n_parameters", "flops", "loss_first", "loss_last")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "loss": sparkline(tuning.losses),
            "loss curve": markdown(loss_figure(tuning.losses)),
            **readable({name: row[name] for name in shown}),
            "MLflow run": dg.MetadataValue.url(tracker.run_url(run_id)),
            "model": dg.MetadataValue.path(str(tuning.path)),
            "base model": dg.MetadataValue.path(str(base)),
            "seconds": round(time.monotonic() - started, 1),
        },
    )

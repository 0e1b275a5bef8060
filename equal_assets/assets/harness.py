"""Group `evaluation`: the students on the tasks of lm-eval."""

import dagster as dg

from equal_assets.pages.campaign_run import run_link
from equal_assets.pages.metadata import markdown
from equal_assets.pages.tracked import track
from equal_assets.partitions import declared
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.steps.harness import evaluate_students
from equal_assets.steps.making import making


@dg.asset(**declared("harness_accuracy"), kinds={"huggingface", "mlflow", "duckdb"})
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
    harness = settings.evaluation.harness
    with making("harness_accuracy", warehouse, settings, campaign=campaign) as made:
        models = warehouse.query("fine_tuned_student", campaign=campaign).row(0, named=True)
        paths = {
            name: warehouse.found_path(models[column])
            for name, column in (("base", "base_path"), ("tuned", "path"))
        }
        rows, items = evaluate_students(paths, campaign, harness, log=context.log)
        with made.transaction() as transaction:
            transaction.replace("harness_accuracy", rows, campaign=campaign)
            transaction.replace("harness_items", items, campaign=campaign)
        version = str(made.version)
        run_id = track("harness_accuracy", warehouse, tracker, campaign, version=version)
        page = {
            "tasks": ", ".join(harness.names) or "none: evaluation.harness names none",
            "lm-eval": markdown(rows.drop("campaign")),
            "items": len(items),
            "MLflow run": run_link(tracker.run_url(run_id), campaign),
        }
        return made.result(page, n_rows=len(rows))

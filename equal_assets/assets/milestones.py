"""Group `evaluation`: students that were tuned on a part of a campaign's budget."""

import dagster as dg
from pydantic import Field

from equal_assets.pages.campaign_run import campaign_run, link_campaign
from equal_assets.pages.metadata import markdown
from equal_assets.pages.tracked import track_milestones
from equal_assets.partitions import declared
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.students.student import Student
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.steps.making import making
from equal_assets.steps.milestones import forget_others, judged, milestones_of


class Milestones(dg.Config):
    """Shares of the corpus that replace `milestones` of campaigns.yaml: 1%, 2.5% ..."""

    milestones: list[str] = Field(default=[], description="empty: `milestones` of campaigns.yaml")


@dg.asset(**declared("accuracy_over_budget"), kinds={"torch", "mlflow", "duckdb"})
def accuracy_over_budget(
    context: dg.AssetExecutionContext,
    config: Milestones,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
    student: Student,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is a metric of a student tuned on what a campaign had at a milestone of its budget.

    Milestones are shares of the corpus, from campaigns.yaml or the launchpad.
    """
    settings, campaign = campaigns.load().with_milestones(config.milestones), context.partition_key
    with making("accuracy_over_budget", warehouse, settings, campaign=campaign) as made:
        milestones = milestones_of(campaign, settings, warehouse, inputs=made.inputs)
        run_id = campaign_run(warehouse, tracker, campaign)
        folder = campaigns.models_folder / "milestones" / campaign
        roles = (settings, warehouse, embedder, student, folder)
        for milestone in milestones:
            judged(milestone, *roles, run_id=run_id, log=context.log)
            track_milestones(warehouse, tracker, campaign, run_id)
        with made.transaction() as transaction:
            forget_others(transaction, campaign, milestones)
        tracker.mark(run_id, "accuracy_over_budget", str(made.version))
        points = warehouse.query("accuracy_over_budget", campaigns=[campaign]).drop("campaign")
        link = link_campaign(context, settings, warehouse, tracker, campaign)
        page = {"students over the budget": markdown(points), "MLflow run": link}
        return made.result(page, n_rows=len(points))

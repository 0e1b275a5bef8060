"""Sensor `finish_campaigns`: what follows the last round of a campaign.

Dagster's automation conditions know only partitions. Only the warehouse knows that a campaign has
ended before the last of them, by its gain or because it is shorter than others.
"""

import dagster as dg

from equal_assets.automation.jobs import Jobs
from equal_assets.errors import CampaignError
from equal_assets.graph import made_by
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.warehouse import Warehouse
from equal_assets.runs import SHARED, asked_before, at_work
from equal_assets.settings import Settings, fingerprint
from equal_assets.versions import Versions, campaign_inputs, is_current, stored_versions


def finish_campaigns_sensor(jobs: Jobs, *, is_on: bool) -> dg.SensorDefinition:
    """Return the sensor; ``is_on`` when Dagster starts."""
    return dg.sensor(
        name="finish_campaigns",
        jobs=[jobs["finish_campaign"], jobs["compare_strategies"]],
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        description="Makes data set, student and accuracy of a campaign once its last round is "
        "stored, then compares the strategies.",
    )(ask_to_finish)


def ask_to_finish(
    context: dg.SensorEvaluationContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request what each ended campaign lacks, once for each state of its rounds."""
    settings, stored, instance = campaigns.load(), stored_versions(warehouse), context.instance
    requests, reasons = [], []
    for name in settings.automated_campaigns:
        reason = _why_not(name, settings, stored, warehouse)
        key = "" if reason else f"finish {name} {stored['bandit_round', name][1]}"
        reason = reason or at_work(instance, name)
        if not reason and (asked := asked_before(instance, key)):
            reason = f"{asked}; the job finish_campaign, or `equal run {name}`, does it again"
        if reason:
            reasons.append(f"{name}: {reason}")
        else:
            requests.append(
                dg.RunRequest(run_key=key, job_name="finish_campaign", partition_key=name)
            )
    if requests:
        return requests
    judged = {n: v for (asset, n), (_, v) in stored.items() if asset == "student_accuracy"}
    key = f"compare {fingerprint(judged)}"
    if judged and not is_current("strategy_comparison", settings, stored):
        reason = at_work(instance, SHARED) or asked_before(instance, key)
        if not reason:
            return [dg.RunRequest(run_key=key, job_name="compare_strategies")]
        reasons.append(f"strategy_comparison: {reason}")
    return dg.SkipReason("\n".join(reasons))


def _why_not(name: str, settings: Settings, stored: Versions, warehouse: Warehouse) -> str | None:
    """Return why a campaign is not to be finished now; nothing where it is."""
    progress = warehouse.query("last_round", campaign=name).row(0, named=True)
    if not progress["ended_by"]:
        return f"{progress['round']} rounds are stored, and it is not over"
    try:
        campaign_inputs(name, settings, warehouse)
    except CampaignError as error:
        return str(error)
    lacking = [
        asset
        for asset in made_by("finish_campaign", settings)
        if not is_current(asset, settings, stored, campaign=name)
    ]
    return None if lacking else "finished"

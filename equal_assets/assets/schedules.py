"""Schedules: each campaign, one round a tick."""

import dagster as dg

from equal_assets.partitions import round_key
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.warehouse import Warehouse
from equal_assets.versions import stored_versions


@dg.schedule(
    cron_schedule="0 * * * *",
    target=dg.AssetSelection.assets("bandit_round"),
    description="Plays the next round of each campaign that has budget left.",
)
def next_round(
    context: dg.ScheduleEvaluationContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> list[dg.RunRequest] | dg.SkipReason:
    """Ask for the first missing round of each campaign whose earlier stages are there."""
    requests = []
    stored = stored_versions(warehouse)
    for name in sorted(campaigns.load().campaigns):
        ready = {("cluster_geometry", ""), ("target_qa", name)} <= stored.keys()
        last, ended_by = warehouse.query("last_round", campaign=name).row(0)
        if ready and not ended_by:
            key = round_key(name, last + 1)
            # the tick is part of the key: a failed round is tried again at the next one
            tick = context.scheduled_execution_time.isoformat()
            requests.append(dg.RunRequest(run_key=f"{key} {tick}", partition_key=key))
    return requests or dg.SkipReason(
        "no campaign can go on: each has ended, or its target_qa and the clusters "
        "have not been materialized"
    )

"""Schedule `next_round`: each campaign, one round per tick."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from equal_assets.automation.jobs import Jobs
from equal_assets.errors import CampaignError
from equal_assets.partitions import round_key
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.warehouse import Warehouse
from equal_assets.runs import PARTITION_TAG, at_work
from equal_assets.settings import AutomationSettings, Settings
from equal_assets.versions import campaign_inputs


def next_round_schedule(jobs: Jobs, automation: AutomationSettings) -> dg.ScheduleDefinition:
    """Return the schedule that the settings describe."""
    return dg.schedule(
        name="next_round",
        cron_schedule=automation.cron,
        execution_timezone=automation.time_zone,
        job=jobs["play_rounds"],
        default_status=dg.DefaultScheduleStatus.RUNNING
        if automation.next_round
        else dg.DefaultScheduleStatus.STOPPED,
        description="Plays the next round of each campaign that can go on.",
    )(ask_for_next_rounds)


def ask_for_next_rounds(
    context: dg.ScheduleEvaluationContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request the first missing round of each campaign; log why others are left alone."""
    settings, requests, reasons = campaigns.load(), [], []
    for name in settings.automated_campaigns:
        progress = warehouse.query("last_round", campaign=name).row(0, named=True)
        reason = _why_not(name, progress, settings, warehouse, context.instance)
        if reason:
            reasons.append(f"{name}: {reason}")
            continue
        key = round_key(name, progress["round"] + 1)
        # the tick is part of the key: a failed round is tried again at the next one
        tick = context.scheduled_execution_time.isoformat()
        requests.append(dg.RunRequest(run_key=f"{key} {tick}", partition_key=key))
    if requests:
        for reason in reasons:
            context.log.info(f"no round is requested for {reason}")
        return requests
    return dg.SkipReason("\n".join(reasons))


def _why_not(
    name: str,
    progress: dict[str, Any],
    settings: Settings,
    warehouse: Warehouse,
    instance: dg.DagsterInstance,
) -> str | None:
    """Return why no round of a campaign is to be played; nothing where one is."""
    if progress["ended_by"]:
        return f"ended after {progress['round']} rounds, by {progress['ended_by']}"
    try:
        campaign_inputs(name, settings, warehouse)
    except CampaignError as error:
        return str(error)
    key = str(round_key(name, progress["round"] + 1))
    failed = _failures_in_a_row(
        key, instance, at_most=settings.automation.max_failures, since=progress["finished_at"]
    )
    if failed:
        return (
            f"the last {len(failed)} runs of {key} failed (the latest: {failed[0].run_id[:8]}); "
            "materialize it once the cause is fixed, then the schedule resumes"
        )
    return at_work(instance, name)


def _failures_in_a_row(
    key: str, instance: dg.DagsterInstance, *, at_most: int, since: datetime | None
) -> list[dg.DagsterRun]:
    """Return the latest runs of a round since the one before it, if as many as allowed failed."""
    runs = instance.get_runs(
        dg.RunsFilter(tags={PARTITION_TAG: key}, created_after=since and since.astimezone(UTC)),
        limit=at_most,
    )
    failed = [run for run in runs if run.status == dg.DagsterRunStatus.FAILURE]
    return failed if len(failed) == at_most else []

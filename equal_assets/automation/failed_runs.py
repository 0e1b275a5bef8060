"""Failed runs: logged, and posted to a webhook where the settings name one."""

import http.client
import json
import logging
import urllib.request
from typing import Any

import dagster as dg

from equal_assets.errors import SettingsError
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.runs import PARTITION_TAG, RANGE_TAGS
from equal_assets.settings import AutomationSettings

SHOWN_CHARACTERS = 2_000
"""Of the error of a step."""


@dg.run_failure_sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    # a run of `equal run` belongs to no code location
    monitor_all_code_locations=True,
    description="Logs each failed run, and posts it to the webhook of the settings, if any.",
)
def failed_runs(context: dg.RunFailureSensorContext, campaigns: CampaignsFile) -> None:
    """Tell people of a failed run: campaign, round, step, error."""
    failure = describe(context)
    context.log.error(failure["text"])
    try:
        automation = campaigns.load().automation
        url = automation.webhook
    except SettingsError as error:
        context.log.error(str(error))
        return
    if url:
        _post(url, failure, automation, context.log)


def describe(context: dg.RunFailureSensorContext) -> dict[str, Any]:
    """Return the facts of a failed run as JSON values; ``text`` sums them up in a few lines."""
    run = context.dagster_run
    partition = run.tags.get(PARTITION_TAG, run.tags.get(RANGE_TAGS[0], ""))
    campaign, _, number = partition.partition("|")
    steps = {
        str(event.step_key): _error(event)[:SHOWN_CHARACTERS]
        for event in context.get_step_failure_events()
    }
    reasons = [f"{step}: {error}" for step, error in steps.items()]
    where = f" ({partition})" if partition else ""
    return {
        "text": f"equal-assets: run {run.run_id} of {run.job_name}{where} failed\n"
        + "\n".join(reasons or [context.failure_event.message or ""]),
        "run_id": run.run_id,
        "job": run.job_name,
        "campaign": campaign or None,
        "round": number or None,
        "steps": steps,
    }


def _error(event: dg.DagsterEvent) -> str:
    """Return the error of a failed step, without its traceback."""
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error and error.cause:
        error = error.cause
    return error.message.strip() if error else str(event.message)


def _post(
    url: str, failure: dict[str, Any], automation: AutomationSettings, log: logging.Logger
) -> None:
    """Post a failure as JSON; one that cannot be delivered is logged. The URL may be a secret."""
    try:
        request = urllib.request.Request(
            url, json.dumps(failure).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=automation.webhook_seconds):
            log.info(f"posted to the URL in {automation.webhook_variable}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        log.error(
            f"the URL in {automation.webhook_variable} could not be posted to: "
            f"{type(error).__name__} {getattr(error, 'code', '')}".strip()
        )

"""Sensor `changed_sources`: starts campaigns whose corpus or target changes.

A campaign with rounds is left alone: the corpus and target it was started with define it.
"""

import json

import dagster as dg

from equal_assets.automation.jobs import Jobs, next_to_make
from equal_assets.graph import made_by
from equal_assets.partitions import round_key
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.warehouse import Warehouse
from equal_assets.runs import RANGE_TAGS, SHARED, asked_before, at_work
from equal_assets.settings import Settings, fingerprint
from equal_assets.versions import expected_inputs, is_current, stored_versions


def changed_sources_sensor(jobs: Jobs, *, is_on: bool) -> dg.SensorDefinition:
    """Return the sensor; ``is_on`` when Dagster starts."""
    return dg.sensor(
        name="changed_sources",
        jobs=[jobs["prepare"], jobs["read_target"], jobs["play_rounds"]],
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        description="Starts campaigns without rounds whose corpus or target changes: prepares the "
        "corpus, reads the target, plays the rounds.",
    )(ask_to_start)


def ask_to_start(
    context: dg.SensorEvaluationContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.SensorResult:
    """Request the next step of the first campaign that a change has started.

    The cursor survives a restart of the daemon: ``seen`` holds the fingerprint of each campaign's
    corpus and target at the last look, ``waiting`` the campaigns whose rounds have not been
    requested since a change. The first look only records.
    """
    settings = campaigns.load()
    sources = _sources(settings)
    memory = json.loads(context.cursor or json.dumps({"seen": sources, "waiting": []}))
    waiting = [
        name
        for name, source in sources.items()
        if name in memory["waiting"] or memory["seen"].get(name, source) != source
    ]
    request, reasons = None, []
    for name in list(waiting):
        step = _next_step(name, settings, warehouse)
        if isinstance(step, dg.RunRequest):
            key = f"{step.run_key} {sources[name]}"
            meets = SHARED if step.job_name == "prepare" else name
            reason = at_work(context.instance, meets) or asked_before(context.instance, key)
            if not reason:
                request = step.with_replaced_attrs(run_key=key)
                break
            step = reason
        if step is None:
            waiting.remove(name)
        else:
            reasons.append(f"{name}: {step}")
    if request and request.job_name == "play_rounds":
        waiting.remove(name)
    return dg.SensorResult(
        run_requests=[request] if request else [],
        skip_reason=None if request else "\n".join(reasons) or "no corpus or target has changed",
        cursor=json.dumps({"seen": sources, "waiting": waiting}),
    )


def _sources(settings: Settings) -> dict[str, str]:
    """Return the fingerprint of corpus and target of each campaign."""
    corpus = expected_inputs("documents", settings, {})
    return {
        name: fingerprint([corpus, expected_inputs("target_qa", settings, {}, campaign=name)])
        for name in settings.automated_campaigns
    }


def _next_step(name: str, settings: Settings, warehouse: Warehouse) -> dg.RunRequest | str | None:
    """Return what to run next for a campaign, or why nothing may run.

    ``None`` where its rounds were played on the current corpus and target.
    """
    stored = stored_versions(warehouse)
    begun = [other for other in settings.campaigns if ("bandit_round", other) in stored]
    stale = next_to_make(made_by("prepare", settings), settings, stored)
    if stale and begun:
        return _kept("corpus", begun)
    if stale:
        selection = [dg.AssetKey(asset) for asset in stale]
        key = f"prepare {' '.join(stale)}"
        return dg.RunRequest(run_key=key, job_name="prepare", asset_selection=selection)
    if not is_current("target_qa", settings, stored, campaign=name):
        if name in begun:
            return _kept("target", [name])
        return dg.RunRequest(run_key=f"read {name}", job_name="read_target", partition_key=name)
    if name in begun:
        return None
    ends = (str(round_key(name, n)) for n in (1, settings.campaigns[name].n_rounds))
    tags = dict(zip(RANGE_TAGS, ends, strict=True))
    return dg.RunRequest(run_key=f"play {name}", job_name="play_rounds", tags=tags)


def _kept(part: str, names: list[str]) -> str:
    listed = " ".join(names)
    return (
        f"the {part} has changed or was touched, but rounds of {', '.join(names)} were played on "
        "the earlier one, so nothing is started. Put it back, give these campaigns new names in "
        f"campaigns.yaml, or start them over: equal run --restart {listed}"
    )

"""Which campaigns have a run that is queued or at work, so that nothing is asked for twice."""

import socket

import dagster as dg

from equal_assets.killed_runs import HOST_TAG, PID_TAG, is_running

RUN_KEY_TAG = "dagster/run_key"
PARTITION_TAG = "dagster/partition"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")

SHARED = ""
"""Stands for the assets that all campaigns read, in the place of a campaign."""

_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def campaigns_of(run: dg.DagsterRun) -> tuple[str, str]:
    """Return first and last campaign, in order of name, of a run's partitions.

    Both are :data:`SHARED` for a run without partitions.
    """
    one = run.tags.get(PARTITION_TAG, SHARED)
    first, last = (run.tags.get(tag, one) for tag in RANGE_TAGS)
    return first.partition("|")[0], last.partition("|")[0]


def at_work(instance: dg.DagsterInstance, campaign: str, *, but: str = "") -> str | None:
    """Say what is queued or at work that a run for a campaign would meet, if anything is.

    Parameters
    ----------
    instance : DagsterInstance
    campaign : str
        Or :data:`SHARED`: then any run counts.
    but : str
        Id of a run that does not count: the one that asks.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        first, last = campaigns_of(run)
        meets = SHARED in (campaign, first) or first <= campaign <= last
        if meets and run.run_id != but:
            return f"run {run.run_id[:8]} ({run.job_name}) is queued or at work"
    return _command_at_work(instance)


def _command_at_work(instance: dg.DagsterInstance) -> str | None:
    """Name the process of an `equal run` that goes on: between two of its runs it has none."""
    here = dg.RunsFilter(tags={HOST_TAG: socket.gethostname()})
    for record in instance.get_run_records(here, limit=1):
        pid = int(record.dagster_run.tags[PID_TAG])
        if is_running(pid, record.create_timestamp.timestamp()):
            return f"an `equal` command (PID {pid}) is at work"
    return None


def asked_before(instance: dg.DagsterInstance, run_key: str) -> str | None:
    """Name the run that a sensor has asked for under a key, if there is one.

    Dagster starts no second run of a sensor for a key; this says so, and how the first one ended.
    """
    runs = instance.get_runs(dg.RunsFilter(tags={RUN_KEY_TAG: run_key}), limit=1)
    for run in runs:
        return f"run {run.run_id[:8]} was started for this: {run.status.value.lower()}"
    return None

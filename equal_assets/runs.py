"""Dagster runs: which process plays them, which of them were killed, what is queued or at work.

A run whose process was killed would stay 'Started' for ever, and keep every run that is launched by
the daemon in the queue.
"""

import os
import socket
import uuid

import dagster as dg
import psutil

from equal_assets.processes import is_alive, this_process

# the UI hides tags of this prefix
PID_TAG, HOST_TAG = ".dagster/equal_pid", ".dagster/equal_host"
PROCESS_TAG = ".dagster/equal_process"
COMMAND_TAG = ".dagster/equal_command"
_COMMAND = uuid.uuid4().hex

RUN_KEY_TAG = "dagster/run_key"
PARTITION_TAG = "dagster/partition"
RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")

SHARED = ""
"""Takes the place of a campaign for the assets that all campaigns read."""

_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_tags() -> dict[str, str]:
    """Return the run tags that name this process, and this call of the command."""
    return {
        PID_TAG: str(os.getpid()),
        HOST_TAG: socket.gethostname(),
        PROCESS_TAG: this_process(),
        COMMAND_TAG: _COMMAND,
    }


def run_name(run: dg.DagsterRun) -> str:
    """Return what the caps of a run count together: an `equal run`, or one run of the UI."""
    return run.tags.get(COMMAND_TAG, run.run_id)


def close_killed_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs whose process was killed as failed, and return how many there were."""
    killed = _killed(instance)
    for run in killed:
        instance.report_run_failed(
            run, "the process of this run was killed; equal run, or a backfill, resumes it"
        )
    return len(killed)


def n_killed_runs(instance: dg.DagsterInstance) -> int:
    """Return how many runs have a process that was killed, and are not marked as failed yet."""
    return len(_killed(instance))


def _killed(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    unfinished = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    killed = []
    for record in instance.get_run_records(unfinished):
        if PROCESS_TAG in record.dagster_run.tags:
            is_killed = is_alive(record.dagster_run.tags[PROCESS_TAG]) is False
        else:
            process = _process_of(record, instance)
            is_killed = process is not None and not is_running(*process)
        if is_killed:
            killed.append(record.dagster_run)
    return killed


def is_running(pid: int, known_at: float) -> bool:
    """Say whether the process that had an id at a moment still runs; later ones do not count."""
    try:
        return psutil.Process(pid).create_time() <= known_at
    except psutil.NoSuchProcess:
        return False


def _process_of(record: dg.RunRecord, instance: dg.DagsterInstance) -> tuple[int, float] | None:
    """Return process id of a run on this machine, and when it was that of the run."""
    run = record.dagster_run
    if PID_TAG in run.tags:
        here = run.tags[HOST_TAG] == socket.gethostname()
        return (int(run.tags[PID_TAG]), record.create_timestamp.timestamp()) if here else None
    # launched by the daemon, whose runs are processes of its own machine
    for event in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        pid = event.get_dagster_event().engine_event_data.metadata.get("pid")
        if pid is not None:
            return int(str(pid.value)), event.timestamp
    return None


def campaigns_of(run: dg.DagsterRun) -> tuple[str, str]:
    """Return first and last campaign, in order of name, of a run's partitions.

    Both are :data:`SHARED` for a run without partitions.
    """
    one = run.tags.get(PARTITION_TAG, SHARED)
    first, last = (run.tags.get(tag, one) for tag in RANGE_TAGS)
    return first.partition("|")[0], last.partition("|")[0]


def at_work(instance: dg.DagsterInstance, campaign: str, *, but: str = "") -> str | None:
    """Return the queued or active run that would get in the way of a campaign's, if there is one.

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
        tags = record.dagster_run.tags
        pid = int(tags[PID_TAG])
        if (
            is_alive(tags[PROCESS_TAG])
            if PROCESS_TAG in tags
            else is_running(pid, record.create_timestamp.timestamp())
        ):
            return f"an `equal` command (PID {pid}) is at work"
    return None


def asked_before(instance: dg.DagsterInstance, run_key: str) -> str | None:
    """Name the run that a sensor has requested under a key, if there is one.

    Dagster starts no second run of a sensor for a key; this says so, and how the first one ended.
    """
    runs = instance.get_runs(dg.RunsFilter(tags={RUN_KEY_TAG: run_key}), limit=1)
    for run in runs:
        return f"run {run.run_id[:8]} was started for this: {run.status.value.lower()}"
    return None


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks the runs of killed `equal run` processes as failed, so the queue goes on.",
)
def killed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Mark the runs of killed processes as failed, so that the queue goes on."""
    return dg.SkipReason(f"{close_killed_runs(context.instance)} killed runs")

"""Runs whose process was killed: without this they would stay 'Started' for ever.

Such a run would keep every run that is launched by the daemon in the queue.
"""

import os
import socket
import uuid

import dagster as dg
import psutil

# the UI hides tags of this prefix
PID_TAG, HOST_TAG = ".dagster/equal_pid", ".dagster/equal_host"
COMMAND_TAG = ".dagster/equal_command"
_COMMAND = uuid.uuid4().hex


def process_tags() -> dict[str, str]:
    """Return the run tags that name this process, and this call of the command."""
    return {
        PID_TAG: str(os.getpid()),
        HOST_TAG: socket.gethostname(),
        COMMAND_TAG: _COMMAND,
    }


def run_name(run: dg.DagsterRun) -> str:
    """Return what the caps of a run count together: an `equal run`, or one run of the UI."""
    return run.tags.get(COMMAND_TAG, run.run_id)


def close_killed_runs(instance: dg.DagsterInstance) -> int:
    """Mark runs whose process was killed as failed, and return how many there were."""
    unfinished = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
        ]
    )
    killed = []
    for record in instance.get_run_records(unfinished):
        process = _process_of(record, instance)
        if process and not is_running(*process):
            killed.append(record.dagster_run)
    for run in killed:
        instance.report_run_failed(
            run, "the process of this run was killed; equal run, or a backfill, resumes it"
        )
    return len(killed)


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


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Marks the runs of killed `equal run` processes as failed, so the queue goes on.",
)
def killed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Mark the runs of killed processes as failed, so that the queue goes on."""
    return dg.SkipReason(f"{close_killed_runs(context.instance)} killed runs")

"""Runs of `equal run` whose process was killed: without this they would stay 'Started' for ever.

Such a run would keep every run that is launched in the UI in the queue.
"""

import os
import socket
import uuid

import dagster as dg

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
    running = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
    here = dg.RunsFilter(statuses=running, tags={HOST_TAG: socket.gethostname()})
    killed = [run for run in instance.get_runs(here) if not _is_alive(int(run.tags[PID_TAG]))]
    for run in killed:
        instance.report_run_failed(run, "the process of this run was killed; equal run resumes it")
    return len(killed)


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def killed_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Mark the runs of killed `equal run` processes as failed, so that the queue goes on."""
    return dg.SkipReason(f"{close_killed_runs(context.instance)} killed runs")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

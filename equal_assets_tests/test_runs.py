"""Runs of killed processes are marked as failed; what is queued or at work is told."""

import socket
import subprocess
import sys

import dagster as dg
import psutil
import pytest
from dagster._core.events import EngineEventData

from equal_assets.runs import (
    HOST_TAG,
    PID_TAG,
    SHARED,
    at_work,
    campaigns_of,
    close_killed_runs,
    process_tags,
)
from equal_assets_tests.stored_runs import store_run


def started_run(instance, tags) -> dg.DagsterRun:
    return store_run(instance, dg.DagsterRunStatus.STARTED, **tags)


def test_run_of_a_killed_process_fails_and_says_why(instance):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run = started_run(instance, {PID_TAG: str(process.pid), HOST_TAG: socket.gethostname()})
    assert close_killed_runs(instance) == 0
    process.kill()
    process.wait()
    assert close_killed_runs(instance) == 1
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
    messages = [entry.message for entry in instance.all_logs(run.run_id)]
    assert any("equal run, or a backfill, resumes it" in message for message in messages)


def test_run_of_the_daemon_whose_process_was_killed_fails_too(instance):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run = started_run(instance, {})
    started = EngineEventData.in_process(process.pid)  # as each process that executes a run does
    instance.report_engine_event("Started process for run", run, started)
    assert close_killed_runs(instance) == 0
    process.kill()
    process.wait()
    assert close_killed_runs(instance) == 1


def test_runs_of_this_process_of_other_hosts_and_without_a_process_yet_are_left_alone(instance):
    started_run(instance, process_tags())
    started_run(instance, {PID_TAG: "999999999", HOST_TAG: "another-host"})
    started_run(instance, {})
    assert close_killed_runs(instance) == 0


@pytest.fixture
def process():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def ended_run(instance, pid: int) -> dg.DagsterRun:
    tags = {PID_TAG: str(pid), HOST_TAG: socket.gethostname()}
    return store_run(instance, dg.DagsterRunStatus.SUCCESS, **tags)


def test_command_is_at_work_between_its_runs_until_it_ends(instance, process):
    assert at_work(instance, "equal") is None
    ended_run(instance, process.pid)
    for campaign in ("equal", SHARED):
        assert at_work(instance, campaign) == f"an `equal` command (PID {process.pid}) is at work"
    process.kill()
    process.wait()
    assert at_work(instance, "equal") is None


def test_later_process_with_the_id_of_a_command_is_not_taken_for_it(instance, monkeypatch, process):
    run = ended_run(instance, process.pid)
    started = psutil.Process(process.pid).create_time()
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: started + 60)
    assert at_work(instance, "equal") is None
    assert instance.get_run_by_id(run.run_id)


def test_clock_that_jumps_takes_no_command_for_killed_and_none_for_another(instance, monkeypatch):
    started_run(instance, process_tags())
    here = psutil.Process().create_time()
    for hours in (-5, 5):  # Linux tells the start of a process by the clock of now
        monkeypatch.setattr(psutil.Process, "create_time", lambda _, by=hours: here + 3600 * by)
        assert close_killed_runs(instance) == 0
        assert "is queued or at work" in at_work(instance, "equal")


def test_campaigns_of_a_run_are_read_off_its_partitions(instance):
    def campaigns(**tags) -> tuple[str, str]:
        return campaigns_of(store_run(instance, **{f"dagster/{k}": v for k, v in tags.items()}))

    start, end = "asset_partition_range_start", "asset_partition_range_end"
    assert campaigns() == (SHARED, SHARED)
    assert campaigns(partition="random") == ("random", "random")
    assert campaigns(partition="a|round-001") == ("a", "a")
    assert campaigns(**{start: "a|round-001", end: "c|round-003"}) == ("a", "c")

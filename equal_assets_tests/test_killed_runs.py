"""Runs of killed processes are marked as failed; those of living ones are left alone."""

import socket
import subprocess
import sys

import dagster as dg
from dagster._core.events import EngineEventData
from dagster._core.test_utils import create_run_for_test

from equal_assets.killed_runs import HOST_TAG, PID_TAG, close_killed_runs, process_tags


def started_run(instance, tags) -> dg.DagsterRun:
    return create_run_for_test(instance, status=dg.DagsterRunStatus.STARTED, tags=tags)


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

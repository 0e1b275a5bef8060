"""An `equal` command is at work as long as its process is, between two of its runs as well."""

import socket
import subprocess
import sys

import dagster as dg
import psutil
import pytest
from dagster._core.test_utils import create_run_for_test

from equal_assets.killed_runs import HOST_TAG, PID_TAG
from equal_assets.runs_at_work import SHARED, at_work, campaigns_of


@pytest.fixture
def process():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def ended_run(instance, pid: int) -> dg.DagsterRun:
    tags = {PID_TAG: str(pid), HOST_TAG: socket.gethostname()}
    return create_run_for_test(instance, tags=tags, status=dg.DagsterRunStatus.SUCCESS)


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


def test_campaigns_of_a_run_are_read_off_its_partitions(instance):
    def campaigns(**tags) -> tuple[str, str]:
        return campaigns_of(
            create_run_for_test(instance, tags={f"dagster/{k}": v for k, v in tags.items()})
        )

    start, end = "asset_partition_range_start", "asset_partition_range_end"
    assert campaigns() == (SHARED, SHARED)
    assert campaigns(partition="random") == ("random", "random")
    assert campaigns(partition="a|round-001") == ("a", "a")
    assert campaigns(**{start: "a|round-001", end: "c|round-003"}) == ("a", "c")

"""The automation and cancellation in a real `dagster dev`: daemon, queue, run processes."""

import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import psutil
import pytest

from equal_assets_tests.project import Project

pytestmark = pytest.mark.slow

LAUNCH = """
mutation($names: [String!]!) { launchPartitionBackfill(backfillParams: {
  assetSelection: [{path: ["bandit_round"]}], partitionNames: $names
}) { __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
CANCEL = "mutation($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename } }"
BACKFILL = """
query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status }
} }
"""
RUNS = "query { runsOrError { ... on Runs { results { jobName status tags { key value } } } } }"


class Dagster:
    """A running `dagster dev`."""

    def __init__(self, process, port: int) -> None:
        self.process, self.url = process, f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables) -> dict:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def is_up(self) -> bool:
        try:
            return bool(self.ask("query { version }"))
        except OSError:
            return False

    def runs(self) -> list[dict]:
        return self.ask(RUNS)["runsOrError"]["results"]

    def status(self, backfill: str) -> str:
        return self.ask(BACKFILL, id=backfill)["partitionBackfillOrError"]["status"]

    def workers(self) -> list[str]:
        """Command lines of the processes that execute a run or one of its steps."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        lines = [" ".join(child.cmdline()) for child in children if child.is_running()]
        return [line for line in lines if "multiprocessing.spawn" in line]


def wait_for(condition, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(1)


def count(project: Project, query: str) -> int:
    """The number that a query returns; -1 while another process has the warehouse open."""
    try:
        return project.sql(query).item()
    except duckdb.Error:
        return -1


@contextmanager
def dagster_dev(project: Project) -> Iterator[Dagster]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (project.folder / "dagster.log").open("w")
    process = project.start(
        "-m", "dagster", "dev", "-m", "equal_assets.definitions", "-p", str(port), log=log
    )
    dagster = Dagster(process, port)
    try:
        wait_for(dagster.is_up, seconds=120)
        yield dagster
    finally:
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        _, alive = psutil.wait_procs([psutil.Process(process.pid), *children], timeout=30)
        for child in alive:
            child.kill()
        log.close()


def test_changed_target_is_played_finished_and_compared_without_a_click(tmp_path, models):
    project = Project.make(tmp_path / "project", models=models)
    reference = project.folder / "reference.jsonl"
    project.edit(
        automation={
            "changed_sources": True,
            "next_round": True,
            "finish_campaigns": True,
            "cron": "* * * * *",
            "campaigns": ["random"],
        },
    )
    with dagster_dev(project) as dagster:
        time.sleep(90)  # the first look of the sensor remembers
        assert dagster.runs() == []
        with reference.open("a") as file:
            file.write('{"question": "What is a graph?", "answer": "Nodes and edges."}\n')
        rows = "select count(*) from strategy_comparison where perplexity is not null"
        wait_for(lambda: count(project, rows) > 0, seconds=1200)
        time.sleep(90)  # nothing follows any more
        runs = dagster.runs()
    assert {run["status"] for run in runs} == {"SUCCESS"}
    names = [run["jobName"] for run in runs]
    assert names.count("finish_campaign") == names.count("compare_strategies") == 1
    assert names.count("read_target") == 1
    played = project.sql("select campaign, round from rounds order by all").rows()
    assert played == [("random", 1), ("random", 2), ("random", 3)]


ROUNDS = "select count(*) from rounds"


def test_canceled_backfill_keeps_its_rounds_leaves_no_process_and_is_gone_on_with(tmp_path, models):
    project = Project.make(tmp_path / "project", models=models)
    one_by_one = {"documents_per_pull": 1, "arms_per_round": 1, "budget_documents": 40}
    project.edit(campaigns={"random": one_by_one})
    command = project.start("-m", "equal_assets.cli.main", "run", "random")
    wait_for(lambda: count(project, ROUNDS) >= 1, seconds=480)
    command.kill()
    command.wait()
    keys = [f"random|round-{number:03}" for number in range(1, 41)]
    with dagster_dev(project) as dagster:
        backfill = dagster.ask(LAUNCH, names=keys)["launchPartitionBackfill"]["backfillId"]
        before = count(project, ROUNDS)
        wait_for(lambda: count(project, ROUNDS) >= before + 2, seconds=480)
        assert dagster.workers()
        dagster.ask(CANCEL, id=backfill)
        wait_for(lambda: dagster.status(backfill) == "CANCELED", seconds=120)
        wait_for(lambda: not dagster.workers(), seconds=60)
        latest = [run["status"] for run in dagster.runs()][:2]
        assert latest == ["CANCELED", "FAILURE"]  # that of the command was killed
        kept = count(project, ROUNDS)
        assert before + 2 <= kept < 40
        assert count(project, "select count(*) from bandit_documents") == kept
        first = project.sql("select round, finished_at from rounds order by all")
        again = dagster.ask(LAUNCH, names=keys)["launchPartitionBackfill"]["backfillId"]
        wait_for(lambda: dagster.status(again) == "COMPLETED_SUCCESS", seconds=600)
    rounds = project.sql("select round, finished_at from rounds order by all")
    assert rounds["round"].to_list() == list(range(1, 41))
    assert rounds.head(kept).equals(first)  # those that were stored are not played again
    asked = project.sql("select count(*), count(distinct document_id) from bandit_documents")
    assert asked.row(0) == (40, 40)

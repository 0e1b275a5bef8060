"""Killed processes: what was finished is kept, what was not is done once."""

import shutil
import signal
import subprocess
import time
from dataclasses import dataclass

import pytest
from polars.testing import assert_frame_equal

from equal_assets_tests.project import Project

SLOW_RUN = """
import time
from equal_assets.resources.extraction import store as extraction_store
from equal_assets.resources.extraction.extractors import StructuralExtractor
extract = StructuralExtractor.extract
def slow_extract(self, documents, order):
    for extraction in extract(self, documents, order):
        time.sleep(0.1)
        yield extraction
StructuralExtractor.extract = slow_extract
extraction_store.STORE_EVERY_DOCUMENTS = 4
from equal_assets.cli.main import main
main(["run", "equal-paper"])
"""

COMPARED = (
    "select * from qa_dataset order by all",
    "select * from bandit_round order by all",
    "select * exclude seconds from reward_curve order by all",
)
PAID = "select content_hash, first_asked_by from extractions order by all"
STATES = "select * from strategy_state order by all"


def wait_for(condition, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def rounds_stored(project: Project) -> int:
    """Rounds in the warehouse; 0 while the running process has it open."""
    import duckdb

    try:
        return project.sql("select count(*) from rounds").item()
    except duckdb.Error:
        return 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, models) -> Project:
    project = Project.make(tmp_path_factory.mktemp("undisturbed") / "project", models=models)
    assert project.equal("run", "equal-paper").returncode == 0
    return project


@dataclass(frozen=True)
class Interrupted:
    """A run from scratch that Ctrl-C ended in its second round, and what it left."""

    project: Project
    returncode: int
    printed: str
    n_rounds: int
    n_asked: int


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory, models) -> Interrupted:
    project = Project.make(tmp_path_factory.mktemp("interrupted") / "project", models=models)
    process = project.start("-c", SLOW_RUN)
    try:
        wait_for(lambda: rounds_stored(project) >= 1, seconds=120)
        time.sleep(0.5)  # into the extraction of the next round
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    n_rounds, n_asked = (
        project.sql(f"select count(*) from {table}").item()
        for table in ("rounds", "bandit_documents")
    )
    return Interrupted(project, process.returncode, printed, n_rounds, n_asked)


def test_interrupted_run_says_how_to_go_on_and_keeps_its_rounds(interrupted):
    assert interrupted.returncode == 130, interrupted.printed
    assert "`equal run` goes on from there" in interrupted.printed
    assert 1 <= interrupted.n_rounds < 3
    assert interrupted.n_asked == 20 * interrupted.n_rounds


@pytest.mark.slow
def test_interrupted_and_then_killed_in_a_round_a_run_ends_as_another_that_nothing_disturbed(
    interrupted, undisturbed
):
    project = interrupted.project
    process = project.start("-c", SLOW_RUN, log=subprocess.DEVNULL)
    try:
        wait_for(lambda: rounds_stored(project) >= 2, seconds=120)
        time.sleep(0.5)  # into the extraction of the last round
    finally:
        process.kill()
        process.wait()
    assert project.sql("select count(*) from rounds").item() == 2
    resumed = project.equal("run", "equal-paper")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "were killed; going on" in resumed.stdout
    for query in (*COMPARED, PAID, "select * from student_accuracy"):
        assert_frame_equal(project.sql(query), undisturbed.sql(query))


@pytest.mark.slow
def test_rerun_from_a_round_plays_the_same_rounds_and_pays_nothing_twice(
    tmp_path_factory, undisturbed
):
    project = Project(tmp_path_factory.mktemp("rerun") / "project")
    shutil.copytree(undisturbed.folder, project.folder)
    asked = project.equal("rerun", "equal-paper", "--from-round", "2")
    assert asked.returncode == 1, asked.stdout + asked.stderr
    assert "removes rounds 2 to 3 (35 documents, " in asked.stdout
    assert "reward_curve, qa_dataset, fine_tuned_student, student_accuracy" in asked.stdout
    assert project.sql("select count(*) from rounds").item() == 3  # nobody said yes
    rerun = project.equal("rerun", "equal-paper", "--from-round", "2", "--yes")
    assert rerun.returncode == 0, rerun.stdout + rerun.stderr
    assert "equal-paper: rounds 2 to 3" in rerun.stdout
    for query in (*COMPARED, STATES, PAID):
        assert_frame_equal(project.sql(query), undisturbed.sql(query))
    ran_again = "select finished_at from rounds where round = "
    assert project.sql(f"{ran_again} 1").equals(undisturbed.sql(f"{ran_again} 1"))
    assert not project.sql(f"{ran_again} 2").equals(undisturbed.sql(f"{ran_again} 2"))

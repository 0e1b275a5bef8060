"""What is lost, cut off or changed in a finished project is found, and mended without spending."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from equal_assets_tests.project import Project

CAMPAIGN = "random"


@pytest.fixture(scope="module")
def finished(tmp_path_factory, models) -> Project:
    """A project after `equal run`, an export and a report."""
    project = Project.make(tmp_path_factory.mktemp("whole") / "project", models=models)
    for command in (["run", CAMPAIGN], ["export", CAMPAIGN], ["report", CAMPAIGN]):
        result = project.equal(*command)
        assert result.returncode == 0, result.stdout + result.stderr
    return project


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A copy of it, to be harmed; times of files stay."""
    copy = Project(tmp_path / "project")
    shutil.copytree(finished.folder, copy.folder)
    return copy


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


BLOCK = 2**18
"""Of DuckDB, in bytes."""


def flip(path: Path) -> None:
    """Change a byte of each block without a trace in size or time; some blocks may be free."""
    state, content = path.stat(), bytearray(path.read_bytes())
    for place in range(len(content) // 2 % BLOCK, len(content), BLOCK):
        content[place] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def in_mlflow(state: Path, *statements: str) -> None:
    with closing(sqlite3.connect(state / "mlflow.db")) as store, store:
        for statement in statements:
            store.execute(statement)


def forget_runs(state: Path) -> None:
    in_mlflow(
        state,
        *(f"delete from {t}" for t in ("metrics", "latest_metrics", "params", "tags", "runs")),
    )


def forget_pull(folder: Path) -> None:
    with duckdb.connect(str(folder / ".equal" / "warehouse.duckdb")) as connection:
        connection.execute("delete from bandit_documents where round = 1 and pull = 1")


def pay(folder: Path) -> None:
    """Let an LLM have been paid for an extraction, in the warehouse alone."""
    with duckdb.connect(str(folder / ".equal" / "warehouse.duckdb")) as connection:
        connection.execute("update extractions set prompt_tokens = 9 where n_pairs > 0")


EXPORTS = f".equal/exports/{CAMPAIGN}"
MENDED = {
    "cut off": {
        "qa_dataset.parquet does not hold what was published": (
            lambda f: cut(f / EXPORTS / "qa_dataset.parquet")
        ),
        "lacks files of its export: messages/train.jsonl": (
            lambda f: (f / EXPORTS / "messages" / "train.jsonl").unlink()
        ),
        "the report of random": lambda f: (f / EXPORTS / "report.html").unlink(),
        "1 unfinished file(s) of killed processes": (
            lambda f: (f / EXPORTS / ".part-999999999-x").write_text("half")
        ),
        "MLflow lacks of campaign random: round 3, reward_curve": (
            lambda f: in_mlflow(
                f / ".equal",
                "delete from metrics where step = 55 and key like 'spend/%'",  # of round 3
                "update tags set value = 'earlier' where key = 'equal.logged.reward_curve'",
            )
        ),
        "index.db is broken": (
            lambda f: (f / ".dagster/storage/history/runs/index.db").write_bytes(b"x" * 5000)
        ),
    },
    "gone": {
        "qa_dataset.parquet is missing": (lambda f: (f / EXPORTS / "qa_dataset.parquet").unlink()),
        "lacks files of its export: manifest.json": (
            lambda f: (f / EXPORTS / "manifest.json").unlink()
        ),
        "MLflow lacks of campaign random: its student, ": (
            lambda f: shutil.rmtree(f / ".equal/mlartifacts")
        ),
        "Dagster has no record of what the warehouse holds: documents": (
            lambda f: shutil.rmtree(f / ".dagster")
        ),
    },
    "changed without a trace": {
        "qa_dataset.parquet does not hold what was published": (
            lambda f: flip(f / EXPORTS / "qa_dataset.parquet")
        ),
        "MLflow lacks of campaign random: its run": lambda f: forget_runs(f / ".equal"),
    },
    "MLflow's database cut off": {"mlflow.db is broken": lambda f: cut(f / ".equal/mlflow.db")},
    "MLflow's database gone": {"mlflow.db is missing": lambda f: (f / ".equal/mlflow.db").unlink()},
}
"""Faults that a project has at once, by what is said of each."""


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(faults, id=name, marks=pytest.mark.slow if number > 1 else ())
        for number, (name, faults) in enumerate(MENDED.items())
    ],
)
def test_doctor_finds_and_mends(project, faults):
    for harm in faults.values():
        harm(project.folder)
    for _ in range(2):  # the first has changed nothing
        found = project.equal("doctor")
        assert found.returncode == 1, found.stdout + found.stderr
        assert found.stdout.count("wrong ") == len(faults), found.stdout
        assert [said for said in faults if said not in found.stdout] == [], found.stdout
        assert "mended" not in found.stdout
    mended = project.equal("doctor", "--repair")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert mended.stdout.count("mended ") >= len(faults)
    whole = project.equal("doctor")
    assert whole.returncode == 0, whole.stdout
    assert "the stores agree" in whole.stdout


FOR_PEOPLE = {
    "warehouse and journal": {
        "restore it from a copy. Without one, move it away": (
            lambda f: flip(f / ".equal/warehouse.duckdb")
        ),
        "requests.sqlite is broken": (
            lambda f: (f / ".equal/requests.sqlite").write_bytes(b"x" * 5000)
        ),
    },
    "rows and files": {
        "holds files that were changed since they were exported: README.md": (
            lambda f: (f / EXPORTS / "README.md").write_text("mine")
        ),
        "warehouse: rounds are not whole": lambda f: forget_pull(f),
        "requests.sqlite is missing": lambda f: pay(f),
    },
}


@pytest.mark.parametrize("faults", FOR_PEOPLE.values(), ids=FOR_PEOPLE)
def test_doctor_says_what_only_people_can_mend(project, faults):
    for harm in faults.values():
        harm(project.folder)
    found = project.equal("doctor", "--repair")
    assert found.returncode == 1, found.stdout + found.stderr
    assert [said for said in faults if said not in found.stdout] == [], found.stdout
    assert "Traceback" not in found.stdout + found.stderr


def test_run_makes_again_what_was_lost_and_names_no_file_that_is_not_there(project):
    kept = project.sql("select * from student_answers order by all")
    for path in (EXPORTS, ".equal/models/students", ".equal/mlflow.db", ".equal/mlartifacts"):
        shutil.rmtree(project.folder / path, ignore_errors=True)
        (project.folder / path).unlink(missing_ok=True)
    result = project.equal("run", CAMPAIGN)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "fine_tuned_student" in result.stdout
    assert (project.folder / EXPORTS / "qa_dataset.parquet").is_file()
    assert (project.folder / EXPORTS / "report.html").is_file()
    manifest = json.loads((project.folder / EXPORTS / "manifest.json").read_text())
    assert all((project.folder / EXPORTS / name).is_file() for name in manifest["files"])
    assert (
        project.sql("select * from student_answers order by all")
        .drop("judged_as")
        .equals(kept.drop("judged_as"))
    )
    assert project.equal("doctor").returncode == 0


def test_run_says_what_is_wrong_without_a_traceback(project):
    cut(project.folder / ".equal/warehouse.duckdb")
    for command in ("run", "status"):
        result = project.equal(command)
        assert result.returncode == 1
        assert "Traceback" not in result.stdout + result.stderr
        assert "a database file is broken" in result.stdout
        assert "`equal doctor` says which" in result.stdout


def test_lost_embedder_is_made_again_as_it_was(project):
    shutil.rmtree(project.folder / ".equal/models/contrastive_embedder")
    version = "select embedder_version from contrastive_embedder"
    before = project.sql(version)
    result = project.equal("run", CAMPAIGN)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rounds" not in result.stdout.split("Campaigns")[0].replace("Rounds", "")
    assert project.sql(version).equals(before)
    assert project.equal("doctor").returncode == 0


def test_new_project_has_nothing_wrong(tmp_path, models):
    project = Project.make(tmp_path / "project", models=models)
    (project.folder / ".equal/mlflow.db").unlink()
    result = project.equal("doctor")
    assert result.returncode == 0, result.stdout + result.stderr
    assert not (project.folder / ".equal/mlflow.db").exists()

"""What is lost, cut off or changed in a finished project is found, and mended without spending."""

import json
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


def flip(path: Path) -> None:
    """Change a byte without a trace in size or time."""
    import os

    state, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
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


def forget_extractions(folder: Path) -> None:
    with duckdb.connect(str(folder / ".equal" / "warehouse.duckdb")) as connection:
        connection.execute("delete from bandit_documents where round = 1 and pull = 1")


def pay(folder: Path) -> None:
    """Let an LLM have been paid for an extraction, in the warehouse alone."""
    with duckdb.connect(str(folder / ".equal" / "warehouse.duckdb")) as connection:
        connection.execute("update extractions set prompt_tokens = 9 where n_pairs > 0")


EXPORTS = f".equal/exports/{CAMPAIGN}"
MENDED = {
    "published Parquet gone": (
        lambda f: (f / EXPORTS / "qa_dataset.parquet").unlink(),
        "qa_dataset.parquet is missing",
    ),
    "published Parquet cut off": (
        lambda f: cut(f / EXPORTS / "qa_dataset.parquet"),
        "qa_dataset.parquet does not hold what was published",
    ),
    "flipped bit in published Parquet": (
        lambda f: flip(f / EXPORTS / "qa_dataset.parquet"),
        "qa_dataset.parquet does not hold what was published",
    ),
    "file of an export gone": (
        lambda f: (f / EXPORTS / "messages" / "train.jsonl").unlink(),
        "lacks files of its export: messages/train.jsonl",
    ),
    "export killed before its end": (
        lambda f: (f / EXPORTS / "manifest.json").unlink(),
        "lacks files of its export: manifest.json",
    ),
    "report gone": (lambda f: (f / EXPORTS / "report.html").unlink(), "the report of random"),
    "draft of a killed process": (
        lambda f: (f / EXPORTS / ".part-999999999-x").write_text("half"),
        "unfinished file(s) of killed processes",
    ),
    "MLflow's database gone": (
        lambda f: (f / ".equal/mlflow.db").unlink(),
        "mlflow.db is missing",
    ),
    "MLflow's database cut off": (lambda f: cut(f / ".equal/mlflow.db"), "mlflow.db is broken"),
    "MLflow's runs gone": (
        lambda f: forget_runs(f / ".equal"),
        "MLflow lacks of campaign random: its run",
    ),
    "MLflow's last round gone": (
        lambda f: in_mlflow(f / ".equal", "delete from metrics where step = 3"),
        "MLflow lacks of campaign random: round 3",
    ),
    "MLflow's artifacts gone": (
        lambda f: shutil.rmtree(f / ".equal/mlartifacts"),
        "MLflow lacks of campaign random: its student",
    ),
    "picture of an earlier version in MLflow": (
        lambda f: in_mlflow(
            f / ".equal", "update tags set value = 'x' where key = 'equal.logged.reward_curve'"
        ),
        "MLflow lacks of campaign random: reward_curve",
    ),
    "Dagster's history gone": (
        lambda f: shutil.rmtree(f / ".dagster"),
        "Dagster has no record of what the warehouse holds: documents",
    ),
    "Dagster's index broken": (
        lambda f: (f / ".dagster/storage/history/runs/index.db").write_bytes(b"x" * 5000),
        "index.db is broken",
    ),
}


@pytest.mark.parametrize("name", MENDED)
def test_doctor_finds_and_mends(project, name):
    harm, said = MENDED[name]
    harm(project.folder)
    found = project.equal("doctor")
    assert found.returncode == 1, found.stdout + found.stderr
    assert said in found.stdout
    assert "mended" not in found.stdout
    assert project.equal("doctor").stdout == found.stdout  # nothing was changed
    mended = project.equal("doctor", "--repair")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "mended" in mended.stdout
    whole = project.equal("doctor")
    assert whole.returncode == 0, whole.stdout
    assert "the stores agree" in whole.stdout


FOR_PEOPLE = {
    "warehouse cut off": (lambda f: cut(f / ".equal/warehouse.duckdb"), "restore it from a copy"),
    "flipped bits in the warehouse": (
        lambda f: flip(f / ".equal/warehouse.duckdb"),
        "restore it from a copy",
    ),
    "exported file changed": (
        lambda f: (f / EXPORTS / "README.md").write_text("mine"),
        "holds files that were changed since they were exported: README.md",
    ),
    "rows that contradict each other": (
        lambda f: forget_extractions(f),
        "warehouse: rounds are not whole",
    ),
    "journal gone": (lambda f: pay(f), "requests.sqlite is missing"),
    "journal broken": (
        lambda f: (f / ".equal/requests.sqlite").write_bytes(b"x" * 5000),
        "requests.sqlite is broken",
    ),
}


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_doctor_says_what_only_people_can_mend(project, name):
    harm, said = FOR_PEOPLE[name]
    harm(project.folder)
    found = project.equal("doctor", "--repair")
    assert found.returncode == 1, found.stdout + found.stderr
    assert said in found.stdout
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
    for command in ("run", "status", "compare"):
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

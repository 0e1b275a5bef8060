"""Errors of disks and database files are told in words, whatever library raised them."""

import errno
import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from safetensors.numpy import save_file

from equal_assets.causes import explain
from equal_assets_tests.project import REPOSITORY

LIMIT = 1 << 20
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
ROWS = pl.DataFrame({"n": range(1_000_000)})


def raised(work):
    with pytest.raises(Exception) as found:  # noqa: PT011 - of any library
        work()
    return found.value


def told_where_files_end_early(name, folder):
    """Return what is told of an error of a function in a process whose files end at a limit."""
    script = f"from equal_assets_tests.test_causes import tell, {name}; tell({name})"
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True
    ).stdout


def tell(fill):
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
    with pytest.raises(Exception) as found:  # noqa: PT011 - of any library
        fill()
    sys.stdout.write(str(explain(found.value)))


def fill_duckdb():
    with duckdb.connect("w.duckdb") as connection:
        connection.sql("create table t as select random() as x from range(1000000)")


def fill_sqlite():
    with closing(sqlite3.connect("s.db")) as connection:
        connection.execute("pragma max_page_count = 200")
        connection.execute("create table t as select zeroblob(5000000)")


def fill_parquet():
    ROWS.select(pl.col("n").hash()).write_parquet("p.parquet")


def fill_safetensors():
    save_file({"weights": np.zeros(2 * LIMIT, dtype=np.uint8)}, "model.safetensors")


def fill_text():
    Path("f.txt").write_text("x" * 2 * LIMIT)


def fill_sqlite_to_the_limit():
    with closing(sqlite3.connect("s.db")) as connection:
        connection.execute("create table t as select zeroblob(5000000)")


@pytest.mark.parametrize(
    "name", ["fill_duckdb", "fill_parquet", "fill_safetensors", "fill_text", "fill_sqlite"]
)
def test_disk_that_is_full_is_told_with_what_to_do(tmp_path, name):
    told = told_where_files_end_early(name, tmp_path)
    assert told.startswith("the disk is full (")
    assert "what was stored is safe: make room, then `equal run`" in told


def test_file_that_sqlite_cannot_write_to_its_end_is_told(tmp_path):
    told = told_where_files_end_early("fill_sqlite_to_the_limit", tmp_path)
    assert "the disk is full, or cannot be read or written" in told


def test_full_disk_is_found_behind_another_error():
    error = RuntimeError("cannot save")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device", "model.bin")
    assert "model.bin" in str(explain(error))


def test_folder_that_cannot_be_written_is_told():
    error = PermissionError(errno.EACCES, "Permission denied", "/data/.equal/exports")
    told = str(explain(error))
    assert "/data/.equal/exports" in told
    assert "EQUAL_HOME" in told


@pytest.mark.parametrize("share", [0, 0.1, 0.6])
def test_cut_off_warehouse_is_told(tmp_path, share):
    database = tmp_path / "w.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.sql("create table t as select random() as x from range(1000000)")
    with database.open("r+b") as file:
        file.truncate(int(database.stat().st_size * share) or 100)

    def read():
        with duckdb.connect(str(database)) as connection:
            connection.sql("select sum(x) from t").fetchall()

    assert "`equal doctor` says which" in str(explain(raised(read)))


def test_broken_sqlite_file_is_told(tmp_path):
    (tmp_path / "s.db").write_bytes(b"no database at all" * 100)

    def read():
        with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
            connection.execute("select * from t")

    assert "`equal doctor` says which" in str(explain(raised(read)))


def test_sqlite_file_that_cannot_be_opened_is_told(tmp_path):
    error = raised(lambda: sqlite3.connect(tmp_path / "nowhere" / "s.db"))
    told = str(explain(error))
    assert told.startswith("a file or its folder cannot be written (unable to open database file")
    assert "the journal of requests, MLflow or Dagster" in told


def test_error_of_the_program_is_not_explained_away():
    for error in (KeyError("checksum"), ValueError("a corrupt row"), FileNotFoundError(2, "gone")):
        assert explain(error) is None
    assert explain(raised(lambda: duckdb.sql("select * from nowhere"))) is None

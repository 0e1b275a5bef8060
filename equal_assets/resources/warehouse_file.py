"""The file of the warehouse: opened with patience, its tables and views made where they lack."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb

from equal_assets.errors import WarehouseLockedError, WarehouseVersionError

SQL = files("equal_assets") / "sql"
"""The folder `sql` of the project; an installed package has it inside."""

LOCK_TIMEOUT_SECONDS = 60.0
"""Longest wait for another process to close the warehouse."""


@cache
def read_sql(kind: str, name: str) -> str:
    """Return the text of ``sql/<kind>/<name>.sql``."""
    return (SQL / kind / f"{name}.sql").read_text(encoding="utf-8")


@cache
def table_names() -> frozenset[str]:
    """Return the names of all tables: the files of ``sql/tables``."""
    return _stems("tables")


@cache
def view_names() -> frozenset[str]:
    """Return the names of all views: the files of ``sql/views``."""
    return _stems("views")


def _stems(kind: str) -> frozenset[str]:
    return frozenset(file.name.removesuffix(".sql") for file in (SQL / kind).iterdir())


@contextmanager
def open_warehouse(
    database: str,
    *,
    config: dict[str, Any] | None = None,
    timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
    tell: Callable[[str], None] = lambda said: None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse, waiting for other processes; its tables and views are there.

    It is closed at the end of the block. Ctrl-C in the middle of a statement raises what it raises
    elsewhere.

    Parameters
    ----------
    database : str
        Path of the file.
    config : dict, optional
        Settings of DuckDB.
    timeout_seconds : float
        Longest wait for another process to close it.
    tell : callable
        Given a line once it is clear that this takes longer.

    Raises
    ------
    WarehouseLockedError
        If another process keeps it open for longer.
    WarehouseVersionError
        If its tables lack columns of today.
    """
    with _interruptible(), _connect(database, config or {}, timeout_seconds, tell) as connection:
        columns = _columns(connection)
        if _create_tables(connection, present={table for table, _ in columns}):
            columns = _columns(connection)
        _refuse_other_tables(columns, database)
        _create_views(connection)
        yield connection


def create_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Make every table and view in an empty database, but what is made from its rows."""
    _create_tables(connection, present=set())
    for view in sorted(view_names()):
        connection.execute(read_sql("views", view))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the process where it fell into a statement.

    DuckDB ends the statement with an error of its own, in the place of the one of the handler.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error) == "Query interrupted":
            signal.raise_signal(signal.SIGINT)
        raise


def _connect(
    database: str, config: dict[str, Any], timeout_seconds: float, tell: Callable[[str], None]
) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + timeout_seconds
    pause, told = 0.02, False
    while True:
        try:
            return duckdb.connect(database, config=config)
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise
            if time.monotonic() >= deadline:
                raise WarehouseLockedError(
                    f"{database} is locked by {_holder(error)}; waited {timeout_seconds:.0f} s. "
                    "End that process or wait for it, then run this again: nothing is lost."
                ) from error
            if not told and pause > 0.5:
                tell(f"waiting for the warehouse: {_holder(error)}")
                told = True
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)


def _holder(error: duckdb.IOException) -> str:
    """Name the process that holds the lock, as DuckDB's message gives it."""
    found = re.search(r"held in (.+?) \(PID (\d+)\)", str(error))
    if not found:
        return "another process"
    me = " (this process)" if int(found[2]) == os.getpid() else ""
    return f"PID {found[2]}{me}, {found[1]}"


def _create_tables(connection: duckdb.DuckDBPyConnection, *, present: set[str]) -> bool:
    """Make the tables that are not there, and say whether there were any."""
    missing = sorted(table_names() - present - {"document_embeddings"})
    for table in missing:
        connection.execute(read_sql("tables", table))
    return bool(missing)


def _refuse_other_tables(columns: frozenset[tuple[str, str]], database: str) -> None:
    missing = sorted(_expected()[0] - columns)
    if missing:
        raise WarehouseVersionError(
            f"{database} was made by an earlier version: "
            f"{', '.join(f'table {table} has no column {column}' for table, column in missing)}. "
            "Move it away and run this again, or name another folder in EQUAL_HOME"
        )


def _create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the views that are not there as they are written now."""
    for view, _ in sorted(_expected()[1] - _views(connection)):
        connection.execute(read_sql("views", view))


@cache
def _expected() -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """Return table and column of all that is made empty, and the views as DuckDB keeps them.

    What is made anew from rows fits them.
    """
    with duckdb.connect() as scratch:
        create_all(scratch)
        columns = {found for found in _columns(scratch) if found[0] != "strategy_comparison"}
        return frozenset(columns), _views(scratch)


def _columns(connection: duckdb.DuckDBPyConnection) -> frozenset[tuple[str, str]]:
    # naming the database leaves out what DuckDB brings itself: half of the time that opening takes
    rows = connection.execute(
        "select table_name, column_name from duckdb_columns() "
        "where database_name = current_database()"
    )
    return frozenset((table, column) for table, column in rows.fetchall() if table in table_names())


def _views(connection: duckdb.DuckDBPyConnection) -> frozenset[tuple[str, str]]:
    rows = connection.execute(
        "select view_name, sql from duckdb_views() where database_name = current_database()"
    )
    return frozenset((view, text) for view, text in rows.fetchall())

"""The file of the warehouse: opened with patience, its tables and views made where they lack."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files

import duckdb
import psutil

from equal_assets.errors import WarehouseLockedError, WarehouseVersionError
from equal_assets.resources.attached import OpenHereError, attached

SQL = files("equal_assets") / "sql"
"""The folder `sql` of the project; an installed package has it inside."""

HELD = re.compile(
    r'IO Error: Could not set lock on file ".*": Conflicting lock is held'
    r"(?: in (?:.+? \()?PID (?P<process>\d+))?",
    re.DOTALL,
)
"""What DuckDB says, and says of no other fault, where another process has the file open."""

SHRUNK = "Could not read enough bytes"
"""What DuckDB says of a file that another process has shortened while it was opened."""

SHRUNK_SECONDS = 1.0
"""Longer, and the file is cut off."""

TELL_AFTER_SECONDS = 1.0
MAX_COMMAND = 200  # characters of a command line that are shown

WITH_INTERVAL = tuple(
    f"{name}{end}"
    for name in ("random_coverage", "random_near_pairs")
    for end in ("", "_low", "_high")
)

ADDED = {
    ("documents", "page"): "varchar",
    ("documents", "chunk"): "integer",
    ("bandit_documents", "gain"): "double",
    **{
        (table, column): kind
        for table in ("rounds", "reward_curve")
        for column, kind in {
            "target_coverage": "double",
            "near_pairs": "integer",
            **dict.fromkeys(WITH_INTERVAL, "double"),
            "pays": "boolean",
        }.items()
    },
    ("rounds", "question_masses"): "double[]",
    **{
        ("rounds", f"{name}{end}"): "double"
        for name in ("gain", "random_gain")
        for end in ("", "_low", "_high")
    },
    ("rounds", "accepted_pairs"): "integer",
    ("rounds", "ended_because"): "varchar",
}
"""Columns that a warehouse of an earlier version gets: null says what was so then."""


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


@dataclass(frozen=True)
class Patience:
    """How to wait for another process that has the warehouse open.

    Attributes
    ----------
    seconds : float or None
        Longest wait; None: as long as it takes.
    tell : callable
        Given a line that names the process, once it is clear that this takes longer, and one when
        the wait is over.
    """

    seconds: float | None = None
    tell: Callable[[str], None] = lambda said: None


AS_IT_TAKES = Patience()

FileState = tuple[int, int, int, int]
"""Device, inode, size and time of the last change."""

_LEFT: dict[str, FileState] = {}
"""How the files were when this process closed them, complete: looking again takes a third of an
opening."""


@contextmanager
def open_warehouse(
    database: str, *, patience: Patience = AS_IT_TAKES
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse, waiting for other processes; its tables and views are there.

    It is closed at the end of the block. Ctrl-C in the middle of a statement raises what it raises
    elsewhere.

    Parameters
    ----------
    database : str
        Path of the file.
    patience : Patience

    Raises
    ------
    WarehouseLockedError
        If another process keeps it open for longer.
    WarehouseVersionError
        If its tables lack columns of today.
    """
    with _interruptible(), _connected(database, patience, read_only=False) as connection:
        if not _is_as_left(database):
            _complete(connection, database)
        yield connection
    _LEFT[database] = _state(database)


@contextmanager
def read_warehouse(
    database: str, *, patience: Patience = AS_IT_TAKES
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse to read, beside others that read.

    What its tables or views lack is made first, which takes a moment of writing. Parameters and
    exceptions are those of :func:`open_warehouse`.
    """
    if not os.path.exists(database):
        with open_warehouse(database, patience=patience):
            pass  # makes it
    with _interruptible(), ExitStack() as stack:
        opened = stack.enter_context(_connected(database, patience, read_only=True))
        if not _is_as_left(database):
            if _is_complete(opened):
                _LEFT[database] = _state(database)
            else:
                stack.close()
                with open_warehouse(database, patience=patience):
                    pass
                opened = stack.enter_context(_connected(database, patience, read_only=True))
        yield opened


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


@contextmanager
def _connected(
    database: str, patience: Patience, *, read_only: bool
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the file as soon as no other process has it open."""
    with ExitStack() as stack:
        yield _wait_for(
            database,
            lambda: stack.enter_context(attached(database, read_only=read_only)),
            patience,
        )


def _wait_for(
    database: str, connect: Callable[[], duckdb.DuckDBPyConnection], patience: Patience
) -> duckdb.DuckDBPyConnection:
    began = time.monotonic()
    pause, told = 0.02, ""
    while True:
        try:
            connection = connect()
        except (duckdb.IOException, OpenHereError) as error:
            holder, waited = _holder(error), time.monotonic() - began
            if SHRUNK in str(error) and waited < SHRUNK_SECONDS:
                time.sleep(pause)
                continue
            if holder is None:
                raise
            if patience.seconds is not None and waited >= patience.seconds:
                raise WarehouseLockedError(
                    f"{database} is locked by {holder}; waited {patience.seconds:.0f} s. "
                    "End that process or wait for it, then run this again: nothing is lost. "
                    "EQUAL_LOCK_SECONDS sets how long to wait"
                ) from error
            if holder != told and waited > TELL_AFTER_SECONDS:
                patience.tell(
                    f"waiting for the warehouse {database}, which is held by {holder}: close it "
                    "there, or end that process; this goes on by itself"
                )
                told = holder
            time.sleep(pause)
            pause = min(pause * 1.5, 0.25)
        else:
            if told:
                patience.tell(f"the warehouse is free again after {time.monotonic() - began:.0f} s")
            return connection


def _holder(error: duckdb.IOException | OpenHereError) -> str | None:
    """Name the process that has the file open: its number, command, and since when it runs.

    None if this is not what is wrong.
    """
    if isinstance(error, OpenHereError):
        return f"PID {os.getpid()} (this process)"
    found = HELD.match(str(error))
    if found is None:
        return None
    if found["process"] is None:
        return "another process"
    me = " (this process)" if int(found["process"]) == os.getpid() else ""
    return f"PID {found['process']}{me}{_described(int(found['process']))}"


def _described(process: int) -> str:
    try:
        holder = psutil.Process(process)
        command = " ".join(" ".join(holder.cmdline()).split()) or holder.name()
        began = datetime.fromtimestamp(holder.create_time())
    except psutil.Error:  # it has ended, or is another user's
        return ""
    shown = command if len(command) <= MAX_COMMAND else f"{command[:MAX_COMMAND]}..."
    return f", {shown}, which runs since {began:%Y-%m-%d %H:%M:%S}"


def _is_as_left(database: str) -> bool:
    """Tell whether nobody has changed the file since this process found or made it complete."""
    return _LEFT.get(database) == _state(database)


def _state(database: str) -> FileState:
    found = os.stat(database)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _is_complete(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether all tables and views are there, as they are written now."""
    columns, views = _expected()
    return columns <= _columns(connection) and views <= _views(connection)


def _complete(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Make what the tables and views lack."""
    columns = _without_old_vectors(connection, _columns(connection))
    if _create_tables(connection, present={table for table, _ in columns}):
        columns = _columns(connection)
    _refuse_other_tables(columns, database)
    _add_columns(connection, columns)
    _create_views(connection)


def _create_tables(connection: duckdb.DuckDBPyConnection, *, present: set[str]) -> bool:
    """Make the tables that are not there, and say whether there were any."""
    missing = sorted(table_names() - present)
    for table in missing:
        connection.execute(read_sql("tables", table))
    return bool(missing)


def _without_old_vectors(
    connection: duckdb.DuckDBPyConnection, columns: frozenset[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """Remove the vectors that earlier versions kept in the warehouse: they are embedded again."""
    if ("document_embeddings", "embedding") not in columns:
        return columns
    connection.execute("drop table document_embeddings")
    connection.execute("delete from materialized where asset = 'document_embeddings'")
    return frozenset(found for found in columns if found[0] != "document_embeddings")


def _refuse_other_tables(columns: frozenset[tuple[str, str]], database: str) -> None:
    missing = sorted(_expected()[0] - columns - ADDED.keys())
    if missing:
        raise WarehouseVersionError(
            f"{database} was made by an earlier version: "
            f"{', '.join(f'table {table} has no column {column}' for table, column in missing)}. "
            "Move it away and run this again, or name another folder in EQUAL_HOME"
        )


def _add_columns(
    connection: duckdb.DuckDBPyConnection, columns: frozenset[tuple[str, str]]
) -> None:
    for table, column in sorted(ADDED.keys() - columns):
        connection.execute(f"alter table {table} add column {column} {ADDED[table, column]}")


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

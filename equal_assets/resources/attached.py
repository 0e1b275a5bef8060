"""Database files, attached to the one DuckDB of this process while they are used.

Starting a DuckDB takes ten times as long as attaching a file to one that runs. The file is locked
against other processes as long as it is attached, no longer.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count

import duckdb

_LOCK, _NUMBERS = threading.Lock(), count()


class OpenHereError(Exception):
    """Open in this process already, and not so that it could be opened as well."""


@dataclass
class _Attached:
    """A file that connections of this process share."""

    name: str
    read_only: bool
    n_users: int = 0


_FILES: dict[str, _Attached] = {}


@contextmanager
def attached(database: str, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to a database file.

    A file that another thread writes is read through the same attachment.

    Parameters
    ----------
    database : str
        Path of the file; made unless it is only read.
    read_only : bool

    Raises
    ------
    OpenHereError
    duckdb.IOException
        If another process has it open, or it is no database.
    """
    path, duck = os.path.abspath(database), _started(os.getpid())
    name = _attach(duck, path, read_only=read_only)
    try:
        with duck.cursor() as connection:  # closing it undoes what was not committed
            connection.execute(f"use {name}")
            yield connection
    finally:
        _detach(duck, path)


@cache
def _started(process: int) -> duckdb.DuckDBPyConnection:
    """Return the DuckDB of this process: a forked one has a DuckDB of its own."""
    return duckdb.connect()


def _attach(duck: duckdb.DuckDBPyConnection, path: str, *, read_only: bool) -> str:
    with _LOCK:
        file = _FILES.get(path)
        if file is None:
            file = _Attached(f"file_{next(_NUMBERS)}", read_only)
            quoted, mode = path.replace("'", "''"), ", read_only" if read_only else ""
            try:
                duck.cursor().execute(f"attach '{quoted}' as {file.name} (type duckdb{mode})")
            except duckdb.ResourceInUseException as error:
                raise OpenHereError(f"another DuckDB of this process has {path} open") from error
            _FILES[path] = file
        elif file.read_only and not read_only:
            raise OpenHereError(f"another thread reads {path}")
        file.n_users += 1
        return file.name


def _detach(duck: duckdb.DuckDBPyConnection, path: str) -> None:
    """Let go of the file; the last to do so closes it."""
    with _LOCK:
        file = _FILES[path]
        file.n_users -= 1
        if file.n_users:
            return
        del _FILES[path]
        try:
            duck.cursor().execute(f"detach {file.name}")
        except duckdb.Error:  # a full disk: what was committed stays in the log beside the file
            duck.close()
            _started.cache_clear()

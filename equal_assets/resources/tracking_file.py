"""The SQLite file of an MLflow store: made and migrated aside, then renamed into place.

MLflow makes its tables in many small steps, and migrates them as well: a process that is killed
among them leaves a file that no MLflow opens again. Here a file in its place is always whole.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from equal_assets.errors import TrackingError
from equal_assets.resources.publishing import companions, draft_of, put_in_place, set_aside

LOCK = ".mlflow.lock"
BUSY_SECONDS = 60.0


def ready_store(database: Path, *, is_own: bool) -> str | None:
    """Make, migrate or replace the file of a store, so that MLflow can open it.

    Parameters
    ----------
    database : Path
        Need not be there.
    is_own : bool
        Whether the store belongs to the project: then one that is broken is set aside, and one of
        an earlier MLflow migrated. Others may share any other store.

    Returns
    -------
    str or None
        A line for people if something was set aside or migrated.

    Raises
    ------
    TrackingError
        If it was made by a later MLflow, or is not the project's own and cannot be used.
    """
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # its errors are raised
    database.parent.mkdir(parents=True, exist_ok=True)
    with _alone(database.parent):
        if not database.is_file() or not database.stat().st_size:
            _remove_companions(database)  # of a file that was deleted
            _make(database)
            return None
        broken = defect(database)
        if broken is None:
            revision = _revision(database)
            if revision == _revisions()[0]:
                return None
            if revision not in _revisions():
                raise TrackingError(
                    f"{database} was made by a later MLflow (schema {revision}): install that "
                    "MLflow again, or move the file away and run `equal run`, which logs "
                    "everything again from the warehouse"
                )
            if is_own:
                broken = _migrated(database)
                if broken is None:
                    return f"{database} was made by an earlier MLflow and is migrated"
            else:
                broken = "was made by an earlier MLflow, or its migration was cut off"
        if not is_own:
            raise TrackingError(
                f"tracking.uri: {database} {broken}; it is not in the project's folder, so it is "
                "left as it is: restore it from a copy, migrate it with "
                f"`mlflow db upgrade sqlite:///{database}`, or name another store"
            )
        kept = set_aside(database)
        _make(database)
        return (
            f"{database} {broken}; it is kept as {kept.name}, and a new one was made: what the "
            "warehouse knows is logged again"
        )


def store_fault(database: Path) -> str | None:
    """Return the file and what is wrong with it, or None; it is not changed."""
    if not database.is_file():
        return f"{database} is missing"
    if broken := defect(database):
        return f"{database} {broken}"
    if _revision(database) != _revisions()[0]:
        return f"{database} is not of the MLflow that is installed"
    return None


def defect(database: Path) -> str | None:
    """Return what is wrong with the file of a store, or None; it is not changed."""
    try:
        with closing(_opened(database)) as store:
            found = store.execute("pragma quick_check(1)").fetchone()[0]
            names = {name for (name,) in store.execute("select name from sqlite_master")}
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "unable to open" in str(error):
            raise TrackingError(
                f"{database} cannot be opened: {error}; make it and its folder writable, or end "
                "what holds it, then run this again"
            ) from error
        return f"is broken ({error})"
    except sqlite3.DatabaseError as error:
        return f"is broken ({error})"
    if found != "ok":
        return f"is broken ({' '.join(found.split())})"
    if "alembic_version" not in names or _revision(database) is None:
        return "is not whole: its making was cut off"
    return None


def _opened(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(database, timeout=BUSY_SECONDS)


def _revision(database: Path) -> str | None:
    with closing(_opened(database)) as store:
        row = store.execute("select version_num from alembic_version").fetchone()
        return None if row is None else str(row[0])


@cache
def _revisions() -> tuple[str, ...]:
    """Return the schemas that this MLflow knows, its own first."""
    from alembic.script import ScriptDirectory
    from mlflow.store.db.utils import _get_alembic_config

    scripts = ScriptDirectory.from_config(_get_alembic_config(db_url=""))
    return tuple(script.revision for script in scripts.walk_revisions())


def _make(database: Path) -> None:
    from mlflow.store.db.utils import _initialize_tables

    aside = draft_of(database)
    _through_mlflow(aside, _initialize_tables)
    put_in_place(aside, database)


def _migrated(database: Path) -> str | None:
    """Migrate a store; return what is wrong with it if that fails, and then it is as before."""
    from mlflow.store.db.utils import _upgrade_db
    from sqlalchemy.exc import SQLAlchemyError

    aside = draft_of(database)
    with closing(_opened(database)) as store, closing(_opened(aside)) as copy:
        store.backup(copy)
    try:
        _through_mlflow(aside, _upgrade_db)
    except SQLAlchemyError as error:
        aside.unlink()
        reason = str(getattr(error, "orig", error))
        return f"is of an earlier MLflow and cannot be migrated ({reason})"
    _remove_companions(database)
    put_in_place(aside, database)
    return None


def _through_mlflow(file: Path, work: object) -> None:
    """Let MLflow work on a database through a connection that is closed afterwards."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(sqlalchemy.URL.create("sqlite", database=str(file)))
    try:
        work(engine)  # type: ignore[operator]
    finally:
        engine.dispose()


def _remove_companions(database: Path) -> None:
    """Remove what SQLite left beside a file that is gone, or is replaced by a whole copy."""
    for companion in companions(database):
        companion.unlink()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from making the same store meanwhile."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

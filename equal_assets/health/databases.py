"""The database files of a project: each is read to its end, and their rows are compared."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import duckdb

from equal_assets.health.fault import Fault
from equal_assets.resources.extraction.extractors import JOURNAL_FILE
from equal_assets.resources.publishing import set_aside
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.resources.warehouse_file import table_names

N_NAMED = 3
INVARIANTS = {
    "check_documents": "documents are empty or there twice",
    "check_rounds": "rounds are not whole",
    "check_accounting": "documents are not accounted for",
    "check_budgets": "budgets were exceeded",
    "check_test_questions": "test questions are trained on",
}
"""What must never happen, by the query that looks for it."""


def warehouse_faults(database: Path) -> Iterator[Fault]:
    """Yield why the warehouse cannot be read, if so; it is not changed.

    Every block is read: DuckDB compares each with its checksum.
    """
    journal = database.with_name(JOURNAL_FILE)
    if not database.is_file():
        if journal.is_file():
            yield Fault(
                f"{database} is missing, but {journal.name} is there",
                "restore it from a copy. Without one, `equal run` plays everything again, and "
                "pays for no answer that the journal holds",
            )
        return
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            for (table,) in connection.sql("show tables").fetchall():
                if table in table_names():
                    connection.table(table).aggregate("max(hash(columns(*)))").fetchall()
    except duckdb.Error as error:
        if isinstance(error, duckdb.IOException) and "Could not set lock" in str(error):
            raise
        first = str(error).strip().splitlines()[0]
        yield Fault(
            f"{database} is broken: {first}",
            "restore it from a copy. Without one, move it away: `equal run` plays everything "
            f"again, and pays for no answer that {JOURNAL_FILE} holds",
        )


def tracking_faults(tracker: Tracker, warehouse: Warehouse) -> Iterator[Fault]:
    """Yield why the file of the MLflow store cannot be used, if it is one.

    Before the first round it need not be there.
    """
    is_needed = tracker.is_stored or not warehouse.query("campaign_status").is_empty()
    if is_needed and (fault := tracker.store_fault()):

        def mend() -> str:
            return tracker.ready() or "a new one was made"

        yield Fault(
            f"MLflow's {fault}",
            "`equal run` mends it, and logs again what the warehouse knows",
            mend,
        )


def invariant_faults(warehouse: Warehouse) -> Iterator[Fault]:
    """Yield the rows of the warehouse that contradict each other."""
    for query, what in INVARIANTS.items():
        violations = warehouse.query(query)
        if len(violations):
            shown = "; ".join(str(row) for row in violations.head(N_NAMED).rows(named=True))
            yield Fault(
                f"warehouse: {what} ({len(violations)}): {shown}",
                "this is an error of the program: keep a copy of the folder and report it; "
                "`equal run --restart CAMPAIGN` plays a campaign again from its stored answers",
            )


def sqlite_faults(state: Path, history: Path) -> Iterator[Fault]:
    """Yield the SQLite files of the journal and of Dagster that cannot be read to their end.

    Parameters
    ----------
    state : Path
        The state folder.
    history : Path
        Where Dagster keeps its databases.
    """
    journal = state / JOURNAL_FILE
    if journal.is_file() and (why := _broken(journal)):
        yield Fault(
            f"{journal} is broken: {why}",
            "restore it from a copy: it holds the answers that were paid for, and what counts "
            "against the caps. Without one, `sqlite3 requests.sqlite .recover` saves most of it",
        )
    for file in sorted(history.rglob("*.db")) if history.is_dir() else ():
        if why := _broken(file):
            yield Fault(
                f"{file} is broken: {why}",
                "it is only the history that Dagster's pages show; `equal doctor --repair` sets "
                "it aside",
                partial(_aside, file),
            )


def _broken(file: Path) -> str | None:
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as store:
            found = str(store.execute("pragma quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError:
        raise  # it cannot be opened, which says nothing of what it holds
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == "ok" else " ".join(found.split())


def _aside(file: Path) -> str:
    return f"{file} is kept as {set_aside(file).name}; Dagster makes a new one"


def journal_faults(warehouse: Warehouse, state: Path) -> Iterator[Fault]:
    """Yield where the journal of requests and the stored extractions disagree."""
    asked = warehouse.query("asked_documents")
    if asked.is_empty():
        return
    known: set[str] = set()
    journal = state / JOURNAL_FILE
    if journal.is_file():
        try:
            with closing(sqlite3.connect(f"{journal.resolve().as_uri()}?mode=ro", uri=True)) as j:
                known = {key for (key,) in j.execute("select distinct document from requests")}
        except sqlite3.DatabaseError:
            return  # said by sqlite_faults
    lost = asked.filter(~asked["content_hash"].is_in(known))
    if len(lost):
        what = "is missing" if not journal.is_file() else "lacks requests"
        yield Fault(
            f"{journal} {what}: {len(lost):,} stored extraction(s), of {lost['tokens'].sum():,} "
            "tokens, have no request in it",
            "restore it from a copy: until then the caps do not count what these have cost",
        )

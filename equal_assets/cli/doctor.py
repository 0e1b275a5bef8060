"""``equal doctor``: verifies the stores of the project against each other, and mends them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from equal_assets.cli.project import (
    build_extractor,
    build_tracker,
    enter_dagster_home,
    open_project,
    open_warehouse,
)
from equal_assets.cli.terminal import FAILED, console
from equal_assets.errors import EqualError
from equal_assets.settings import campaigns_file, load_settings, state_folder

if TYPE_CHECKING:
    from equal_assets.health.fault import Fault

HISTORY = Path(".dagster") / "storage"
"""Where the project's dagster.yaml keeps the databases of Dagster."""


@click.command()
@click.option(
    "--repair",
    is_flag=True,
    help="Mend what can be mended without asking an LLM. What cannot be used is set aside, not "
    "deleted.",
)
def doctor(repair: bool) -> None:
    """Verify all stores of the project against each other.

    Reads the warehouse, the journal of requests, published files, MLflow and Dagster to their end,
    and prints a line for each thing that is wrong, with what to do. Nothing is spent, and without
    --repair nothing is changed. The exit code is 1 if something is wrong.
    """
    n_wrong, can_mend = 0, False
    for store, faults in _stores():
        n_here = 0
        for fault in faults:
            n_here += 1
            can_mend = can_mend or fault.mend is not None
            n_wrong += not _told(fault, repair=repair)
        if not n_here:
            console.print(f"[green]ok[/green]      {escape(store)}", highlight=False)
    if n_wrong:
        again = "; `equal doctor --repair` mends what it can" if can_mend and not repair else ""
        console.print(f"{n_wrong} of the above must be seen to{again}")
        raise SystemExit(FAILED)
    console.print("the stores agree")


def _told(fault: Fault, *, repair: bool) -> bool:
    """Print a fault, mending it first if it should be and can be; say whether it is mended."""
    if repair and fault.mend is not None:
        try:
            done = fault.mend()
        except EqualError as error:
            done = ""
            _print("red", "wrong", f"{fault.what}; it could not be mended: {error}")
        else:
            _print("yellow", "mended", f"{fault.what}: {done}")
        return bool(done)
    _print("red", "wrong", str(fault))
    return False


def _print(color: str, mark: str, text: str) -> None:
    line = f"[{color}]{mark}[/{color}]{' ' * (8 - len(mark))}{escape(text)}"
    console.print(line, highlight=False, soft_wrap=True)


def _stores() -> Iterator[tuple[str, list[Fault]]]:
    """Yield each store with what is wrong with it; what needs a broken one is left out."""
    from equal_assets.health import databases, files, runs

    settings, state = load_settings(), state_folder()
    home = enter_dagster_home()
    database, tracker = state / "warehouse.duckdb", build_tracker(settings)
    extractor = build_extractor(settings)
    of_warehouse = list(databases.warehouse_faults(database))
    yield f"warehouse  {database}", of_warehouse
    of_sqlite = databases.sqlite_faults(state, home / HISTORY)
    yield "journal of requests, and Dagster's databases", list(of_sqlite)
    is_started = database.is_file() and not of_warehouse
    if not is_started:
        return
    warehouse = open_warehouse()
    yield "MLflow's database", list(databases.tracking_faults(tracker, warehouse))
    yield "rows of the warehouse", list(databases.invariant_faults(warehouse))
    yield "stored extractions, and their requests", list(databases.journal_faults(warehouse, state))
    published = files.file_faults(
        settings, warehouse, extractor, tracker, campaigns_file=campaigns_file(), whole=True
    )
    yield "published files", list(published)
    if tracker.store_fault() is None:
        exports = state / "exports"
        lacking = runs.tracking_faults(settings, warehouse, tracker, exports=exports)
        yield "MLflow's runs", list(lacking)
    if not list(databases.sqlite_faults(state, home / HISTORY)):
        instance, _ = open_project()
        yield "Dagster's record", list(runs.history_faults(settings, warehouse, instance))

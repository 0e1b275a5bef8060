"""The project that a command works on: its campaigns, Dagster instance, warehouse and backends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import click

from equal_assets.cli.terminal import say, say_warning
from equal_assets.errors import CampaignError, SettingsError
from equal_assets.extras import install_command
from equal_assets.init.files import DAGSTER_FILE, packaged_text
from equal_assets.resources.publishing import publish_text
from equal_assets.settings import (
    Settings,
    campaigns_file,
    lock_seconds,
    project_folder,
    state_folder,
)

READING_SECONDS = 60.0
"""How long a command that only reads waits for a writer; what writes waits as long as it takes."""

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from equal_assets.resources.tracking import Tracker
    from equal_assets.resources.warehouse import Warehouse


def known_campaigns(campaigns: tuple[str, ...], settings: Settings) -> list[str]:
    """Return the named campaigns, or all; a name that campaigns.yaml lacks is a wrong call."""
    unknown = [name for name in campaigns if name not in settings.campaigns]
    if unknown:
        raise click.UsageError(
            f"no campaign {', '.join(unknown)} in campaigns.yaml; "
            f"there are: {', '.join(settings.campaigns)}"
        )
    return list(dict.fromkeys(campaigns)) or list(settings.campaigns)


def enter_dagster_home() -> Path:
    """Return the folder of Dagster's settings; the relative paths in them start there from now on.

    It is that of ``DAGSTER_HOME``, or the nearest with a dagster.yaml from here upward, or the
    project's, which is given one if it has none.

    Raises
    ------
    SettingsError
        If the databases that Dagster keeps there would have another path in an address.
    """
    if home := os.environ.get("DAGSTER_HOME"):
        return Path(home)
    here, project = Path.cwd(), project_folder()
    folders = (here, *here.parents, project)
    folder = next((f for f in folders if (f / DAGSTER_FILE).is_file()), project)
    if "?" in str(folder) or unquote(str(folder)) != str(folder):
        raise SettingsError(
            f"the project's folder = {folder}: must be without ? and without % before two digits, "
            "for Dagster's databases; rename it, or a folder above it"
        )
    # what the environment names was relative to here
    os.environ["EQUAL_CAMPAIGNS"] = str(campaigns_file())
    os.environ["EQUAL_HOME"] = str(state_folder())
    os.chdir(folder)
    if not Path(DAGSTER_FILE).is_file():
        publish_text(packaged_text(DAGSTER_FILE), Path(DAGSTER_FILE))
        say(f"wrote {folder / DAGSTER_FILE}: where Dagster keeps its runs")
    return folder


def open_project() -> tuple[DagsterInstance, Warehouse]:
    """Return the project's Dagster instance and its warehouse."""
    import dagster as dg
    from dagster._check import CheckError  # how a class that is not installed is told

    is_named = "DAGSTER_HOME" in os.environ
    enter_dagster_home()
    # "." as Dagster would take brackets in the project's path for a pattern
    try:
        instance = dg.DagsterInstance.get() if is_named else dg.DagsterInstance.from_config(".")
    except (dg.DagsterError, ImportError, CheckError) as error:
        raise SettingsError(
            f"{Path(DAGSTER_FILE).resolve()} cannot be used: {_mistake(error)}; mend it"
        ) from error
    from equal_assets.resources.warehouse import Warehouse

    return instance, Warehouse(database=str(warehouse_file()))


def _mistake(error: Exception) -> str:
    """Return what Dagster says of its settings, without the types that it expects."""
    text = " ".join(str(error).split())
    if "dagster_postgres" in text:
        return f"its storage needs a package: {install_command('postgres')}"
    return text[max(0, text.find("Error 1: ")) :].partition(" Stack Trace")[0]


def open_warehouse() -> Warehouse:
    """Return the warehouse of the state folder, for a command that only reads it."""
    from equal_assets.resources.warehouse import Warehouse

    return Warehouse(database=str(warehouse_file()), lock_timeout_seconds=reading_seconds())


def require_rounds(warehouse: Warehouse, campaign: str, *, to: str) -> None:
    """Refuse a campaign that has not begun: there is nothing ``to`` read in it.

    Raises
    ------
    CampaignError
        It says what plays its rounds.
    """
    if not warehouse.query("last_round", campaign=campaign)["round"].item():
        raise CampaignError(
            f"no rounds yet of {campaign}: there is nothing to {to}; `equal run {campaign}` plays "
            "them"
        )


def warehouse_file() -> Path:
    """Return the path of the warehouse."""
    return state_folder() / "warehouse.duckdb"


def reading_seconds() -> float:
    """Return how long a command that only reads waits for another process that writes."""
    told = lock_seconds()
    return READING_SECONDS if told is None else told


def ready_tracking(settings: Settings) -> None:
    """Say so where the project has moved, and refuse an experiment that takes no runs.

    Raises
    ------
    TrackingError
        Before anything is spent.
    """
    tracker = build_tracker(settings)
    if told := tracker.ready():
        say_warning(told)
    if moved_from := tracker.follow():
        say(f"this project was {moved_from} before: MLflow's artifacts are found here from now on")
    tracker.require_experiment()


def build_extractor(settings: Settings) -> Any:
    """Return the extractor that the settings name."""
    from equal_assets.resources.extraction import extractors

    return extractors.build_extractor(settings.extractor, state_folder())


def build_tracker(settings: Settings) -> Tracker:
    """Return the tracker that the settings name."""
    from equal_assets.resources import tracking

    return tracking.build_tracker(settings.tracking, state_folder())


def short(path: Path) -> str:
    """Return a path as people read it: relative where it lies below the current folder."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)

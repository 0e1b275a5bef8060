"""The project that a command works on: its campaigns, Dagster instance, warehouse and backends."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equal_assets.errors import SettingsError
from equal_assets.settings import Settings, campaigns_file, project_folder, state_folder

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

    Raises
    ------
    SettingsError
        If there is no dagster.yaml and ``DAGSTER_HOME`` names no folder.
    """
    if home := os.environ.get("DAGSTER_HOME"):
        return Path(home)
    here = Path.cwd()
    for folder in (here, *here.parents, project_folder()):
        if (folder / "dagster.yaml").is_file():
            # what the environment names was relative to here
            os.environ["EQUAL_CAMPAIGNS"] = str(campaigns_file())
            os.environ["EQUAL_HOME"] = str(state_folder())
            os.chdir(folder)
            return folder
    raise SettingsError(
        f"no dagster.yaml in {here}, above it or in {project_folder()}: run this in the project's "
        "folder, or set DAGSTER_HOME"
    )


def open_project() -> tuple[DagsterInstance, Warehouse]:
    """Return the project's Dagster instance and its warehouse."""
    import dagster as dg

    is_named = "DAGSTER_HOME" in os.environ
    home = enter_dagster_home()
    instance = dg.DagsterInstance.get() if is_named else dg.DagsterInstance.from_config(str(home))
    return instance, open_warehouse()


def open_warehouse() -> Warehouse:
    """Return the warehouse of the state folder."""
    from equal_assets.resources.warehouse import Warehouse

    return Warehouse(database=str(state_folder() / "warehouse.duckdb"))


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

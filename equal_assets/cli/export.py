"""What ``equal export`` does beside the export itself: reads its options, prints, passes it on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from rich.console import Console

from equal_assets.errors import ExportError
from equal_assets.export.campaign_export import Exported
from equal_assets.export.hub import push
from equal_assets.pages.campaign_run import campaign_run
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import ExportFormat

ARTIFACT_FOLDER = "export"


def named_formats(given: Iterable[str]) -> list[ExportFormat]:
    """Return the formats that options name, each once; commas part several in one.

    Raises
    ------
    ExportError
        If a format is not known.
    """
    known: tuple[ExportFormat, ...] = get_args(ExportFormat)
    names = [name.strip() for text in given for name in text.split(",")]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ExportError(f"--format {', '.join(unknown)}: allowed: {', '.join(known)}")
    return sorted(set(known).intersection(names), key=names.index)


def print_export(console: Console, exported: Exported) -> None:
    """Print what was written where."""
    for name, split in exported.splits.items():
        console.print(
            f"{name:12}{split.examples:>9,} examples of {split.documents:,} documents",
            highlight=False,
        )
    console.print(f"in {exported.folder}:", highlight=False, soft_wrap=True)
    for name, rows in exported.files.items():
        counted = "" if rows is None else f"{rows:>9,} rows"
        console.print(f"  {name:34}{counted}".rstrip(), highlight=False)


def push_export(console: Console, exported: Exported, repository: str, *, is_public: bool) -> None:
    """Push an export to a repository of the hub, and print its address."""
    address = push(exported.folder, list(exported.files), repository, is_public=is_public)
    console.print(f"pushed to {address}", highlight=False, soft_wrap=True)


def log_export(
    console: Console, exported: Exported, campaign: str, *, warehouse: Warehouse, tracker: Tracker
) -> None:
    """Store an export as artifacts of the campaign's MLflow run, and print where."""
    run_id = campaign_run(warehouse, tracker, campaign)
    tracker.log_files(run_id, exported.folder, list(exported.files), under=ARTIFACT_FOLDER)
    console.print(f"MLflow run {run_id}, artifacts {ARTIFACT_FOLDER}/", highlight=False)

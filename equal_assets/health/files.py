"""Published files that are missing, or do not hold what the warehouse says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from equal_assets.export.campaign_export import export_again
from equal_assets.export.folder import changed_files, lacking_files
from equal_assets.health.fault import Fault
from equal_assets.pages.report import publish_report
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.publishing import Seal, drafts, is_sealed, remove_draft, seal
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings
from equal_assets.steps.examples_file import publish_again
from equal_assets.versions import Versions, stored_versions

EXPORT, REPORT = "export", "report"
BY_RUN = "`equal run` makes it again"


def file_faults(
    settings: Settings,
    warehouse: Warehouse,
    extractor: Extractor,
    tracker: Tracker,
    *,
    campaigns_file: Path,
    whole: bool,
) -> Iterator[Fault]:
    """Yield the published files that are missing, cut off, changed or old.

    Parameters
    ----------
    settings : Settings
    warehouse : Warehouse
    extractor : Extractor
    tracker : Tracker
    campaigns_file : Path
        The file of ``settings``.
    whole : bool
        Read every byte, not only what has changed since it was published.
    """
    yield from asset_faults(settings, warehouse, whole=whole)
    stored = stored_versions(warehouse)
    for row in warehouse.query("published").iter_rows(named=True):
        path = Path(warehouse.found_path(row["path"]))
        if row["asset"] == EXPORT:
            yield from _of_export(row, path, settings, warehouse, campaigns_file, stored)
        elif row["asset"] == REPORT and row["campaign"] in settings.campaigns:
            roles = (settings, warehouse, extractor, tracker)
            yield from _of_report(row["campaign"], path, *roles)
    yield from _left_behind(Path(warehouse.database).parent)


def asset_faults(settings: Settings, warehouse: Warehouse, *, whole: bool) -> Iterator[Fault]:
    """Yield the files of assets that are missing, cut off, changed or old.

    Parameters
    ----------
    settings : Settings
    warehouse : Warehouse
    whole : bool
        Read every byte, not only what has changed since it was published.
    """
    stored = stored_versions(warehouse)
    rows = warehouse.query("published").to_dicts()
    for row in rows:
        if (row["asset"], row["campaign"]) in stored:
            path = Path(warehouse.found_path(row["path"]))
            if not _holds(row, path, whole=whole):
                yield _of_asset(row, path, warehouse)
    yield from _never_recorded(settings, warehouse, stored, rows)


def _holds(row: dict[str, Any], path: Path, *, whole: bool) -> bool:
    sealed = Seal(row["sha256"], row["n_bytes"], row["modified_ns"])
    return is_sealed(path, sealed, whole=whole)


def _of_asset(row: dict[str, Any], path: Path, warehouse: Warehouse) -> Fault:
    what = "does not hold what was published" if path.exists() else "is missing"
    of = f" of {row['campaign']}" if row["campaign"] else ""
    again = _publish if row["asset"] == "qa_dataset" else _forget
    return Fault(f"{path} {what} ({row['asset']}{of})", BY_RUN, partial(again, row, warehouse))


def _publish(row: dict[str, Any], warehouse: Warehouse) -> str:
    publish_again(warehouse, row["path"], row["campaign"])
    return f"{row['path']} is written again from the warehouse"


def _forget(row: dict[str, Any], warehouse: Warehouse) -> str:
    """Let an asset be made again: its rows stay until then."""
    with warehouse.transaction() as transaction:
        transaction.delete("materialized", asset=row["asset"], partition=row["campaign"])
        transaction.delete("published", path=row["path"])
    return f"{row['path']}: `equal run` makes {row['asset']} again; no LLM is asked"


def _never_recorded(
    settings: Settings, warehouse: Warehouse, stored: Versions, rows: list[dict[str, Any]]
) -> Iterator[Fault]:
    """Yield the files that an earlier version made, which recorded none."""
    known = {(row["asset"], row["campaign"]) for row in rows}
    for asset, campaign, place in _places(settings, warehouse, stored):
        if (asset, campaign) in known:
            continue
        row = {"asset": asset, "campaign": campaign, "path": place}
        path = Path(warehouse.found_path(place))
        if asset != "qa_dataset" and path.exists():
            what = f"{path} was never recorded (an earlier version made it)"
            yield Fault(what, "`equal run` records it", partial(_record, row, path, warehouse))
        else:
            yield _of_asset(row, path, warehouse)


def _places(
    settings: Settings, warehouse: Warehouse, stored: Versions
) -> Iterator[tuple[str, str, str]]:
    """Yield asset, campaign and stored path of all that has a file."""
    if ("contrastive_embedder", "") in stored:
        yield "contrastive_embedder", "", warehouse.query("embedder")["path"].item()
    exports = Path(warehouse.database).parent / "exports"
    for name in settings.campaigns:
        if ("qa_dataset", name) in stored:
            place = warehouse.stored_path(exports / name / "qa_dataset.parquet")
            yield "qa_dataset", name, place
        if ("fine_tuned_student", name) in stored:
            models = warehouse.query("fine_tuned_student", campaign=name)
            yield "fine_tuned_student", name, models["path"].item()


def _record(row: dict[str, Any], path: Path, warehouse: Warehouse) -> str:
    with warehouse.transaction() as transaction:
        asset, campaign = row["asset"], row["campaign"]
        transaction.publish(row["path"], seal(path), asset=asset, campaign=campaign)
    return "recorded as it is"


def _of_export(
    row: dict[str, Any],
    path: Path,
    settings: Settings,
    warehouse: Warehouse,
    campaigns_file: Path,
    stored: Versions,
) -> Iterator[Fault]:
    """Yield what is wrong with an export; one whose campaign is gone is the user's alone."""
    campaign, folder = row["campaign"], path.parent
    if campaign not in settings.campaigns or ("qa_dataset", campaign) not in stored:
        return
    again = f"`equal export {campaign}` writes it again"
    is_own = folder.is_relative_to(Path(warehouse.database).parent)
    if lacking := lacking_files(folder, row["sha256"]):
        yield Fault(
            f"{folder} lacks files of its export: {', '.join(lacking[:5])}",
            BY_RUN if is_own else again,
            partial(_export, row, folder, settings, warehouse, campaigns_file) if is_own else None,
        )
    elif changed := changed_files(folder):
        yield Fault(
            f"{folder} holds files that were changed since they were exported: "
            f"{', '.join(changed[:5])}",
            f"move or delete them, then {again}",
        )
    elif row["made_from"] != stored["qa_dataset", campaign][1]:
        yield Fault(f"{folder} shows an earlier data set of {campaign}", again)


def _export(
    row: dict[str, Any],
    folder: Path,
    settings: Settings,
    warehouse: Warehouse,
    campaigns_file: Path,
) -> str:
    export_again(
        settings,
        warehouse,
        row["campaign"],
        json.loads(row["options"]),
        out=folder,
        campaigns_file=campaigns_file,
    )
    return f"{folder} is exported again"


def _of_report(
    name: str,
    path: Path,
    settings: Settings,
    warehouse: Warehouse,
    extractor: Extractor,
    tracker: Tracker,
) -> Iterator[Fault]:
    if not path.is_file():
        again = partial(_report, name, path, settings, warehouse, extractor, tracker)
        yield Fault(f"{path} is missing (the report of {name})", BY_RUN, again)


def _report(name: str, path: Path, *roles: Any) -> str:
    publish_report(name, path, *roles)
    return f"{path} is written again"


def _left_behind(state: Path) -> Iterator[Fault]:
    """Yield what killed processes left: nothing reads it, it only takes room."""
    left = drafts(state)
    if left:
        yield Fault(
            f"{len(left)} unfinished file(s) of killed processes: {left[0]}",
            "`equal doctor --repair` removes them",
            partial(_remove, left),
        )


def _remove(left: list[Path]) -> str:
    for draft in left:
        remove_draft(draft)
    return f"{len(left)} unfinished file(s) removed"

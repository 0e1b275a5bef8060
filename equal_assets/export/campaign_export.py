"""The steps of an export: read, write aside, describe, put in place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from equal_assets.algorithms.document_split import validation_documents
from equal_assets.errors import ExportError
from equal_assets.export.contents import PAGE, Contents, read_contents
from equal_assets.export.data_card import CURVE_PICTURE, data_card
from equal_assets.export.folder import replaced_folder
from equal_assets.export.formats import file_name, write_examples
from equal_assets.export.llama_factory import dataset_info
from equal_assets.export.manifest import MANIFEST, ManifestSplit, manifest, write_json
from equal_assets.pages.figures.curves import reward_curve_figure
from equal_assets.resources.publishing import seal
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import ExportFormat, ExportKey, Settings

CARD = "README.md"
LLAMA_FACTORY = "dataset_info.json"


@dataclass(frozen=True)
class Exported:
    """A finished export.

    Attributes
    ----------
    folder : Path
    splits : dict of str to Split
    files : dict of str to (int or None)
        Rows of each file, relative to the folder; ``None`` if it has none.
    """

    folder: Path
    splits: dict[str, ManifestSplit]
    files: dict[str, int | None]


def export_campaign(
    settings: Settings,
    warehouse: Warehouse,
    campaign: str,
    *,
    formats: Sequence[ExportFormat],
    validation: float,
    out: Path,
    campaigns_file: Path,
    leave_out: Sequence[ExportKey] = (),
) -> Exported:
    """Write the data set of a campaign for trainers, with its card and manifest.

    The same data and settings give the same bytes. An earlier export in the folder is replaced
    completely.

    Parameters
    ----------
    settings : Settings
    warehouse : Warehouse
    campaign : str
    formats : sequence of str
        At least one; ``load_dataset`` loads the first by default.
    validation : float
        Share of the examples that are set aside, in whole documents, from 0 to 0.5.
    out : Path
    campaigns_file : Path
        The file of ``settings``; the card quotes it.
    leave_out : sequence of str
        Keys that are not written.

    Raises
    ------
    ExportError
        If the campaign has no current data set, ``validation`` is out of range, or ``out`` cannot
        be written or holds other files.
    """
    contents = read_contents(settings, warehouse, campaign)
    parts = split_examples(contents, validation)
    splits = {
        name: ManifestSplit(examples=len(part), documents=part["document_id"].n_unique())
        for name, part in parts.items()
    }
    empty = {name for name in ("page", "verdict") if contents.examples[name].is_null().all()}
    unsaid = {*leave_out, *empty}
    rows: dict[str, int] = {}
    place = warehouse.stored_path(out / MANIFEST)
    with replaced_folder(out, _recorded(warehouse, place)) as folder:
        for form in formats:
            (folder / form).mkdir()
            for name, part in parts.items():
                write_examples(part.drop(unsaid), form, folder / file_name(form, name))
                rows[file_name(form, name)] = len(part)
        card = data_card(
            contents,
            formats=formats,
            splits=splits,
            validation=validation,
            campaigns_file=_read_yaml(campaigns_file),
            leave_out=leave_out,
        )
        (folder / CARD).write_text(card, encoding="utf-8", newline="\n")
        _draw_curve(contents, folder / CURVE_PICTURE)
        write_json(dataset_info(campaign, formats, list(splits)), folder / LLAMA_FACTORY)
        described = manifest(contents, folder, splits=splits, rows=rows, validation=validation)
        write_json(described, folder / MANIFEST)
        with warehouse.transaction() as transaction:
            transaction.publish(
                place,
                seal(folder / MANIFEST),
                asset="export",
                campaign=campaign,
                made_from=contents.assets["qa_dataset"]["version"],
                options={
                    "formats": list(formats),
                    "validation": validation,
                    "leave_out": list(leave_out),
                    "files": {name: of["sha256"] for name, of in described["files"].items()},
                },
            )
    files = {name: rows.get(name) for name in (*described["files"], MANIFEST)}
    return Exported(folder=out, splits=splits, files=files)


def export_again(
    settings: Settings,
    warehouse: Warehouse,
    campaign: str,
    options: dict[str, Any],
    *,
    out: Path,
    campaigns_file: Path,
) -> None:
    """Export a data set with the options that an earlier export was recorded with."""
    asked = {key: value for key, value in options.items() if key != "files"}
    export_campaign(settings, warehouse, campaign, **asked, out=out, campaigns_file=campaigns_file)


def _recorded(warehouse: Warehouse, place: str) -> dict[str, str]:
    """Return the digests of the files of an export that was recorded with its manifest's place."""
    row = warehouse.query("published").filter(path=place)
    files: dict[str, str] = json.loads(row["options"].item())["files"] if len(row) else {}
    return files


def split_examples(contents: Contents, validation: float) -> dict[str, pl.DataFrame]:
    """Return the examples by split: ``train``, and ``validation`` unless its share is 0.

    Raises
    ------
    ExportError
        If the share is out of range or leaves nothing to train on.
    """
    try:
        set_aside = validation_documents(contents.pages, validation)
    except ValueError as error:
        raise ExportError(str(error)) from error
    is_set_aside = PAGE.is_in(set_aside)
    parts = {"train": contents.examples.filter(~is_set_aside)}
    return {**parts, "validation": contents.examples.filter(is_set_aside)} if set_aside else parts


def set_aside_in_words(splits: Mapping[str, ManifestSplit], share: float) -> str:
    """Return how much of an export is set aside for validation, in a sentence.

    Parameters
    ----------
    splits : mapping of str to ManifestSplit
    share : float
        Of the examples, that was asked for.
    """
    if "validation" not in splits:
        return "no example is set aside for validation"
    n_aside, n_all = splits["validation"].examples, sum(of.examples for of in splits.values())
    return (
        f"validation has {n_aside:,} of {n_all:,} examples ({100 * n_aside / n_all:.3g}%), in "
        f"whole documents; its share is {100 * share:.3g}%"
    )


def _draw_curve(contents: Contents, path: Path) -> None:
    figure = reward_curve_figure(contents.curve, contents.campaign)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def _read_yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content

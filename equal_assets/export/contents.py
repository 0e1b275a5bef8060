"""The contents of an export: examples, sources, budget, curve, students; one consistent read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from equal_assets.errors import ExportError
from equal_assets.graph import ASSETS, ancestors
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings
from equal_assets.versions import (
    Versions,
    is_current,
    stored_versions,
)

PAGE = pl.coalesce("page", "document_id")
"""Of an example: no page, and no document, is in two splits."""

STUDENT_ASSETS = ("fine_tuned_student", "student_accuracy")


@dataclass(frozen=True)
class Contents:
    """The data set of a campaign and what is known about it.

    Attributes
    ----------
    campaign : str
    examples : DataFrame
        Rows of the query ``exported_examples``.
    sources : DataFrame
        Rows of ``exported_sources``.
    removed : DataFrame
        Rows of ``removed_by_reason``.
    standing : dict
        Row of ``campaign_status``.
    curve : DataFrame
        Rows of ``reward_curve``.
    students : DataFrame
        Rows of ``student_accuracy``; none if no student was tuned on exactly this data set.
    fingerprint : str
        Of the settings at the campaign's start.
    settings : dict
        These settings.
    assets : dict of str to dict
        ``inputs`` and ``version`` of each asset that the data set or its student is made from.
    changed : tuple of str
        Assets that would differ if they were made again now.
    """

    campaign: str
    examples: pl.DataFrame
    sources: pl.DataFrame
    removed: pl.DataFrame
    standing: dict[str, Any]
    curve: pl.DataFrame
    students: pl.DataFrame
    fingerprint: str
    settings: dict[str, Any]
    assets: dict[str, dict[str, str]]
    changed: tuple[str, ...]

    @property
    def pages(self) -> pl.Series:
        """Of each example, what its document is a chunk of, or the document itself."""
        return self.examples.select(PAGE).to_series()

    @property
    def document_ids(self) -> pl.Series:
        """The documents that examples come from, each once."""
        return self.examples["document_id"].unique(maintain_order=True)


def read_contents(settings: Settings, warehouse: Warehouse, campaign: str) -> Contents:
    """Read the contents of an export in one transaction.

    Raises
    ------
    ExportError
        If there is no such campaign, or its data set is missing, empty or out of date; the message
        says what to do.
    """
    if campaign not in settings.campaigns:
        raise ExportError(
            f"no campaign {campaign} in campaigns.yaml; there are: {', '.join(settings.campaigns)}"
        )
    with warehouse.reading() as read:
        stored = stored_versions(read)
        rows = {
            name: _without_nul(read.query(name, campaign=campaign))
            for name in (
                "exported_examples",
                "exported_sources",
                "removed_by_reason",
                "reward_curve",
                "campaign_start",
            )
        }
        standing = read.query("campaign_status").filter(pl.col("campaign") == campaign)
        students = read.query("student_accuracy", campaigns=[campaign])
    _refuse_unusable(settings, stored, campaign, n_examples=len(rows["exported_examples"]))
    current = {
        asset: is_current(asset, settings, stored, campaign=ASSETS[asset].partition(campaign))
        for asset in ancestors("qa_dataset", *STUDENT_ASSETS)
    }
    has_student = all(current[asset] for asset in STUDENT_ASSETS)
    told = ancestors("qa_dataset", *(STUDENT_ASSETS if has_student else ()))
    start = rows["campaign_start"].row(0, named=True)
    return Contents(
        campaign=campaign,
        examples=rows["exported_examples"],
        sources=rows["exported_sources"],
        removed=rows["removed_by_reason"].select("reason", "pairs"),
        standing=standing.row(0, named=True),
        curve=rows["reward_curve"],
        students=students if has_student else students.clear(),
        fingerprint=start["fingerprint"],
        settings=json.loads(start["settings"])["settings"],
        assets=_versions(stored, told, campaign),
        changed=tuple(asset for asset in told if not current[asset]),
    )


def _without_nul(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows in which no text holds NUL, whichever version of this package stored them."""
    return rows.with_columns(pl.col(pl.String).str.replace_all("\0", "\ufffd", literal=True))


def _refuse_unusable(
    settings: Settings, stored: Versions, campaign: str, *, n_examples: int
) -> None:
    if ("qa_dataset", campaign) not in stored:
        raise ExportError(
            f"campaign {campaign} has no data set yet: `equal run {campaign}` makes it, or "
            "materialize qa_dataset of its partition"
        )
    if not is_current("qa_dataset", settings, stored, campaign=campaign):
        raise ExportError(
            f"the data set of campaign {campaign} is out of date: rounds, target or settings have "
            f"changed since it was made. `equal run {campaign}` updates it, or materialize "
            "qa_dataset of its partition"
        )
    if not n_examples:
        raise ExportError(
            f"the data set of campaign {campaign} is empty: no pair was extracted, or all were "
            "removed; look at the materialization of qa_dataset for the reasons"
        )


def _versions(stored: Versions, assets: Iterable[str], campaign: str) -> dict[str, dict[str, str]]:
    found = {asset: stored.get((asset, ASSETS[asset].partition(campaign))) for asset in assets}
    return {
        asset: {"inputs": versions[0], "version": versions[1]}
        for asset, versions in found.items()
        if versions
    }

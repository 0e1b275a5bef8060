"""What a report is put together from: sections, tables, figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from equal_assets.pages.figures.canvas import svg_uri
from equal_assets.pages.values import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ReportTable:
    """Rows under a caption; cells are texts."""

    caption: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class ReportSection:
    """A part of the page.

    Attributes
    ----------
    title, text : str
    figures : list of (str, str)
        What each shows, and its ``data:`` address.
    tables : list of ReportTable
    pairs : list of dict
        QA pairs to read: ``question``, ``answer``, ``source``.
    code : str
        Shown as it is.
    """

    title: str
    text: str = ""
    figures: list[tuple[str, str]] = field(default_factory=list)
    tables: list[ReportTable] = field(default_factory=list)
    pairs: list[dict[str, Any]] = field(default_factory=list)
    code: str = ""


def drawn(caption: str, figure: Figure) -> tuple[str, str]:
    """Return a figure under its caption, for :class:`ReportSection`."""
    return caption, svg_uri(figure)


def table(caption: str, rows: pl.DataFrame) -> ReportTable:
    """Return rows as texts under a caption."""
    return ReportTable(
        caption,
        [column.replace("_", " ") for column in rows.columns],
        [[text(value) for value in row] for row in rows.iter_rows()],
    )

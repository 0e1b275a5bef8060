"""What a report is put together from: sections, tables, figures, and how values are written."""

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
    tables : list of Table
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
    """Return a figure under its caption, for :class:`Section`."""
    return caption, svg_uri(figure)


def table(caption: str, rows: pl.DataFrame) -> ReportTable:
    """Return rows as texts under a caption."""
    return ReportTable(
        caption,
        [column.replace("_", " ") for column in rows.columns],
        [[text(value) for value in row] for row in rows.iter_rows()],
    )


def change(before: float | None, after: float | None) -> str:
    """Return a value and what became of it."""
    return f"{text(before)} → {text(after)}"


def with_interval(name: str) -> pl.Expr:
    """Return a column as text, with the interval in ``<name>_low`` and ``<name>_high``."""
    ends = (pl.col(f"{name}{end}").round_sig_figs(4) for end in ("", "_low", "_high"))
    return pl.format("{} [{}, {}]", *ends).alias(name)

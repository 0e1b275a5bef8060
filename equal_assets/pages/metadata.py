"""Tables and figures as metadata: what the Dagster UI shows of a materialization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from equal_assets.pages.figures.canvas import png_uri
from equal_assets.pages.figures.sparkline import sparkline_uri
from equal_assets.pages.values import in_markdown, markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAR_CELLS = 12
"""Length of the longest bar of a table; characters."""

SHORT_CHARACTERS = 100
"""Length of a text in a table of samples."""

SIGNIFICANT_DIGITS = 6
"""Of a number on a page: the tables keep all."""


def markdown(content: pl.DataFrame | Figure) -> dg.MarkdownMetadataValue:
    """Return a table, or a figure that carries its own bytes, for the Dagster UI.

    The UI shows text of less than 1,000 characters in place, and the rest behind a link.
    """
    if isinstance(content, pl.DataFrame):
        table = markdown_table(content.columns, content.iter_rows())
        return dg.MetadataValue.md("none" if content.is_empty() else table)
    return dg.MetadataValue.md(f"![plot]({png_uri(content)})")


def sparkline(values: Sequence[float | None], said: str = "") -> dg.MarkdownMetadataValue:
    """Return a curve that the Dagster UI shows in place, its first and last value beside it.

    A sentence under it says what it shows.
    """
    known = [value for value in values if value is not None]
    ends = f" {known[0]:.4g} → {known[-1]:.4g}" if known else " no value"
    below = f"\n\n{said}" if said else ""
    return dg.MetadataValue.md(f"![curve]({sparkline_uri(values)}){ends}{below}")


def readable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata with its numbers rounded, as the Dagster UI shows every digit."""
    return {
        name: float(f"{value:.{SIGNIFICANT_DIGITS}g}") if isinstance(value, float) else value
        for name, value in metadata.items()
    }


def warned(warning: str | None) -> dict[str, Any]:
    """Return the entry of a page that holds a warning; none where there is nothing to warn of."""
    return {"warning": dg.MetadataValue.md(f"⚠ **{in_markdown(warning)}**")} if warning else {}


def with_bars(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add a column of bars, so that numbers of a short table can be seen at a glance.

    Parameters
    ----------
    rows : DataFrame
    column : str
        Counts, >= 0: the largest has a bar of ``BAR_CELLS`` characters.
    """
    largest = max(rows[column].max() or 0, 1)
    lengths = (BAR_CELLS * pl.col(column) / largest).round().cast(pl.Int64)
    bars = lengths.map_elements("█".__mul__, return_dtype=pl.String)
    return rows.with_columns(bars.alias(" "))


def first_words(text: pl.Expr, n_characters: int) -> pl.Expr:
    """Return texts on one line, those that are longer cut and ended by an ellipsis."""
    line = text.str.replace_all(r"\s+", " ")
    cut = line.str.head(n_characters - 1) + "…"
    return pl.when(line.str.len_chars() > n_characters).then(cut).otherwise(line)


def in_short(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows whose texts are cut, so that a dialog of the UI holds their table."""
    texts = [name for name, kind in rows.schema.items() if kind == pl.String]
    return rows.with_columns(first_words(pl.col(name), SHORT_CHARACTERS) for name in texts)

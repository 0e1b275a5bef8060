"""Tables and figures as metadata: what the Dagster UI shows of a materialization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from equal_assets.figures.canvas import png_uri
from equal_assets.figures.sparkline import sparkline_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAR_CELLS = 12
"""Length of the longest bar of a table; characters."""


def markdown(content: pl.DataFrame | Figure) -> dg.MarkdownMetadataValue:
    """Return a table, or a figure that carries its own bytes, for the Dagster UI.

    The UI shows text of less than 1,000 characters in place, and the rest behind a link.
    """
    if isinstance(content, pl.DataFrame):
        return dg.MetadataValue.md(_markdown_table(content))
    return dg.MetadataValue.md(f"![plot]({png_uri(content)})")


def sparkline(values: Sequence[float | None]) -> dg.MarkdownMetadataValue:
    """Return a curve that the Dagster UI shows in place, its first and last value beside it."""
    known = [value for value in values if value is not None]
    ends = f" {known[0]:.4g} → {known[-1]:.4g}" if known else " no value"
    return dg.MetadataValue.md(f"![curve]({sparkline_uri(values)}){ends}")


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


def _markdown_table(rows: pl.DataFrame) -> str:
    cells = [[_cell(value) for value in row] for row in (rows.columns, *rows.iter_rows())]
    cells.insert(1, ["---"] * rows.width)
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def _cell(value: object) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = f"{value:.4g}" if isinstance(value, float) else str("" if value is None else value)
    # what stands in documents is shown as it is, never read as HTML
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return text.replace("\n", " ").replace("|", "\\|")

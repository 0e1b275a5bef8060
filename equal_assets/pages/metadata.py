"""Tables and figures as metadata: what the Dagster UI shows of a materialization."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from equal_assets.pages.figures.canvas import Picture
from equal_assets.pages.figures.sparkline import bars_uri, curve_uri
from equal_assets.pages.values import in_markdown, markdown_table

BAR_CELLS = 8
"""Length of the longest bar of a table; characters."""

BREAKS = re.compile(r"(?<=\w[._/])(?=\w)")
"""Where a dotted name may be broken."""

SHORT_CHARACTERS = 100
"""Length of a text in a table of samples."""

HIDDEN_CHARACTERS = 1_000
"""The UI shows shorter Markdown in place, and the rest behind a link."""

SIGNIFICANT_DIGITS = 6
"""Of a number on a page: the tables keep all."""


def markdown(content: pl.DataFrame | Picture | str) -> dg.MarkdownMetadataValue:
    """Return a table, a picture that carries its own bytes, or a text, for the Dagster UI."""
    if isinstance(content, pl.DataFrame):
        table = markdown_table(content.columns, content.iter_rows())
        return dg.MetadataValue.md("none" if content.is_empty() else table)
    return dg.MetadataValue.md(
        f"![plot]({content.uri})" if isinstance(content, Picture) else in_markdown(content)
    )


def sparkline(
    values: Sequence[float | None], said: str = "", *, beside: Sequence[float | None] = ()
) -> dg.MarkdownMetadataValue:
    """Return a curve that the Dagster UI shows in place, its first and last value beside it.

    A sentence under it says what it shows; ``beside`` is drawn dashed.
    """
    known = [value for value in values if value is not None]
    ends = f" {known[0]:.4g} → {known[-1]:.4g}" if known else " no value"
    below = f"\n\n{said}" if said else ""
    return dg.MetadataValue.md(f"![curve]({curve_uri(values, beside)}){ends}{below}")


def bars(heights: Sequence[float], said: str) -> dg.MarkdownMetadataValue:
    """Return bars that the Dagster UI shows in place, over a sentence that says what they are."""
    return dg.MetadataValue.md(f"![bars]({bars_uri(heights)})\n\n{said}")


def in_place(rows: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Return a table that the Dagster UI shows in place: as many of the first rows as fit."""
    fitting = rows
    while len(shown := markdown(fitting).value or "") >= HIDDEN_CHARACTERS and len(fitting) > 1:
        fitting = fitting.head(len(fitting) - 1)
    return dg.MetadataValue.md(shown)


def pairs_in_place(pairs: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Return the first QA pairs that the Dagster UI shows in place, as text that wraps.

    A table would be wider than its column, and so would a long dotted name that nothing breaks.
    """
    shown = ""
    for row in in_short(pairs.select("question", "answer")).iter_rows(named=True):
        question, answer = (in_markdown(BREAKS.sub("\u200b", row[name])) for name in row)
        if len(shown) + len(question) + len(answer) + 8 >= HIDDEN_CHARACTERS:
            break
        shown += f"**{question}**\n\n{answer}\n\n"
    return dg.MetadataValue.md(shown or "none")


def facts(named: Mapping[str, Any]) -> dg.MarkdownMetadataValue:
    """Return what is known as a table of two columns; a value that is None is left out."""
    known = [(name, value) for name, value in named.items() if value is not None]
    return dg.MetadataValue.md(markdown_table(("", ""), known))


def opened(parts: Mapping[str, pl.DataFrame | Picture | str]) -> dg.MarkdownMetadataValue:
    """Return tables, pictures and texts under their titles, for the dialog that a link opens.

    A table without rows is left out.
    """
    shown = {
        title: markdown(part).value
        for title, part in parts.items()
        if not (isinstance(part, pl.DataFrame) and part.is_empty())
    }
    return dg.MetadataValue.md(
        "\n\n".join(f"### {title}\n\n{part}" for title, part in shown.items())
    )


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

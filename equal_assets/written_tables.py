"""How values and tables are written for people: in Dagster, on data set cards, in reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def text(value: Any) -> str:
    """Return how a value is written: numbers with four digits, – where there is none."""
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(map(text, value))
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e6 else f"{value:.3g}"
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if is_count else str(value)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; what stands in a cell is shown as it is, never read as HTML."""
    lines = [columns, ["---"] * len(columns), *([_cell(value) for value in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any) -> str:
    line = " ".join(text(value).split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")

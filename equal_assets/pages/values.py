"""How values and tables are written for people: in Dagster, on data set cards, in reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

METRICS = {
    "perplexity": "perplexity of true answers",
    "pmi_accuracy": "PMI accuracy",
    "number_strict": "final number right, strictly read",
    "number_flexible": "final number right",
    "math": "mathematically equal",
}
"""What people read for the metrics of students, in the order in which these are shown."""


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


def metric_label(metric: str) -> str:
    """Return what people read for a metric of students."""
    passing = metric.removeprefix("pass_at_")
    return f"code that passes (pass@{passing})" if passing != metric else METRICS[metric]


def metric_form(metric: str) -> str:
    """Return how a metric of students is written: perplexities have one decimal."""
    return ".1f" if metric == "perplexity" else ".3f"

"""Students side by side, as `equal compare` prints them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
from rich.table import Table

from equal_assets.pages.status import with_interval
from equal_assets.pages.values import metric_form, metric_label


def over_budget_table(names: Sequence[str], points: pl.DataFrame) -> Table:
    """Return the students of campaigns on the way: one row a metric and point of the budget.

    Parameters
    ----------
    names : sequence of str
        Campaigns, one column each.
    points : DataFrame
        Rows of the query ``accuracy_over_budget``.
    """
    table = Table(title="students by the documents asked for", title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for (metric,), of_metric in points.sort("documents").group_by("metric", maintain_order=True):
        table.add_section()
        table.add_row(f"[bold]{metric_label(str(metric))}[/bold]")
        for (documents,), at_point in of_metric.group_by("documents", maintain_order=True):
            values = {row["campaign"]: _value(row) for row in at_point.iter_rows(named=True)}
            cells = [values.get(name, "–") for name in names]
            table.add_row(f"  {documents:,} documents", *cells)
    return table


def paired_tables(names: Sequence[str], compared: pl.DataFrame) -> Iterator[Table]:
    """Yield for each metric how the student of each row does against that of each column.

    Parameters
    ----------
    names : sequence of str
        Campaigns.
    compared : DataFrame
        Rows of the query ``student_comparison``.
    """
    for (metric,), of_metric in compared.group_by("metric", maintain_order=True):
        kind = "ratio" if metric == "perplexity" else "difference"
        table = Table(
            title=f"{metric_label(str(metric))}: {kind} of row and column", title_justify="left"
        )
        table.add_column("")
        for name in names:
            table.add_column(name, justify="right")
        rows = of_metric.iter_rows(named=True)
        found = {(row["campaign"], row["other"]): _paired(row) for row in rows}
        for name in names:
            table.add_row(name, *(found.get((name, other), "–") for other in names))
        yield table


def _value(row: dict[str, Any]) -> str:
    form = metric_form(row["metric"])
    return with_interval(row["value"], row["value_low"], row["value_high"], form=form)


def _paired(row: dict[str, Any]) -> str:
    p_value = f"p = {row['p_value']:.3f}" if row["p_value"] >= 0.001 else "p < 0.001"
    if row["ratio"] is None:
        return f"{row['difference']:+.3f}, {p_value}"
    interval = with_interval(row["ratio"], row["ratio_low"], row["ratio_high"], form=".3f")
    return f"{interval}, {p_value}"

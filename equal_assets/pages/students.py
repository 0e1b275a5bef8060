"""Students side by side: before and after tuning, and of several campaigns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
from rich.table import Table

from equal_assets.pages.values import NONE, metric_form, metric_label, text, with_interval


def before_and_after(students: pl.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of a table with the untuned and the tuned student by metric.

    Parameters
    ----------
    students : DataFrame
        Rows of the query ``student_accuracy`` of one campaign.
    """
    columns = ["metric", "untuned", "tuned", "questions"]
    rows = [
        [
            metric_label(row["metric"]),
            *(
                with_interval(row, name, form=metric_form(row["metric"]))
                for name in ("base", "tuned")
            ),
            asked_questions(row),
        ]
        for row in students.iter_rows(named=True)
    ]
    return columns, rows


def asked_questions(row: dict[str, Any]) -> str:
    """Return how many test questions were asked, and of how many if not of all: ``120 of 1,319``.

    Parameters
    ----------
    row : dict
        Of the query ``student_accuracy``.
    """
    asked, of = row["n_questions"], row["n_test_questions"]
    return text(asked) if of is None or of <= asked else f"{text(asked)} of {text(of)}"


def over_budget_table(names: Sequence[str], points: pl.DataFrame) -> Table:
    """Return the students of campaigns on the way: one row per metric and point of the budget.

    Parameters
    ----------
    names : sequence of str
        Campaigns, one column each.
    points : DataFrame
        Rows of the query ``accuracy_over_budget``.
    """
    table = Table(title="students by documents used", title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for (metric,), of_metric in points.sort("documents").group_by("metric", maintain_order=True):
        table.add_section()
        table.add_row(f"[bold]{metric_label(str(metric))}[/bold]")
        for (documents,), at_point in of_metric.group_by("documents", maintain_order=True):
            values = {row["campaign"]: _value(row) for row in at_point.iter_rows(named=True)}
            cells = [values.get(name, NONE) for name in names]
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
            table.add_row(name, *(found.get((name, other), NONE) for other in names))
        yield table


def _value(row: dict[str, Any]) -> str:
    return with_interval(row, "value", form=metric_form(row["metric"]))


def _paired(row: dict[str, Any]) -> str:
    p_value = f"p = {row['p_value']:.3f}" if row["p_value"] >= 0.001 else "p < 0.001"
    if row["ratio"] is None:
        return f"{row['difference']:+.3f}, {p_value}"
    return f"{with_interval(row, 'ratio', form='.3f')}, {p_value}"

"""Tables and figures for people: what the Dagster UI and MLflow show beside the numbers."""

from __future__ import annotations

import base64
import io
from itertools import islice
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from equal_assets.comparison import metric_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COMPARISON_PANELS = (
    ("ot_cost_test", "OT cost to the test split"),
    ("coverage_test", "test coverage"),
    ("near_pairs", "pairs near the test split"),
)
STUDENT_PANELS = ("perplexity", "pmi_accuracy", "number_flexible", "math", "pass_at_1")
"""Metrics of students that are drawn, where a target has them: as many as there are panels."""


def reward_curve_figure(curve: pl.DataFrame, campaign: str) -> Figure:
    """Draw rewards and the pool's OT cost over the documents asked for.

    Parameters
    ----------
    curve : DataFrame
        Rows of ``reward_curve`` of one campaign.
    campaign : str
        For the title.
    """
    figure, (left, right) = _subplots(1, 2)
    left.plot(curve["documents"], curve["mean_reward"], marker="o", ms=3, label="mean of the round")
    left.plot(curve["documents"], curve["best_reward"], marker="o", ms=3, label="best of the round")
    left.set(title=f"{campaign}: reward", xlabel="documents asked for", ylabel="reward (−OT cost)")
    left.legend(frameon=False)
    right.plot(curve["documents"], curve["pool_ot_cost"], marker="o", ms=3, color="tab:green")
    right.set(
        title="all pairs so far", xlabel="documents asked for", ylabel="OT cost to the reference"
    )
    return figure


def comparison_figure(comparison: pl.DataFrame, accuracy: pl.DataFrame) -> Figure:
    """Draw what pools and students are worth over documents: a line a campaign.

    Parameters
    ----------
    comparison : DataFrame
        Rows of ``strategy_comparison``, those of a campaign in the order of its rounds.
    accuracy : DataFrame
        Rows of the query ``accuracy_over_budget``. Each target has a row of panels for its pools
        and, where it has students, one for these, with 95% intervals.
    """
    targets = comparison.partition_by("target", maintain_order=True)
    judged = [accuracy.filter(pl.col("campaign").is_in(rows["campaign"])) for rows in targets]
    n_rows = len(targets) + sum(not rows.is_empty() for rows in judged)
    figure, axes = _subplots(n_rows, len(COMPARISON_PANELS))
    unused = iter(axes)
    for rows, students in zip(targets, judged, strict=True):
        _draw_pools(list(islice(unused, len(COMPARISON_PANELS))), rows)
        if not students.is_empty():
            _draw_students(list(islice(unused, len(COMPARISON_PANELS))), rows, students)
    return figure


def _draw_pools(panels: list[Axes], rows: pl.DataFrame) -> None:
    for axis, (column, title) in zip(panels, COMPARISON_PANELS, strict=True):
        for curve in rows.partition_by("campaign", maintain_order=True):
            name = curve["campaign"][0]
            axis.plot(curve["documents"], curve[column], marker="o", ms=4, label=name)
        axis.axvline(rows["shared_budget"][0], color="gray", ls=":", lw=1)
        axis.set(title=title, xlabel="documents asked for")
    panels[0].set_ylabel(rows["target"][0])
    panels[0].legend(frameon=False)


def _draw_students(panels: list[Axes], rows: pl.DataFrame, students: pl.DataFrame) -> None:
    """Draw the metrics that a target has, in the order of :data:`STUDENT_PANELS`."""
    from matplotlib.ticker import ScalarFormatter

    names = rows["campaign"].unique(maintain_order=True)
    metrics = [metric for metric in STUDENT_PANELS if metric in students["metric"]]
    for axis, metric in zip(panels, metrics, strict=False):
        for name in names:
            curve = students.filter(pl.col("campaign") == name, pl.col("metric") == metric)
            below, above = (
                (curve["value"] - curve["value_low"]).to_numpy(),
                (curve["value_high"] - curve["value"]).to_numpy(),
            )
            axis.errorbar(
                curve["documents"], curve["value"], [below, above], marker="o", ms=4, capsize=3
            )
        axis.set(title=metric_label(metric), xlabel="documents asked for")
    panels[0].set_yscale("log")  # of the perplexity, whose ratios count
    for place in ("major", "minor"):
        getattr(panels[0].yaxis, f"set_{place}_formatter")(ScalarFormatter())
    panels[0].set_ylabel(f"{rows['target'][0]}: students")
    for axis in panels[len(metrics) :]:
        axis.set_visible(False)


def markdown(content: pl.DataFrame | Figure) -> dg.MarkdownMetadataValue:
    """Return a table, or a figure that carries its own bytes, for the Dagster UI."""
    if isinstance(content, pl.DataFrame):
        return dg.MetadataValue.md(_markdown_table(content))
    stream = io.BytesIO()
    content.savefig(stream, format="png", dpi=80)
    encoded = base64.b64encode(stream.getvalue()).decode()
    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{encoded})")


def _markdown_table(rows: pl.DataFrame) -> str:
    cells = [[_cell(value) for value in row] for row in (rows.columns, *rows.iter_rows())]
    cells.insert(1, ["---"] * rows.width)
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str("" if value is None else value)
    return text.replace("\n", " ").replace("|", "\\|")


def _subplots(n_rows: int, n_columns: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * n_columns, 3.2 * n_rows), layout="constrained")
    axes = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
    return figure, axes

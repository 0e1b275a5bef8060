"""Figures of what pools and students are worth."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

from equal_assets.pages.figures.canvas import subplots
from equal_assets.pages.values import metric_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COMPARISON_PANELS = (
    ("ot_cost_test", "OT cost to the test split: lower is better"),
    ("coverage_test", "test coverage: higher is better"),
    ("near_pairs", "pairs near the test split: higher is better"),
)
STUDENT_PANELS = ("perplexity", "pmi_accuracy", "number_flexible", "math", "choice", "pass_at_1")
"""Metrics of students that are drawn, where a target has them: as many as there are panels."""


def comparison_figure(comparison: pl.DataFrame, accuracy: pl.DataFrame) -> Figure:
    """Draw what pools and students are worth over documents: one line per campaign.

    Parameters
    ----------
    comparison : DataFrame
        Rows of ``strategy_comparison``, each campaign's in the order of its rounds.
    accuracy : DataFrame
        Rows of the query ``accuracy_over_budget``. Each target has a row of panels for its pools
        and, where it has students, one for these, with 95% intervals.
    """
    targets = comparison.partition_by("target", maintain_order=True)
    judged = [accuracy.filter(pl.col("campaign").is_in(rows["campaign"])) for rows in targets]
    n_rows = len(targets) + sum(not rows.is_empty() for rows in judged)
    figure, axes = subplots(n_rows, len(COMPARISON_PANELS))
    unused = iter(axes)
    for rows, students in zip(targets, judged, strict=True):
        panels = list(islice(unused, len(COMPARISON_PANELS)))
        free = [] if students.is_empty() else list(islice(unused, len(COMPARISON_PANELS)))
        _draw_pools(panels, rows)
        n_metrics = _draw_students(free, rows, students) if free else 0
        _write_names(panels[0], free[n_metrics:])
    return figure


def _write_names(curves: Axes, empty: list[Axes]) -> None:
    """Write which line is which campaign: in the first empty panel, if there is one."""
    for axis in empty:
        axis.set_axis_off()
    if empty:
        lines, names = curves.get_legend_handles_labels()
        empty[0].legend(lines, names, frameon=False, loc="center left", fontsize="large")
    else:
        curves.legend(frameon=False)


def _draw_pools(panels: list[Axes], rows: pl.DataFrame) -> None:
    for axis, (column, title) in zip(panels, COMPARISON_PANELS, strict=True):
        for curve in rows.partition_by("campaign", maintain_order=True):
            name = curve["campaign"][0]
            axis.plot(curve["documents"], curve[column], marker="o", ms=4, label=name)
        axis.axvline(rows["shared_budget"][0], color="gray", ls=":", lw=1)
        axis.set(title=title, xlabel="documents used")
    panels[0].set_ylabel(rows["target"][0])


def _draw_students(panels: list[Axes], rows: pl.DataFrame, students: pl.DataFrame) -> int:
    """Draw the metrics that a target has, by :data:`STUDENT_PANELS`; return how many."""
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
        axis.set(title=_with_direction(metric), xlabel="documents used")
    panels[0].set_yscale("log")  # of the perplexity, whose ratios count
    for place in ("major", "minor"):
        getattr(panels[0].yaxis, f"set_{place}_formatter")(ScalarFormatter())
    panels[0].set_ylabel(f"{rows['target'][0]}: students")
    return min(len(metrics), len(panels))


def _with_direction(metric: str, *, between: str = ": ") -> str:
    better = "lower" if metric == "perplexity" else "higher"
    return f"{metric_label(metric)}{between}{better} is better"


def accuracy_figure(accuracy: pl.DataFrame) -> Figure:
    """Draw each metric before and after fine-tuning, with 95% intervals.

    Parameters
    ----------
    accuracy : DataFrame
        Rows of ``student_accuracy`` of one campaign.
    """
    figure, axes = subplots(1, len(accuracy), panel=(2.6, 3.0))
    for axis, row in zip(axes, accuracy.iter_rows(named=True), strict=True):
        for place, (name, color) in enumerate((("base", "tab:gray"), ("tuned", "tab:blue"))):
            value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
            ends = [[value - low], [high - value]]
            axis.errorbar([place], [value], ends, fmt="o", capsize=5, color=color)
        axis.set_xticks([0, 1], ["untuned", "tuned"])
        axis.set(xlim=(-0.5, 1.5))
        axis.set_title(_with_direction(row["metric"], between="\n"), fontsize=9)
    return figure

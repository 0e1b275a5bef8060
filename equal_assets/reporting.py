"""Tables and figures for people: what the Dagster UI and MLflow show beside the numbers."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def reward_curve_figure(curve: pl.DataFrame, campaign: str) -> Figure:
    """Draw rewards and the pool's OT cost over the documents asked for.

    Parameters
    ----------
    curve : DataFrame
        Rows of ``reward_curve`` of one campaign.
    campaign : str
        For the title.
    """
    figure, (left, right) = _subplots()
    left.plot(curve["documents"], curve["mean_reward"], marker="o", ms=3, label="mean of the round")
    left.plot(curve["documents"], curve["best_reward"], marker="o", ms=3, label="best of the round")
    left.set(title=f"{campaign}: reward", xlabel="documents asked for", ylabel="reward (−OT cost)")
    left.legend(frameon=False)
    right.plot(curve["documents"], curve["pool_ot_cost"], marker="o", ms=3, color="tab:green")
    right.set(
        title="all pairs so far", xlabel="documents asked for", ylabel="OT cost to the reference"
    )
    return figure


def comparison_figure(comparison: pl.DataFrame) -> Figure:
    """Draw OT cost and coverage of the test split over documents, one line a campaign.

    Parameters
    ----------
    comparison : DataFrame
        Rows of ``strategy_comparison``.
    """
    figure, axes = _subplots()
    panels = (("ot_cost_test", "OT cost to the test split"), ("coverage_test", "test coverage"))
    for axis, (column, title) in zip(axes, panels, strict=True):
        for (campaign,), rows in comparison.sort("documents").group_by(
            "campaign", maintain_order=True
        ):
            axis.plot(rows["documents"], rows[column], marker="o", ms=4, label=campaign)
        axis.set(title=title, xlabel="documents asked for")
    axes[0].legend(frameon=False)
    return figure


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


def _subplots() -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.4, 3.4), layout="constrained")
    axes = list(figure.subplots(1, 2))
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
    return figure, axes

"""Curves over what was spent: coverage, reward, OT cost, pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from equal_assets.pages.figures.canvas import subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from equal_assets.pages.coverage import CoverageCurve


def coverage_figure(curve: CoverageCurve) -> Figure:
    """Draw coverage and near pairs over what was spent, beside those of random documents.

    The round after which another document no longer pays is marked.
    """
    rows, spent = curve.rows, curve.rows[curve.spent]
    figure, (left, right) = subplots(1, 2)
    panels = (
        (left, "target_coverage", "random_coverage", rows.get_column),
        (right, "near_pairs_per_unit", "random_near_pairs", curve.random_per_unit),
    )
    for axis, own, random, of in panels:
        axis.plot(spent, rows[own], marker="o", ms=3, label=curve.campaign)
        axis.plot(spent, of(random), ls="--", color="gray", label=curve.random_label)
        if of(f"{random}_low").null_count() < len(rows):
            low, high = (of(f"{random}{end}").cast(float) for end in ("_low", "_high"))
            axis.fill_between(spent, low, high, color="gray", alpha=0.2, lw=0)
        axis.set(xlabel=f"{curve.spent} used", ylim=(0, None))
    left.set(title="target coverage: higher is better", ylabel="near pairs per reference question")
    right.set(title="pairs near the target: higher is better", ylabel=f"per {curve.unit}")
    if curve.ends is not None:
        at = rows.filter(round=curve.ends)[curve.spent].item()
        for axis in (left, right):
            axis.axvline(at, color="tab:red", lw=1, label="another document no longer pays")
    left.legend(frameon=False, fontsize="small")
    return figure


def reward_curve_figure(curve: pl.DataFrame, campaign: str) -> Figure:
    """Draw rewards and the pool's OT cost over the documents used.

    Parameters
    ----------
    curve : DataFrame
        Rows of ``reward_curve`` of one campaign.
    campaign : str
        For the title.
    """
    figure, (left, right) = subplots(1, 2)
    left.plot(curve["documents"], curve["mean_reward"], marker="o", ms=3, label="mean of the round")
    left.plot(curve["documents"], curve["best_reward"], marker="o", ms=3, label="best of the round")
    left.set(
        title=f"{campaign}: reward, higher is better", xlabel="documents used", ylabel="−OT cost"
    )
    left.legend(frameon=False)
    right.plot(curve["documents"], curve["pool_ot_cost"], marker="o", ms=3, color="tab:green")
    right.set(title="OT cost of all pairs: lower is better", xlabel="documents used")
    return figure


def spend_figure(curve: pl.DataFrame) -> Figure:
    """Draw pairs, and LLM tokens where there are any, over the documents used.

    Parameters
    ----------
    curve : DataFrame
        Rows of ``reward_curve`` of one campaign.
    """
    uses_llm = bool(curve["tokens"][-1])
    figure, axes = subplots(1, 2 if uses_llm else 1)
    axes[0].plot(curve["documents"], curve["pool_pairs"], marker="o", ms=3)
    axes[0].set(title="pairs extracted", xlabel="documents used", ylabel="pairs")
    if uses_llm:
        for column, label in (("tokens", "used"), ("paid_tokens", "of these paid")):
            axes[1].plot(curve["documents"], curve[column], marker="o", ms=3, label=label)
        axes[1].set(title="LLM tokens", xlabel="documents used", ylabel="tokens")
        axes[1].legend(frameon=False)
    return figure

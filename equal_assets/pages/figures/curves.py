"""Curves over rounds and steps: reward, OT cost, spend, loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from equal_assets.pages.figures.canvas import subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    left.set(title=f"{campaign}: reward", xlabel="documents used", ylabel="reward (−OT cost)")
    left.legend(frameon=False)
    right.plot(curve["documents"], curve["pool_ot_cost"], marker="o", ms=3, color="tab:green")
    right.set(title="all pairs so far", xlabel="documents used", ylabel="OT cost to the reference")
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


def loss_figure(losses: Sequence[float]) -> Figure:
    """Draw the loss of a training over its steps."""
    figure, (axis,) = subplots(1, 1)
    axis.plot(range(1, len(losses) + 1), losses, lw=1)
    axis.set(title="loss of the fine-tune", xlabel="logged step", ylabel="loss, nats a token")
    return figure

"""Figures of the corpus and of the embedder that is tuned on a sample of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from equal_assets.pages.figures.canvas import subplots

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def lengths_figure(lengths: pl.DataFrame) -> Figure:
    """Draw how long documents are.

    Parameters
    ----------
    lengths : DataFrame
        Rows of the query ``document_lengths``: bins that are equally wide on a log axis.
    """
    figure, (axis,) = subplots(1, 1)
    left, right = lengths["from_characters"], lengths["to_characters"]
    axis.bar(left, lengths["documents"], width=right - left, align="edge", edgecolor="white")
    axis.set_xscale("log")
    axis.set(title="length of the documents", xlabel="characters", ylabel="documents")
    return figure


def recall_figure(tuned: dict[str, float]) -> Figure:
    """Draw what tuning the embedder brought on held-out documents.

    Parameters
    ----------
    tuned : dict of str to float
        A row of ``contrastive_embedder``.
    """
    figure, (axis,) = subplots(1, 1)
    for offset, when, color in ((-0.2, "before", "tab:gray"), (0.2, "after", "tab:blue")):
        heights = [tuned[f"recall_at_{k}_{when}"] for k in (1, 10)]
        bars = axis.bar([offset, 1 + offset], heights, width=0.36, color=color, label=when)
        axis.bar_label(bars, fmt="%.3f", fontsize=8)
    axis.set_xticks([0, 1], ["recall at 1", "recall at 10"])
    axis.set(title="own pairs found among held-out documents", ylabel="share", ylim=(0, 1.15))
    axis.legend(frameon=False, ncols=2, loc="upper left")
    return figure

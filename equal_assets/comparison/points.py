"""Which campaigns are compared, at which points, and what each needed to match the others."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import polars as pl

from equal_assets.algorithms.judging.metrics import documents_to_match
from equal_assets.settings import Settings
from equal_assets.versions import Versions

N_POINTS = 10
"""Points of the shared budget at which campaigns are compared: its tenths."""


def compared_campaigns(settings: Settings, stored: Versions) -> list[str]:
    """Return the campaigns that have rounds, in the order of the campaigns file."""
    return [name for name in settings.campaigns if ("bandit_round", name) in stored]


def shared_points(shared_budget: int) -> list[int]:
    """Return the points of a budget at which campaigns are compared; documents, ascending."""
    return sorted({shared_budget * tenth // N_POINTS for tenth in range(1, N_POINTS + 1)} - {0})


def at_shared_points(comparison: pl.DataFrame) -> pl.DataFrame:
    """Put campaigns of one target side by side at shared points.

    Parameters
    ----------
    comparison : DataFrame
        Rows of ``strategy_comparison`` of one target.

    Returns
    -------
    DataFrame
        Column ``point`` (documents), then the columns of ``comparison``: the last round of each
        campaign within each point. A campaign has no row at a point that it has not reached, or
        that its first round exceeds; points without a new round since the last one are left out.
    """
    points = pl.Series("point", shared_points(comparison["shared_budget"][0]), dtype=pl.Int64)
    rows = comparison.sort("documents").with_columns(
        spent=pl.col("documents").max().over("campaign")
    )
    reached = (
        points.to_frame()
        .join(rows, how="cross", maintain_order="left_right")
        .filter(pl.col("point").is_between("documents", "spent"))
        .drop("spent")
        .group_by("point", "campaign", maintain_order=True)
        .last()
    )
    is_new = pl.col("documents").ne_missing(pl.col("documents").shift().over("campaign"))
    news = reached.filter(is_new)["point"].unique()
    return reached.filter(pl.col("point").is_in(news.implode()))


def matches(comparison: pl.DataFrame) -> pl.DataFrame:
    """Return how many documents each campaign needed to match each other one of its target.

    Parameters
    ----------
    comparison : DataFrame
        Rows of ``strategy_comparison``.

    Returns
    -------
    DataFrame
        One row per ordered pair of campaigns: ``target``, ``campaign``, ``matched`` (the other),
        ``ot_cost_test`` (of the other, at its last point within the shared budget) and
        ``documents`` (of the first point at which the campaign costs no more; null if there is
        none, or the other has no pairs within the shared budget).
    """
    curves = [
        curve.sort("documents")
        for curve in comparison.partition_by("target", "campaign", maintain_order=True)
    ]
    found = [
        _match(curve, other)
        for curve, other in permutations(curves, 2)
        if curve["target"][0] == other["target"][0]
    ]
    return pl.DataFrame(
        found,
        schema={
            "target": pl.String,
            "campaign": pl.String,
            "matched": pl.String,
            "ot_cost_test": pl.Float64,
            "documents": pl.Int64,
        },
    )


def _match(curve: pl.DataFrame, other: pl.DataFrame) -> dict[str, Any]:
    shared = other.filter(pl.col("documents") <= pl.col("shared_budget"))
    goal = shared["ot_cost_test"][-1] if len(shared) else None
    documents = None
    if goal is not None:
        costs = curve["ot_cost_test"].cast(pl.Float64).fill_null(float("nan"))
        documents = documents_to_match(curve["documents"].to_numpy(), costs.to_numpy(), goal=goal)
    return {
        "target": curve["target"][0],
        "campaign": curve["campaign"][0],
        "matched": other["campaign"][0],
        "ot_cost_test": goal,
        "documents": documents,
    }

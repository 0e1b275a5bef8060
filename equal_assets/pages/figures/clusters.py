"""Figures of clusters: sizes, the map of the plane that they lie in, and what was pulled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from equal_assets.pages.figures.canvas import subplots
from equal_assets.pages.figures.fonts import drawable, font_families

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAP_INCHES = (7.2, 5.2)
LARGEST_DOT = 400.0
"""Area of the largest cluster on the map; square points."""

NAMED_CLUSTERS = 8
"""Clusters whose terms are written on a map: more would cover each other."""

PLANE_POINTS = np.array([390.0, 310.0])
"""Width and height of the plane on a map, about; points, as are the sizes of its words."""

LETTER_POINTS, LINE_POINTS, LIFT_POINTS = 4.6, 9.0, 9.0

PULLED_CLUSTERS = 25


def cluster_map_figure(clusters: pl.DataFrame) -> Figure:
    """Draw clusters in their plane, colored by size.

    Parameters
    ----------
    clusters : DataFrame
        Rows of the query ``cluster_overview``.
    """
    figure, (axis,) = subplots(1, 1, panel=MAP_INCHES)
    dots = axis.scatter(
        clusters["x"],
        clusters["y"],
        s=_areas(clusters)["area"],
        c=clusters["n_documents"],
        cmap="viridis",
        alpha=0.8,
    )
    figure.colorbar(dots, ax=axis, label="documents")
    _write_terms(axis, clusters.sort("n_documents", descending=True).head(NAMED_CLUSTERS))
    _label_plane(axis, "clusters of the corpus")
    return figure


def campaign_map_figure(clusters: pl.DataFrame, reference: pl.DataFrame, campaign: str) -> Figure:
    """Draw what a campaign pulled, colored by reward, and where its target lies.

    Parameters
    ----------
    clusters : DataFrame
        Rows of the query ``campaign_clusters``; those that were never pulled are drawn hollow,
        those that gave no pairs gray.
    reference : DataFrame
        Columns ``x``, ``y``: the target's reference pairs in the same plane.
    campaign : str
        For the title.
    """
    figure, (axis,) = subplots(1, 1, panel=MAP_INCHES)
    sized = _areas(clusters)
    pulled = sized.filter(pl.col("pairs") > 0)
    for is_shown, color, label in (
        (pl.col("pulls") == 0, "none", "not pulled"),
        # their reward is the least there is: it would take most of the scale
        ((pl.col("pulls") > 0) & (pl.col("pairs") == 0), "lightgray", "pulled, no pairs"),
    ):
        rows = sized.filter(is_shown)
        axis.scatter(
            rows["x"],
            rows["y"],
            s=rows["area"],
            facecolors=color,
            edgecolors="lightgray",
            label=label,
        )
    dots = axis.scatter(
        pulled["x"],
        pulled["y"],
        s=pulled["area"],
        c=pulled["reward"],
        cmap="viridis",
        alpha=0.85,
        label="pulled, by reward",
    )
    axis.scatter(
        reference["x"],
        reference["y"],
        s=22,
        marker="x",
        linewidths=0.9,
        color="tab:red",
        label="reference pairs of the target",
    )
    figure.colorbar(dots, ax=axis, label="reward after the last pull; higher is better")
    _write_terms(axis, pulled.sort("reward", descending=True).head(NAMED_CLUSTERS))
    axis.legend(frameon=False, fontsize=8, markerscale=0.7)
    _label_plane(axis, f"{campaign}: clusters and target")
    return figure


def pulls_figure(clusters: pl.DataFrame) -> Figure:
    """Draw which clusters were pulled most, as bars of documents used.

    Parameters
    ----------
    clusters : DataFrame
        Rows of the query ``campaign_clusters``.
    """
    rows = (
        clusters.filter(pl.col("pulls") > 0)
        .sort("documents", "cluster", descending=[True, False])
        .head(PULLED_CLUSTERS)
        .reverse()
    )
    figure, (axis,) = subplots(1, 1, panel=(7.2, 1.0 + 0.22 * len(rows)))
    names = [f"{row['cluster']}: {drawable(row['terms'][:3])}" for row in rows.to_dicts()]
    bars = axis.barh(range(len(rows)), rows["documents"])
    axis.bar_label(bars, [f"{n} pulls" for n in rows["pulls"]], fontsize=7, padding=3)
    axis.set_yticks(range(len(rows)), names, fontsize=8, fontfamily=font_families())
    axis.set(title="most pulled clusters", xlabel="documents used")
    return figure


def _areas(clusters: pl.DataFrame) -> pl.DataFrame:
    n_documents = pl.col("n_documents")
    return clusters.with_columns(area=LARGEST_DOT * n_documents / n_documents.max())


def _write_terms(axis: Axes, clusters: pl.DataFrame) -> None:
    """Write words at dots, those of the first clusters first; what would cover others is left."""
    low, high = np.array([axis.get_xlim(), axis.get_ylim()]).T
    taken: list[np.ndarray] = []
    for row in clusters.iter_rows(named=True):
        words = drawable(row["terms"][:2])
        dot = (np.array([row["x"], row["y"]]) - low) / (high - low) * PLANE_POINTS
        half = np.array([LETTER_POINTS * len(words) / 2, LINE_POINTS / 2])
        for above in (LIFT_POINTS, -LIFT_POINTS):
            center = dot + np.array([0, above])
            box = np.array([center - half, center + half])
            if any((box[0] < other[1]).all() and (other[0] < box[1]).all() for other in taken):
                continue
            taken.append(box)
            axis.annotate(
                words,
                (row["x"], row["y"]),
                fontsize=7,
                fontfamily=font_families(),
                ha="center",
                va="center",
                xytext=(0, above),
                textcoords="offset points",
            )
            break


def _label_plane(axis: Axes, title: str) -> None:
    axis.set(
        title=title,
        xlabel="first principal axis of the centroids",
        ylabel="second principal axis",
    )

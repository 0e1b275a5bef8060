"""What the pages of group `clustering` show."""

from __future__ import annotations

from typing import Any

import polars as pl

from equal_assets.algorithms.clusters.geometry import Geometry
from equal_assets.pages.figures.canvas import drawn
from equal_assets.pages.figures.clusters import cluster_map_figure
from equal_assets.pages.metadata import (
    bars,
    facts,
    first_words,
    in_place,
    markdown,
    readable,
    with_bars,
)

LARGEST_CLUSTERS, LISTED_CLUSTERS = 10, 200
"""Rows at a glance, and in a table that is opened."""


def embeddings_page(
    *, dimensions: int, n_new: int, tokens: int, flops: float, seconds: float
) -> dict[str, Any]:
    """Return the page of the document vectors, of which so many were made now."""
    return {
        "what it took": facts(
            {
                "dimensions of a vector": dimensions,
                "embedded now": n_new,
                "documents per second": round(n_new / seconds, 1),
                "tokens read": tokens,
                "FLOPs": flops,
            }
        )
    }


def clusters_page(rows: pl.DataFrame, geometry: Geometry) -> dict[str, Any]:
    """Return the page of ``clusters``, given its rows and the shape of the clusters."""
    sizes = geometry.sizes
    return {
        "size of the clusters": bars(
            sorted(sizes.tolist(), reverse=True),
            f"{len(sizes):,} clusters, largest first, of {sizes.max():,} down to {sizes.min():,} "
            "documents.",
        ),
        **readable({"mean distance of a document to its centroid": rows["distance"].mean()}),
    }


def geometry_page(overview: pl.DataFrame) -> dict[str, Any]:
    """Return the page of ``cluster_geometry``, given the rows of the query ``cluster_overview``."""
    largest = overview.head(LARGEST_CLUSTERS).select(pl.col("terms").list.head(3), "n_documents")
    listed = overview.head(LISTED_CLUSTERS).drop("x", "y")
    return {
        f"largest of {len(overview):,} clusters": in_place(with_bars(largest, "n_documents")),
        "map of the clusters": markdown(drawn(cluster_map_figure(overview))),
        "every cluster": markdown(listed.with_columns(medoid=first_words(pl.col("medoid"), 80))),
    }

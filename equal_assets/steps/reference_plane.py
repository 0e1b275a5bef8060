"""Where the reference pairs of a target lie on the map of the clusters."""

import numpy as np
import polars as pl

from equal_assets.algorithms.clusters.plane import place_in_plane
from equal_assets.progress import silent
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.warehouse import Warehouse, qa_pairs, read_embedder


def place_reference(warehouse: Warehouse, embedder: Embedder, campaign: str) -> pl.DataFrame:
    """Return the rows of `reference_plane`: the target in the plane of `cluster_geometry`."""
    rows = warehouse.query("target_pairs", campaign=campaign, split="reference")
    vectors = embedder.encode(
        [pair.text for pair in qa_pairs(rows)],
        path=read_embedder(warehouse)["path"],
        progress=silent,
    )
    centroids = np.stack(warehouse.query("cluster_centroids")["centroid"].to_list())
    places = place_in_plane(vectors, centroids)  # (n_reference, 2)
    return rows.select(
        pl.lit(campaign).alias("campaign"),
        "position",
        x=pl.Series(places[:, 0]),
        y=pl.Series(places[:, 1]),
    )

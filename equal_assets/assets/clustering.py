"""Group `clustering`: document vectors, their clusters, and the shape of the clusters."""

import time

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.clusters.geometry import (
    assign_clusters,
    centroid_distances,
    measure_geometry,
)
from equal_assets.algorithms.clusters.plane import place_in_plane
from equal_assets.algorithms.clusters.terms import cluster_terms
from equal_assets.pages.figures.clusters import cluster_map_figure, sizes_figure
from equal_assets.pages.metadata import first_words, markdown, readable, with_bars
from equal_assets.progress import report, silent
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedded, Embedder
from equal_assets.resources.warehouse import Warehouse
from equal_assets.versions import expected_inputs, stored_versions

PAGE_DOCUMENTS = 1_024
"""Documents whose texts are in memory at once while they are embedded."""

N_TERMS = 8
"""Words that are kept of a cluster."""

TERM_DOCUMENTS, TERM_CHARACTERS = 20_000, 1_000
"""Documents, and the characters that each begins with, whose words name the clusters."""

MIN_TERM_DOCUMENTS, MAX_TERM_DOCUMENTS = 10, 100
"""Of a cluster."""

LARGEST_CLUSTERS, LISTED_CLUSTERS = 10, 200
"""Rows at a glance, and in a table that is opened."""


@dg.asset(
    group_name="clustering",
    kinds={"torch", "sentence-transformers", "duckdb"},
    deps=["documents", "contrastive_embedder"],
)
def document_embeddings(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
) -> dg.MaterializeResult:
    """One row is a document's vector, by the tuned embedder; long documents are embedded whole."""
    settings = campaigns.load()
    started = time.monotonic()
    inputs = expected_inputs("document_embeddings", settings, stored_versions(warehouse))
    n_documents = warehouse.query("corpus_summary")["n_documents"].item()
    path = warehouse.query("embedder")["path"].item()
    progress = report(context.log, "embed the documents")
    ids: list[str] = []
    parts: list[Embedded] = []
    while page := _page(warehouse, after=ids[-1] if ids else ""):
        parts.append(embedder.embed([text for _, text in page], path=path, progress=silent))
        ids += [document_id for document_id, _ in page]
        progress(len(ids), n_documents)
    vectors = np.concatenate([part.vectors for part in parts])  # (n_documents, n_dimensions)
    n_tokens = sum(int(part.n_tokens.sum()) for part in parts)
    flops = sum(float(part.flops.sum()) for part in parts)
    with warehouse.transaction() as transaction:
        rows = pl.DataFrame({"document_id": ids, "embedding": _as_array(vectors)})
        transaction.recreate("document_embeddings", rows)
        seconds = time.monotonic() - started
        version = transaction.record(
            "document_embeddings", inputs=inputs, seconds=seconds, tokens=n_tokens, flops=flops
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(ids),
            "dimensions": vectors.shape[1],
            "documents per second": round(len(ids) / seconds, 1),
            "tokens": n_tokens,
            "FLOPs": flops,
            "seconds": round(seconds, 1),
        },
    )


@dg.asset(group_name="clustering", kinds={"scikit-learn", "duckdb"}, deps=["document_embeddings"])
def clusters(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a document with its cluster and the distance to the centroid."""
    settings = campaigns.load()
    started = time.monotonic()
    inputs = expected_inputs("clusters", settings, stored_versions(warehouse))
    ids, vectors = read_vectors(warehouse)
    labels = assign_clusters(
        vectors, n_clusters=settings.clustering.n_clusters, seed=settings.clustering.seed
    )
    geometry = measure_geometry(vectors, labels, n_neighbors=1)
    rows = pl.DataFrame(
        {
            "document_id": ids,
            "cluster": labels,
            "distance": centroid_distances(vectors, labels, geometry.centroids),
        }
    )
    with warehouse.transaction() as transaction:
        transaction.replace("clusters", rows)
        seconds = time.monotonic() - started
        version = transaction.record("clusters", inputs=inputs, seconds=seconds)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(rows),
            "clusters": len(geometry.sizes),
            "size of the clusters": markdown(sizes_figure(pl.Series(geometry.sizes))),
            "smallest": int(geometry.sizes.min()),
            "largest": int(geometry.sizes.max()),
            **readable({"mean distance to centroid": rows["distance"].mean()}),
            "seconds": round(seconds, 1),
        },
    )


@dg.asset(
    group_name="clustering",
    kinds={"numpy", "duckdb"},
    deps=["clusters", "document_embeddings"],
)
def cluster_geometry(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a cluster: size, words, spread, centroid, medoid and nearest neighbors."""
    settings = campaigns.load()
    started = time.monotonic()
    inputs = expected_inputs("cluster_geometry", settings, stored_versions(warehouse))
    ids, vectors = read_vectors(warehouse)
    labels = warehouse.query("cluster_labels")["cluster"].to_numpy()
    geometry = measure_geometry(vectors, labels, n_neighbors=settings.clustering.neighbors)
    places = place_in_plane(geometry.centroids, geometry.centroids)  # (n_clusters, 2)
    rows = pl.DataFrame(
        {
            "cluster": np.arange(len(geometry.sizes)),
            "n_documents": geometry.sizes,
            "medoid_document_id": [ids[row] for row in geometry.medoids],
            "terms": _terms(warehouse, n_clusters=len(geometry.sizes)),
            "spread": geometry.spreads,
            "centroid": geometry.centroids.tolist(),
            "x": places[:, 0],
            "y": places[:, 1],
            "neighbors": geometry.neighbors.tolist(),
            "neighbor_distances": geometry.neighbor_distances.tolist(),
        }
    )
    with warehouse.transaction() as transaction:
        transaction.replace("cluster_geometry", rows)
        seconds = time.monotonic() - started
        version = transaction.record("cluster_geometry", inputs=inputs, seconds=seconds)
        overview = transaction.query("cluster_overview")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(rows),
            "largest clusters": markdown(
                with_bars(
                    overview.head(LARGEST_CLUSTERS).select(
                        pl.col("terms").list.head(3), "n_documents"
                    ),
                    "n_documents",
                )
            ),
            "map of the clusters": markdown(cluster_map_figure(overview)),
            "clusters": markdown(
                overview.head(LISTED_CLUSTERS)
                .drop("x", "y")
                .with_columns(medoid=first_words(pl.col("medoid"), 80))
            ),
            "seconds": round(seconds, 1),
        },
    )


def _terms(warehouse: Warehouse, *, n_clusters: int) -> list[list[str]]:
    """Return the words of each cluster, from the beginnings of some of its documents."""
    texts = warehouse.query(
        "cluster_texts",
        documents_per_cluster=max(
            MIN_TERM_DOCUMENTS, min(MAX_TERM_DOCUMENTS, TERM_DOCUMENTS // n_clusters)
        ),
        n_characters=TERM_CHARACTERS,
    )
    return cluster_terms(
        texts["text"].to_list(),
        texts["cluster"].to_numpy(),
        n_clusters=n_clusters,
        n_terms=N_TERMS,
    )


def read_vectors(warehouse: Warehouse) -> tuple[list[str], np.ndarray]:
    """Return document ids, in order, and their vectors, shape (n_documents, n_dimensions)."""
    rows = warehouse.query("document_vectors")
    return rows["document_id"].to_list(), rows["embedding"].to_numpy()


def _page(warehouse: Warehouse, *, after: str) -> list[tuple[str, str]]:
    return warehouse.query("document_texts", after=after, limit=PAGE_DOCUMENTS).rows()


def _as_array(vectors: np.ndarray) -> pl.Series:
    return pl.Series(vectors, dtype=pl.Array(pl.Float32, vectors.shape[1]))

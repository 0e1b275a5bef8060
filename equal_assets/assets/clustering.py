"""Group `clustering`: document vectors, their clusters, and the shape of the clusters."""

import time

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.cluster_geometry import (
    assign_clusters,
    centroid_distances,
    measure_geometry,
)
from equal_assets.progress import report, silent
from equal_assets.reporting import markdown
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedder import Embedded, Embedder
from equal_assets.resources.warehouse import Warehouse
from equal_assets.versions import expected_inputs, stored_versions

PAGE_DOCUMENTS = 1_024
"""Documents whose texts are in memory at once while they are embedded."""


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
            "smallest": int(geometry.sizes.min()),
            "largest": int(geometry.sizes.max()),
            "mean distance to centroid": float(rows["distance"].mean()),  # type: ignore[arg-type]
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
    """One row is a cluster: size, spread, centroid, medoid and nearest neighbors."""
    settings = campaigns.load()
    started = time.monotonic()
    inputs = expected_inputs("cluster_geometry", settings, stored_versions(warehouse))
    ids, vectors = read_vectors(warehouse)
    labels = warehouse.query("cluster_labels")["cluster"].to_numpy()
    geometry = measure_geometry(vectors, labels, n_neighbors=settings.clustering.neighbors)
    rows = pl.DataFrame(
        {
            "cluster": np.arange(len(geometry.sizes)),
            "n_documents": geometry.sizes,
            "medoid_document_id": [ids[row] for row in geometry.medoids],
            "spread": geometry.spreads,
            "centroid": geometry.centroids.tolist(),
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
            "largest clusters": markdown(overview.head(20)),
            "seconds": round(seconds, 1),
        },
    )


def read_vectors(warehouse: Warehouse) -> tuple[list[str], np.ndarray]:
    """Return document ids, in order, and their vectors, shape (n_documents, n_dimensions)."""
    rows = warehouse.query("document_vectors")
    return rows["document_id"].to_list(), rows["embedding"].to_numpy()


def _page(warehouse: Warehouse, *, after: str) -> list[tuple[str, str]]:
    return warehouse.query("document_texts", after=after, limit=PAGE_DOCUMENTS).rows()


def _as_array(vectors: np.ndarray) -> pl.Series:
    return pl.Series(vectors, dtype=pl.Array(pl.Float32, vectors.shape[1]))

"""Group `clustering`: document vectors, their clusters, and the shape of the clusters."""

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.clusters.geometry import (
    assign_clusters,
    centroid_distances,
    measure_geometry,
)
from equal_assets.algorithms.clusters.plane import place_in_plane
from equal_assets.pages.clustering import clusters_page, embeddings_page, geometry_page
from equal_assets.partitions import declared
from equal_assets.progress import report
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.publishing import seal
from equal_assets.resources.warehouse import Warehouse, read_embedder
from equal_assets.steps.document_vectors import (
    embed_documents,
    name_clusters,
    read_vectors,
)
from equal_assets.steps.making import making


@dg.asset(**declared("document_embeddings"), kinds={"torch", "sentence-transformers", "duckdb"})
def document_embeddings(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
    engine: Engine,
) -> dg.MaterializeResult:
    """One row is a document's vector, by the tuned embedder; long documents are embedded whole."""
    with making("document_embeddings", warehouse, campaigns.load()) as made:
        progress = report(context.log, "embed the documents")
        embedded = embed_documents(warehouse, embedder, engine, progress=progress)
        tokens, flops = embedded.n_tokens, embedded.flops
        place = warehouse.stored_path(embedded.storage.place)
        rows = embedded.rows.with_columns(folder=pl.lit(place))
        sealed = embedded.storage.folder and seal(embedded.storage.folder)
        with made.transaction(tokens=tokens, flops=flops) as transaction:
            transaction.replace("document_embeddings", rows)
            transaction.delete("published", asset=made.asset)
            if sealed:
                transaction.publish(place, sealed, asset=made.asset)
        page = embeddings_page(
            dimensions=read_embedder(warehouse)["n_dimensions"],
            n_new=embedded.n_new,
            tokens=tokens,
            flops=flops,
            seconds=made.seconds,
        )
        return made.result(page, n_rows=len(rows))


@dg.asset(**declared("clusters"), kinds={"scikit-learn", "duckdb"})
def clusters(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a document with its cluster and the distance to the centroid."""
    settings = campaigns.load()
    with making("clusters", warehouse, settings) as made:
        vectors = read_vectors(warehouse)
        labels = assign_clusters(
            vectors, n_clusters=settings.clustering.n_clusters, seed=settings.clustering.seed
        )
        geometry = measure_geometry(vectors, labels, n_neighbors=1)
        distances = centroid_distances(vectors, labels, geometry.centroids)
        rows = warehouse.query("document_ids").select(
            "document_id", cluster=pl.Series(labels), distance=pl.Series(distances)
        )
        with made.transaction() as transaction:
            transaction.replace("clusters", rows)
        return made.result(clusters_page(rows, geometry), n_rows=len(rows))


@dg.asset(**declared("cluster_geometry"), kinds={"numpy", "duckdb"})
def cluster_geometry(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a cluster: size, words, spread, centroid, medoid and nearest neighbors."""
    settings = campaigns.load()
    with making("cluster_geometry", warehouse, settings) as made:
        vectors = read_vectors(warehouse)
        members = warehouse.query("cluster_labels")
        labels = members["cluster"].to_numpy()
        geometry = measure_geometry(vectors, labels, n_neighbors=settings.clustering.neighbors)
        places = place_in_plane(geometry.centroids, geometry.centroids)  # (n_clusters, 2)
        rows = pl.DataFrame(
            {
                "cluster": np.arange(len(geometry.sizes)),
                "n_documents": geometry.sizes,
                "medoid_document_id": members["document_id"].gather(geometry.medoids),
                "terms": name_clusters(warehouse, n_clusters=len(geometry.sizes)),
                "spread": geometry.spreads,
                "centroid": geometry.centroids.tolist(),
                "x": places[:, 0],
                "y": places[:, 1],
                "neighbors": geometry.neighbors.tolist(),
                "neighbor_distances": geometry.neighbor_distances.tolist(),
            }
        )
        with made.transaction() as transaction:
            transaction.replace("cluster_geometry", rows)
            overview = transaction.query("cluster_overview")
        return made.result(geometry_page(overview), n_rows=len(rows))

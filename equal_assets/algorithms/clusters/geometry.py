"""k-means assignment, centroids, medoids, spread and nearest neighbors of clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from equal_assets.algorithms.vectors import Vectors, blocks, vector_sums

ITERATIONS = 25
"""Of k-means; fewer where no document moves any more."""

FITTED_DOCUMENTS = 1 << 18
"""That k-means places its centers by: 256 for each of the paper's 1,000 clusters."""


@dataclass(frozen=True)
class Geometry:
    """Shape of every cluster.

    Attributes
    ----------
    centroids : ndarray of shape (n_clusters, n_dimensions), float32
        Mean vectors; not of unit length.
    medoids : ndarray of shape (n_clusters,), int64
        Row of the real document nearest each centroid.
    sizes : ndarray of shape (n_clusters,), int64
        Documents per cluster.
    spreads : ndarray of shape (n_clusters,), float64
        Root mean squared Euclidean distance of the documents to their centroid.
    neighbors : ndarray of shape (n_clusters, n_neighbors), int64
        Nearest other clusters by Euclidean distance of centroids, nearest first.
    neighbor_distances : ndarray of shape (n_clusters, n_neighbors), float64
        Their distances.
    """

    centroids: np.ndarray
    medoids: np.ndarray
    sizes: np.ndarray
    spreads: np.ndarray
    neighbors: np.ndarray
    neighbor_distances: np.ndarray


def assign_clusters(embeddings: Vectors, *, n_clusters: int, seed: int) -> np.ndarray:
    """Partition embeddings by k-means: the same clusters on every machine.

    Parameters
    ----------
    embeddings : Vectors of shape (n_documents, n_dimensions)
        Unit rows, so that Euclidean and cosine order agree.
    n_clusters : int
        Clusters to make, at most ``n_documents``.
    seed : int
        The same seed and embeddings give the same clusters.

    Returns
    -------
    ndarray of shape (n_documents,), int64
        Cluster of each document, numbered ``0..n-1`` without gaps; fewer than ``n_clusters`` if a
        cluster attracted no document.

    Raises
    ------
    ValueError
        If there are fewer documents than clusters.

    Notes
    -----
    Lloyd's algorithm from k-means++ centers, on one thread: with several, sums are added up in an
    order of their own. Its centers come from a sample where documents are many.
    """
    if n_clusters > len(embeddings):
        raise ValueError(
            f"n_clusters = {n_clusters}: must be 2 to {len(embeddings)}, the number of documents; "
            "lower clustering.n_clusters"
        )
    from sklearn.cluster import KMeans  # here: it takes seconds to import

    kmeans = KMeans(
        n_clusters=n_clusters, n_init=1, max_iter=ITERATIONS, tol=0.0, random_state=seed
    )
    with threadpool_limits(1):
        kmeans.fit(_sample(embeddings, seed=seed))
        labels = np.empty(len(embeddings), dtype=np.int64)
        for rows, block in blocks(embeddings):
            labels[rows] = kmeans.predict(block)
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _sample(embeddings: Vectors, *, seed: int) -> np.ndarray:
    """Return all rows, or as many as are enough to place the centers."""
    if len(embeddings) <= FITTED_DOCUMENTS:
        return np.asarray(embeddings)
    drawn = np.random.default_rng(seed).choice(len(embeddings), FITTED_DOCUMENTS, replace=False)
    return embeddings[np.sort(drawn)]


def measure_geometry(embeddings: Vectors, labels: np.ndarray, *, n_neighbors: int) -> Geometry:
    """Measure centroids, medoids, sizes, spreads and neighbors.

    Parameters
    ----------
    embeddings : Vectors of shape (n_documents, n_dimensions)
    labels : ndarray of shape (n_documents,), int64
        Clusters numbered ``0..n_clusters-1``, each with at least one document.
    n_neighbors : int
        Nearest other clusters to keep; fewer where there are fewer clusters.

    Returns
    -------
    Geometry
    """
    n_clusters = int(labels.max()) + 1
    sizes = np.bincount(labels, minlength=n_clusters)
    sums = vector_sums(embeddings, labels, n_clusters)
    centroids = sums / sizes[:, None]  # (n_clusters, n_dimensions)
    distances = centroid_distances(embeddings, labels, centroids)
    by_cluster = np.lexsort((distances, labels))
    medoids = by_cluster[np.searchsorted(labels[by_cluster], np.arange(n_clusters))]
    squared = np.bincount(labels, weights=distances**2, minlength=n_clusters)
    between = distances_between(centroids, centroids)  # (n_clusters, n_clusters)
    np.fill_diagonal(between, np.inf)
    neighbors = np.argsort(between, axis=1, kind="stable")[:, : min(n_neighbors, n_clusters - 1)]
    return Geometry(
        centroids=centroids.astype(np.float32),
        medoids=medoids,
        sizes=sizes,
        spreads=np.sqrt(squared / sizes),
        neighbors=neighbors,
        neighbor_distances=np.take_along_axis(between, neighbors, axis=1),
    )


def centroid_distances(
    embeddings: Vectors, labels: np.ndarray, centroids: np.ndarray
) -> np.ndarray:
    """Return each document's Euclidean distance to the centroid of its cluster.

    Returns
    -------
    ndarray of shape (n_documents,), float64
    """
    squared = np.empty(len(embeddings))
    lengths = np.einsum("ij,ij->i", centroids, centroids, dtype=np.float64)
    for rows, block in blocks(embeddings):
        of_rows = labels[rows]
        squared[rows] = (
            np.einsum("ij,ij->i", block, block, dtype=np.float64)
            - 2.0 * np.einsum("ij,ij->i", block, centroids[of_rows], dtype=np.float64)
            + lengths[of_rows]
        )
    return np.sqrt(np.maximum(squared, 0.0))


def distances_between(
    first: np.ndarray, second: np.ndarray, metric: str = "euclidean"
) -> np.ndarray:
    """Return the distance of each row of one matrix to each of another, in float64."""
    from scipy.spatial.distance import cdist  # here: definitions load without it

    return np.asarray(cdist(first, second, metric))


def diagonal_wasserstein(embeddings: Vectors, labels: np.ndarray) -> np.ndarray:
    """Return squared 2-Wasserstein distances between clusters, as Gaussians of diagonal covariance.

    ``|mean_i - mean_j|^2 + |std_i - std_j|^2``

    Parameters
    ----------
    embeddings : Vectors of shape (n_documents, n_dimensions)
    labels : ndarray of shape (n_documents,), int64
        Cluster of each document, numbered from 0 without gaps.

    Returns
    -------
    ndarray of shape (n_clusters, n_clusters), float64
        A cluster of one document has no spread.
    """
    sizes = np.bincount(labels)[:, None]
    means = vector_sums(embeddings, labels, len(sizes)) / sizes
    squares = vector_sums(embeddings, labels, len(sizes), squared=True)
    deviations = np.sqrt(np.maximum(squares / sizes - means**2, 0.0))
    apart = distances_between(means, means, "sqeuclidean")
    return apart + distances_between(deviations, deviations, "sqeuclidean")

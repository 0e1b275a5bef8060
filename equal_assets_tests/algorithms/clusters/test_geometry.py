import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from equal_assets.algorithms.clusters import geometry
from equal_assets.algorithms.clusters.geometry import (
    assign_clusters,
    centroid_distances,
    measure_geometry,
)

# cluster 0 around (1, 0), cluster 1 around (0, 11), cluster 2 a single document; rows are mixed
EMBEDDINGS = np.array(
    [[0, 10], [0, 0], [2, 0], [5, 0], [1, 0], [0, 12], [0, 11.5]], dtype=np.float32
)
LABELS = np.array([1, 0, 0, 2, 0, 1, 1])


def blobs(seed, *, n_blobs=6, size=40, n_dimensions=16):
    rng = np.random.default_rng(seed)
    owners = rng.permutation(np.repeat(np.arange(n_blobs), size))
    rows = np.eye(n_dimensions)[owners] + rng.normal(0, 0.03, (len(owners), n_dimensions))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), owners


@pytest.mark.parametrize("seed", range(3))
def test_planted_blobs_are_recovered(seed):
    rows, owners = blobs(seed)
    labels = assign_clusters(rows, n_clusters=6, seed=seed)
    assert adjusted_rand_score(owners, labels) == 1.0


def test_no_cluster_is_left_empty_where_documents_differ():
    rows = np.random.default_rng(0).normal(size=(240, 16)).astype(np.float32)
    labels = assign_clusters(rows, n_clusters=200, seed=0)
    assert labels.dtype == np.int64
    assert set(labels) == set(range(200))


def test_centers_may_come_from_some_of_the_documents(monkeypatch):
    monkeypatch.setattr(geometry, "FITTED_DOCUMENTS", 100)
    rows, owners = blobs(0)
    assert adjusted_rand_score(owners, assign_clusters(rows, n_clusters=6, seed=0)) == 1.0


def test_clusters_are_the_same_whatever_the_number_of_threads():
    rows = np.random.default_rng(0).normal(size=(3000, 16)).astype(np.float32)
    with threadpool_limits(1):
        alone = assign_clusters(rows, n_clusters=40, seed=0)
    with threadpool_limits(2):
        np.testing.assert_array_equal(assign_clusters(rows, n_clusters=40, seed=0), alone)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_identical_documents_leave_fewer_clusters_and_no_gaps():
    rows = np.repeat(np.eye(3, dtype=np.float32), 8, axis=0)
    labels = assign_clusters(rows, n_clusters=10, seed=0)
    assert set(labels) == {0, 1, 2}
    assert all(len(set(labels[start : start + 8])) == 1 for start in (0, 8, 16))


def test_same_seed_gives_the_same_clusters():
    rows = blobs(1)[0]
    first, second = (assign_clusters(rows, n_clusters=25, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (assign_clusters(rows, n_clusters=25, seed=6) != first).any()


def test_more_clusters_than_documents_are_refused():
    with pytest.raises(ValueError, match="n_clusters = 4: must be 2 to 3, the number"):
        assign_clusters(np.eye(3, dtype=np.float32), n_clusters=4, seed=0)


def test_geometry_worked_by_hand():
    geometry = measure_geometry(EMBEDDINGS, LABELS, n_neighbors=2)
    np.testing.assert_array_equal(geometry.sizes, [3, 3, 1])
    np.testing.assert_allclose(geometry.centroids, [[1, 0], [0, 67 / 6], [5, 0]], rtol=1e-6)
    assert geometry.centroids.dtype == np.float32
    # cluster 1: distances 7/6, 5/6 and 1/3 to the centroid
    expected = [np.sqrt(2 / 3), np.sqrt((49 + 25 + 4) / 36 / 3), 0.0]
    np.testing.assert_allclose(geometry.spreads, expected, atol=1e-6)
    np.testing.assert_array_equal(geometry.neighbors, [[2, 1], [0, 2], [0, 1]])
    to_1 = [np.hypot(1, 67 / 6), np.hypot(5, 67 / 6)]
    np.testing.assert_allclose(
        geometry.neighbor_distances, [[4, to_1[0]], [to_1[0], to_1[1]], [4, to_1[1]]], rtol=1e-6
    )


def test_medoid_is_the_document_nearest_the_centroid():
    assert list(measure_geometry(EMBEDDINGS, LABELS, n_neighbors=1).medoids) == [4, 6, 3]


def test_medoids_of_blobs_are_nearest_by_brute_force():
    rows, owners = blobs(2)
    geometry = measure_geometry(rows, owners, n_neighbors=2)
    for cluster, medoid in enumerate(geometry.medoids):
        members = np.flatnonzero(owners == cluster)
        distances = np.linalg.norm(rows[members] - rows[members].mean(axis=0), axis=1)
        assert medoid == members[np.argmin(distances)]


@pytest.mark.parametrize(("n_neighbors", "kept"), [(1, 1), (2, 2), (9, 2)])
def test_a_cluster_has_no_more_neighbors_than_there_are_other_clusters(n_neighbors, kept):
    geometry = measure_geometry(EMBEDDINGS, LABELS, n_neighbors=n_neighbors)
    assert geometry.neighbors.shape == geometry.neighbor_distances.shape == (3, kept)
    assert not (geometry.neighbors == np.arange(3)[:, None]).any()


def test_a_single_cluster_has_no_neighbors():
    geometry = measure_geometry(EMBEDDINGS, np.zeros(7, dtype=int), n_neighbors=5)
    assert geometry.neighbors.shape == (1, 0)
    assert list(geometry.sizes) == [7]


def test_distances_to_centroids_worked_by_hand():
    centroids = np.array([[0.0, 0.0], [10.0, 0.0]])
    rows = np.array([[3, 4], [10, 0], [10, 2]], dtype=np.float32)
    distances = centroid_distances(rows, np.array([0, 1, 1]), centroids)
    np.testing.assert_allclose(distances, [5.0, 0.0, 2.0], atol=1e-6)

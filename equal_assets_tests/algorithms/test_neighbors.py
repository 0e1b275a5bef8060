"""Near rows are found as a comparison of all with all finds them."""

import numpy as np
import pytest

from equal_assets.algorithms import neighbors
from equal_assets.algorithms.neighbors import cosines, first_near

THRESHOLD = 0.97


def compared_with_all(vectors, threshold=THRESHOLD):
    """The same, by its definition."""
    first = np.full(len(vectors), -1)
    for row in range(1, len(vectors)):
        is_near = vectors[:row].astype(float) @ vectors[row].astype(float) >= threshold - 1e-6
        stays = np.flatnonzero(is_near & (first[:row] < 0))
        first[row] = stays[0] if len(stays) else -1
    return first


def repeated(n_rows, n_dimensions=32, seed=0):
    """Unit rows, of which half are an earlier one with noise around the threshold."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, n_dimensions)) + 0.5
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for row in range(1, n_rows, 2):
        noise = rng.normal(size=n_dimensions) * rng.uniform(0, 0.4) / np.sqrt(n_dimensions)
        rows[row] = rows[rng.integers(row)] + noise
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def tables(monkeypatch):
    """Few rows are compared one by one: the others are looked up in many tables."""
    monkeypatch.setattr(neighbors, "BLOCK_ROWS", 64)
    monkeypatch.setattr(neighbors, "RECENT_ROWS", 32)


def test_what_all_with_all_finds_is_found(tables):
    vectors = repeated(3000)
    expected = compared_with_all(vectors)
    assert 500 < (expected >= 0).sum() < 1500
    assert first_near(vectors, threshold=THRESHOLD).tolist() == expected.tolist()


@pytest.mark.parametrize("threshold", [0.85, 0.93, 1.0])
def test_other_thresholds_find_nearly_all(tables, threshold):
    vectors = np.repeat(repeated(800), 2, axis=0)
    found = first_near(vectors, threshold=threshold)
    expected = compared_with_all(vectors, threshold)
    assert (found != expected).mean() < 0.01
    assert (expected >= 0).sum() >= 800


def test_rows_on_different_sides_are_not_near(tables):
    vectors = repeated(2000)
    sides = np.random.default_rng(2).integers(-1, 2, size=(2000, 2)).astype(np.int8)
    first = np.full(len(vectors), -1)
    for row in range(1, len(vectors)):
        is_near = vectors[:row].astype(float) @ vectors[row].astype(float) >= THRESHOLD - 1e-6
        is_opposite = (sides[:row] * sides[row] < 0).any(axis=1)
        stays = np.flatnonzero(is_near & ~is_opposite & (first[:row] < 0))
        first[row] = stays[0] if len(stays) else -1
    found = first_near(vectors, threshold=THRESHOLD, sides=sides)
    assert found.tolist() == first.tolist()
    assert found.tolist() != first_near(vectors, threshold=THRESHOLD).tolist()


def test_few_rows_are_compared_exactly():
    vectors = repeated(2000, n_dimensions=8, seed=1)
    assert first_near(vectors, threshold=0.9).tolist() == compared_with_all(vectors, 0.9).tolist()


def test_zeros_are_near_nothing_however_many(tables):
    vectors = np.zeros((5000, 8), dtype=np.float32)
    vectors[[10, 4000], 0] = 1
    found = first_near(vectors, threshold=THRESHOLD)
    assert found[4000] == 10
    assert (np.delete(found, 4000) == -1).all()


def test_a_row_repeated_many_times_is_compared_with_the_one_that_stays(tables, monkeypatch):
    compared = []
    monkeypatch.setattr(
        neighbors, "cosines", lambda rows, of: compared.append(of.shape[1]) or cosines(rows, of)
    )
    vectors = np.tile(np.eye(1, 16, dtype=np.float32), (4000, 1))
    assert first_near(vectors, threshold=THRESHOLD)[1:].tolist() == [0] * 3999
    assert sum(compared) < 4000 * 80  # within a block of 64 all with all, else with one


def test_no_rows_have_no_neighbors():
    assert first_near(np.zeros((0, 384), dtype=np.float32), threshold=0.9).shape == (0,)

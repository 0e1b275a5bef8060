import numpy as np
import pytest
from scipy.optimize import linprog

from equal_assets.algorithms.strategies.tsds import tsds_probabilities, tsds_ranking

EAST, NORTH, WEST = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]
PARAMETERS = {"alpha": 0.5, "scale": 1.0, "kernel_size": 0.1, "max_neighbors": 1000}


def unit_rows(n_rows, *, seed, n_dimensions=8):
    rows = np.random.default_rng(seed).normal(size=(n_rows, n_dimensions))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def probabilities(documents, reference, **changes):
    return tsds_probabilities(np.array(documents), np.array(reference), **{**PARAMETERS, **changes})


def ranking(documents, reference, *, n_documents, seed=0, **changes):
    return tsds_ranking(
        np.array(documents),
        np.array(reference),
        n_documents=n_documents,
        rng=np.random.default_rng(seed),
        **{**PARAMETERS, **changes},
    )


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        # distances 0, sqrt(2), 2: leaving the nearest costs sqrt(2) - 0, leaving the nearest two
        # (2 - 0) + (2 - sqrt(2)) = 2.59; the mass moves on where the scale is above that
        (1.0, [1, 0, 0]),
        (2.0, [1 / 2, 1 / 2, 0]),
        (3.0, [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_three_documents_worked_by_hand(scale, expected):
    found = probabilities([EAST, NORTH, WEST], [EAST], scale=scale)
    assert found == pytest.approx(expected)


def test_copies_of_a_document_share_its_mass():
    found = probabilities([EAST, EAST, NORTH, WEST, EAST], [EAST], scale=2.0)
    assert found == pytest.approx([1 / 6, 1 / 6, 1 / 2, 0, 1 / 6], abs=1e-6)


def test_near_copies_share_the_mass_of_one_by_their_density():
    angle = 0.05  # kernel 1 - (distance / 0.1)^2 = 3/4, so both have density 7/4
    near = [np.cos(angle), np.sin(angle)]
    found = probabilities([EAST, near, WEST], [EAST], scale=10.0)
    both = 2 / 1.75
    assert found == pytest.approx([both / 2 / (both + 1)] * 2 + [1 / (both + 1)], abs=1e-3)


def test_kernel_smaller_than_any_distance_spreads_evenly():
    found = probabilities(unit_rows(30, seed=0), unit_rows(4, seed=1), alpha=0.0, kernel_size=1e-4)
    assert found == pytest.approx(np.full(30, 1 / 30))


def test_alpha_of_one_gives_all_to_the_nearest_document_of_each_row():
    documents, reference = unit_rows(50, seed=2), unit_rows(9, seed=3)
    nearest = np.argmax(reference @ documents.T, axis=1)
    found = probabilities(documents, reference, alpha=1.0, kernel_size=1.0)
    assert found == pytest.approx(np.bincount(nearest, minlength=50) / 9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_plan_is_the_optimum_of_the_regularized_problem(seed, scale):
    documents, reference = unit_rows(12, seed=seed), unit_rows(3, seed=seed + 10)
    distances = np.sqrt(np.maximum(2 - 2 * reference @ documents.T, 0))
    between = np.maximum(2 - 2 * documents @ documents.T, 0)
    densities = np.maximum(0, 1 - between / 1.2**2).sum(axis=1)
    # variables: the plan by rows, then its maximum t; M * rho_j * plan_ij <= t
    bounds = np.hstack([3 * np.diag(np.tile(densities, 3)), -np.ones((36, 1))])
    row_sums = np.hstack([np.kron(np.eye(3), np.ones(12)), np.zeros((3, 1))])
    best = linprog(
        np.append(0.4 / scale * distances.ravel(), 0.6),
        A_ub=bounds,
        b_ub=np.zeros(36),
        A_eq=row_sums,
        b_eq=np.full(3, 1 / 3),
    )
    expected = best.x[:-1].reshape(3, 12).sum(axis=0)
    found = probabilities(documents, reference, alpha=0.4, scale=scale, kernel_size=1.2)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_measuring_few_densities_first_changes_nothing(monkeypatch, scale):
    documents, reference = unit_rows(400, seed=4), unit_rows(20, seed=5)
    changes = {"scale": scale, "kernel_size": 0.8, "max_neighbors": 300}
    found = probabilities(documents, reference, **changes)
    monkeypatch.setattr("equal_assets.algorithms.strategies.tsds._FIRST_NEIGHBORS", 1000)
    np.testing.assert_allclose(found, probabilities(documents, reference, **changes), atol=1e-6)


def test_computing_in_blocks_changes_nothing(monkeypatch):
    documents, reference = unit_rows(90, seed=6), unit_rows(20, seed=7)
    found = probabilities(documents, reference, kernel_size=0.8)
    monkeypatch.setattr("equal_assets.algorithms.strategies.tsds._BLOCK_ENTRIES", 100)
    blockwise = probabilities(documents, reference, kernel_size=0.8)
    np.testing.assert_allclose(found, blockwise, atol=1e-6)


def test_only_neighbors_get_mass():
    documents, reference = unit_rows(60, seed=8), unit_rows(1, seed=9)
    nearest = np.argsort(-documents @ reference[0])[:7]
    found = probabilities(documents, reference, alpha=0.0, max_neighbors=7)
    assert set(np.flatnonzero(found)) == set(nearest)
    assert found.sum() == pytest.approx(1.0)


def test_ranking_never_repeats_a_document():
    found = ranking(unit_rows(80, seed=10), unit_rows(5, seed=11), n_documents=80)
    assert sorted(found) == list(range(80))


def test_ranking_depends_on_the_generator_alone():
    documents, reference = unit_rows(200, seed=12), unit_rows(10, seed=13)
    first, again, other = (
        ranking(documents, reference, n_documents=30, seed=seed, scale=5.0) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert list(first) != list(other)


def test_longer_ranking_begins_with_the_shorter():
    documents, reference = unit_rows(200, seed=12), unit_rows(10, seed=13)
    longer = ranking(documents, reference, n_documents=150)
    np.testing.assert_array_equal(longer[:30], ranking(documents, reference, n_documents=30))


def test_first_documents_are_drawn_with_their_probabilities():
    documents = [EAST, EAST, NORTH, WEST]  # probabilities 1/4, 1/4, 1/2, 0
    first = [
        ranking(documents, [EAST], n_documents=1, seed=seed, scale=2.0)[0] for seed in range(2000)
    ]
    shares = np.bincount(first, minlength=4) / 2000
    assert shares == pytest.approx([0.25, 0.25, 0.5, 0], abs=0.04)


def test_documents_without_mass_follow_by_distance():
    angles = np.array([3.0, 1.0, 0.0, 2.0])
    documents = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = ranking(documents, [EAST, EAST], n_documents=4, alpha=1.0)
    assert list(found) == [2, 1, 3, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alpha": 1.5}, r"alpha = 1\.5: must be 0 to 1"),
        ({"alpha": np.nan}, r"alpha = nan: must be 0 to 1"),
        ({"scale": 0.0}, r"scale = 0\.0: must be > 0"),
        ({"kernel_size": -1.0}, r"kernel_size = -1\.0: must be > 0"),
        ({"max_neighbors": 0}, r"max_neighbors = 0: must be at least 1"),
        ({"n_documents": 3}, r"n_documents = 3: must be 1 to 2"),
        ({"n_documents": 0}, r"n_documents = 0: must be 1 to 2"),
    ],
)
def test_parameters_out_of_bounds_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ranking([EAST, NORTH], [EAST], **{"n_documents": 1, **changes})


@pytest.mark.parametrize(
    ("documents", "reference", "message"),
    [
        ([[3.0, 4.0]], [EAST], r"document_embeddings has a row of length 5\.000"),
        ([EAST], [[3.0, 4.0]], r"reference_embeddings has a row of length 5\.000"),
        ([EAST], np.zeros((0, 2)), r"reference_embeddings has shape \(0, 2\)"),
        ([EAST], [[1.0]], "document_embeddings has 2 dimensions, reference_embeddings 1"),
    ],
)
def test_unusable_embeddings_are_refused(documents, reference, message):
    with pytest.raises(ValueError, match=message):
        probabilities(documents, reference)

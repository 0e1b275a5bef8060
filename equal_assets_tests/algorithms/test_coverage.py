import numpy as np
import pytest

from equal_assets.algorithms.coverage import TargetCoverage, answer_values, kernel_of
from equal_assets.algorithms.strategies.strategy import ExtractedPairs
from equal_assets_tests.algorithms.worlds import N_DIMENSIONS, near, planted_world, target

WORLD = planted_world(0)


def covered(world=WORLD, *, shortest=0.0):
    kernel = kernel_of(world.corpus.embeddings, world.target.embeddings, temperature=0.25)
    return TargetCoverage(kernel, world.target, shortest=shortest)


def pairs_of(rows, *, world=WORLD, lengths=None):
    """Return the pairs of documents, one each."""
    vectors = np.concatenate([world.pairs[row] for row in rows])
    lengths = np.full(len(rows), 100.0) if lengths is None else np.asarray(lengths, dtype=float)
    return ExtractedPairs(np.asarray(rows, dtype=np.int64), vectors, lengths)


def test_vector_as_near_as_the_nearest_documents_has_the_mass_of_one():
    kernel = covered().kernel
    similarity = WORLD.corpus.embeddings @ WORLD.target.embeddings.T
    nearest = np.sort(similarity, axis=0)[-50:]
    assert kernel.levels == pytest.approx(nearest.mean(axis=0), abs=1e-6)
    question = WORLD.target.embeddings[:1]
    aside = np.linalg.qr(np.vstack([question, np.eye(N_DIMENSIONS)])[: N_DIMENSIONS - 1].T)[0].T[1]
    level = kernel.levels[0]
    at_level = level * question + np.sqrt(1 - level**2) * aside
    assert kernel(at_level)[0, 0] == pytest.approx(1.0, rel=1e-3)


def test_questions_that_have_so_many_near_pairs_each_are_covered_by_that_number():
    coverage = covered()
    n_questions = len(WORLD.target.weights)
    assert coverage.value(np.full(n_questions, 3.0)) == pytest.approx(3.0)
    uneven = np.zeros(n_questions)
    uneven[0] = 3.0 * n_questions  # as many pairs, all at one question
    assert coverage.value(uneven) < 0.3
    assert coverage.value(np.zeros(n_questions)) == 0.0


def test_coverage_of_parts_adds_up_to_that_of_all():
    coverage = covered()
    rows = np.arange(0, 400, 7)
    masses, n_near = coverage.given(pairs_of(rows), rows)
    halves = [coverage.given(pairs_of(part), part) for part in (rows[:20], rows[20:])]
    assert sum(mass.sum(axis=0) for mass, _ in halves) == pytest.approx(
        masses.sum(axis=0), rel=1e-4
    )
    assert sum(near.sum() for _, near in halves) == n_near.sum()


def test_documents_of_the_target_are_near_and_others_are_not():
    rows = np.arange(480)
    _, n_near = covered().given(pairs_of(rows), rows)
    is_of_target = WORLD.corpus.arms == 3
    assert n_near[is_of_target].mean() > 0.9
    assert n_near[~is_of_target].mean() < 0.1


def test_masses_belong_to_the_documents_in_any_order_and_those_without_pairs_have_none():
    rows = np.array([130, 120, 140])
    masses, n_near = covered().given(pairs_of([120, 130]), rows)
    alone, _ = covered().given(pairs_of([120]), np.array([120]))
    assert masses[1] == pytest.approx(alone[0], rel=1e-4)
    assert not masses[2].any()
    assert n_near.tolist() == [1, 1, 0]
    none, n_none = covered().given(
        ExtractedPairs(np.zeros(0, np.int64), np.zeros((0, N_DIMENSIONS), np.float32), np.zeros(0)),
        rows,
    )
    assert not none.any()
    assert not n_none.any()


def test_short_answers_count_less_and_too_short_ones_not_at_all():
    rows = np.array([120, 121])
    half, _ = covered().given(pairs_of(rows, lengths=[100, 50]), rows)
    whole, _ = covered().given(pairs_of(rows), rows)
    assert half[0] == pytest.approx(whole[0], rel=1e-4)
    assert half[1] == pytest.approx(whole[1] / 2, rel=1e-4)
    pruned, n_near = covered(shortest=0.1).given(pairs_of(rows, lengths=[100, 50]), rows)
    assert n_near.tolist() == [1, 0]
    assert not pruned[1].any()


def test_answers_are_worth_their_length_up_to_the_median_of_the_target():
    questions = target(near(np.eye(N_DIMENSIONS)[0], 3, np.random.default_rng(0)))
    assert answer_values(np.array([50.0, 100.0, 900.0]), questions).tolist() == [0.5, 1.0, 1.0]
    assert answer_values(np.array([25.0]), questions, exponent=0.0).tolist() == [1.0]

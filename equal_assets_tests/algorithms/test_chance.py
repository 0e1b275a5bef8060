import numpy as np
import pytest

from equal_assets.algorithms.chance import LONGEST, Chance, rate
from equal_assets_tests.algorithms.test_coverage import WORLD, covered, pairs_of

COVERAGE = covered()
ALL = np.arange(WORLD.corpus.n_documents)
MASSES, NEAR = COVERAGE.given(pairs_of(ALL), ALL)


def chance(rows, costs=None):
    return Chance(
        COVERAGE, MASSES[rows], NEAR[rows], np.ones(len(rows)) if costs is None else costs
    )


def drawn(n_documents, rng):
    rows = rng.permutation(len(ALL))[:n_documents]
    return float(COVERAGE.value(MASSES[rows].sum(axis=0))), int(NEAR[rows].sum())


@pytest.mark.parametrize("n_documents", [10, 40, 100, 240])
def test_interval_of_a_sample_holds_what_other_random_documents_give(n_documents):
    rng = np.random.default_rng(n_documents)
    held = []
    for _ in range(150):
        of_sample = chance(rng.permutation(len(ALL))[:120])
        value, near = drawn(n_documents, rng)
        covers, finds = of_sample.covers(n_documents), of_sample.finds(n_documents)
        held.append((covers.low <= value <= covers.high, finds.low <= near <= finds.high))
    assert (np.mean(held, axis=0) >= 0.88).all()


def test_expectation_is_the_mean_of_many_draws():
    rng = np.random.default_rng(0)
    of_all = chance(ALL)
    values, near = np.array([drawn(48, rng) for _ in range(300)]).T
    assert of_all.covers(48).value == pytest.approx(np.expm1(np.log1p(values).mean()), rel=0.15)
    assert of_all.finds(48).value == pytest.approx(near.mean(), rel=0.15)


def test_documents_are_paid_by_what_they_take():
    rng = np.random.default_rng(1)
    costs = rng.uniform(10, 1000, size=len(ALL))
    by_cost, by_document = chance(ALL, costs), chance(ALL)
    half = by_cost.covers(costs.sum() / 2).value
    assert half == pytest.approx(by_document.covers(len(ALL) / 2).value, rel=0.1)


def test_line_ends_where_the_sample_tells_too_little():
    sample = chance(ALL[::12])  # 40 documents
    assert sample.covers(40 * LONGEST) is not None
    assert sample.covers(40 * LONGEST + 1) is None
    assert sample.finds(40 * LONGEST + 1) is None
    assert chance(ALL[:0]).covers(1.0) is None


def test_gains_are_the_slope_of_the_curve():
    of_all = chance(ALL)
    slope = of_all.gains(96).sum() / len(ALL)
    grown = COVERAGE.value(MASSES.sum(axis=0) * (97 / len(ALL))) - COVERAGE.value(
        MASSES.sum(axis=0) * (96 / len(ALL))
    )
    assert slope == pytest.approx(float(grown), rel=0.02)


def test_rate_is_the_ratio_of_means_with_its_error():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        costs = rng.uniform(1, 3, size=60)
        gains = costs * rng.exponential(0.5, size=60)
        found = rate(gains, costs)
        held += found.low <= 0.5
        assert found.value == pytest.approx(gains.sum() / costs.sum())
    assert 0.9 <= held / 300 <= 0.99

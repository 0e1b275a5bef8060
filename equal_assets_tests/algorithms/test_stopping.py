import numpy as np
import pytest

from equal_assets.algorithms.stopping import IN_A_ROW, Added, ends_after, evidence, judged


def added(n_documents, gain, rng):
    return Added(rng.exponential(gain, n_documents), np.ones(n_documents))


def test_last_rounds_with_enough_documents_are_judged():
    rng = np.random.default_rng(0)
    small = [added(30, 1.0, rng) for _ in range(6)]
    assert list(judged(small)) == small[-4:]
    assert list(judged(small[:3])) == []
    large = [added(500, 1.0, rng) for _ in range(3)]
    assert list(judged(large)) == large[-2:]
    assert list(judged(large[:1])) == []


@pytest.mark.parametrize(("gain", "pays"), [(3.0, True), (0.5, False), (0.02, False)])
def test_documents_pay_as_long_as_they_surely_add_what_random_ones_add(gain, pays):
    rng = np.random.default_rng(1)
    rounds = [added(50, 9.0, rng) for _ in range(4)] + [added(50, gain, rng) for _ in range(4)]
    found = evidence(rounds, rng.exponential(1.0, 400), np.ones(400))
    assert found.pays is pays
    assert found.gain.value == pytest.approx(gain, rel=0.3)
    assert found.chance.low < 1.0 < found.chance.high


def test_nothing_is_said_of_few_documents_or_a_small_sample():
    rng = np.random.default_rng(2)
    rounds = [added(50, 1.0, rng) for _ in range(4)]
    assert evidence(rounds[:1], np.ones(400), np.ones(400)) is None
    assert evidence(rounds, np.ones(19), np.ones(19)) is None
    assert evidence(rounds, np.ones(400), np.zeros(400)) is None


def test_a_campaign_ends_after_rounds_in_a_row_that_do_not_pay():
    paying, not_paying = [True], [False]
    assert ends_after(not_paying * (IN_A_ROW - 1) + paying + not_paying * (IN_A_ROW - 1)) is None
    assert ends_after([None, *not_paying * IN_A_ROW, *paying]) == 1 + IN_A_ROW
    assert ends_after([]) is None

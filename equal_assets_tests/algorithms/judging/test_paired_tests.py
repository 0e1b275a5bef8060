import numpy as np
import pytest
from scipy.stats import binom, ttest_rel

from equal_assets.algorithms.judging.metrics import perplexity
from equal_assets.algorithms.judging.paired_tests import compare_accuracies, compare_perplexities


def answers(n_both, n_first, n_second, n_neither):
    first = [True] * (n_both + n_first) + [False] * (n_second + n_neither)
    second = [True] * n_both + [False] * n_first + [True] * n_second + [False] * n_neither
    return np.array(first), np.array(second)


def test_a_difference_worked_by_hand():
    found = compare_accuracies(*answers(10, 5, 1, 4))
    assert found.difference == pytest.approx(4 / 20)
    assert (found.n_first_only, found.n_second_only) == (5, 1)
    # of 6 coins 5 or more, or 1 or fewer, show heads: 2 * (6 + 1) / 64
    assert found.p_value == pytest.approx(14 / 64)


@pytest.mark.parametrize(("n_first", "n_second"), [(0, 3), (7, 2), (4, 4), (12, 1)])
def test_the_p_value_is_the_chance_of_coins_as_uneven(n_first, n_second):
    n = n_first + n_second
    uneven = abs(n_first - n / 2)
    expected = sum(binom.pmf(k, n, 0.5) for k in range(n + 1) if abs(k - n / 2) >= uneven)
    found = compare_accuracies(*answers(3, n_first, n_second, 3))
    assert found.p_value == pytest.approx(expected)


def test_questions_on_which_both_agree_tell_nothing():
    few = compare_accuracies(*answers(1, 6, 1, 1))
    many = compare_accuracies(*answers(500, 6, 1, 500))
    assert few.p_value == many.p_value
    assert compare_accuracies(*answers(5, 0, 0, 5)).p_value == 1.0


def test_swapping_students_turns_the_difference_around():
    first, second = answers(2, 8, 3, 1)
    there, back = compare_accuracies(first, second), compare_accuracies(second, first)
    assert there.difference == -back.difference
    assert there.p_value == back.p_value


def perplexities(first, second, n_tokens, seed=0):
    return compare_perplexities(
        first,
        second,
        n_tokens=n_tokens,
        confidence=0.95,
        n_resamples=2000,
        rng=np.random.default_rng(seed),
    )


def drawn(effect, n_questions=200, seed=1):
    """Two students' log-probabilities: questions differ far more than the students do."""
    rng = np.random.default_rng(seed)
    n_tokens = rng.integers(5, 60, size=n_questions)
    second = -n_tokens * rng.gamma(4, 1, size=n_questions)
    first = second + n_tokens * (effect + rng.normal(0, 0.2, size=n_questions))
    return first, second, n_tokens


def test_the_ratio_is_that_of_the_two_perplexities():
    first, second, n_tokens = drawn(0.1)
    found = perplexities(first, second, n_tokens)
    assert found.ratio == pytest.approx(perplexity(first, n_tokens) / perplexity(second, n_tokens))
    assert found.low < found.ratio < found.high


def test_a_small_gain_on_every_question_is_found_among_unlike_questions():
    found = perplexities(*drawn(0.1))
    assert found.high < 1
    assert found.p_value == pytest.approx(2 / 2001)


def test_the_interval_agrees_with_a_t_interval_where_answers_are_equally_long():
    first, second, _ = drawn(0.02)
    n_tokens = np.full(len(first), 10)
    found = perplexities(first, second, n_tokens)
    oracle = ttest_rel(second / 10, first / 10)
    low, high = np.exp(oracle.confidence_interval())
    width = high - low
    assert found.low == pytest.approx(low, abs=0.15 * width)
    assert found.high == pytest.approx(high, abs=0.15 * width)
    assert found.p_value == pytest.approx(oracle.pvalue, abs=0.06)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    held = 0
    for seed in range(100):
        found = perplexities(*drawn(0.05, n_questions=80, seed=seed), seed=seed)
        held += found.low < np.exp(-0.05) < found.high
    assert 88 <= held <= 99


def test_students_that_are_the_same_do_not_differ():
    first, _, n_tokens = drawn(0.0)
    found = perplexities(first, first, n_tokens)
    assert (found.ratio, found.low, found.high, found.p_value) == (1, 1, 1, 1)


def test_the_same_seed_gives_the_same_interval():
    assert perplexities(*drawn(0.1), seed=3) == perplexities(*drawn(0.1), seed=3)


def test_mistakes_are_named():
    first, second = answers(1, 1, 1, 1)
    with pytest.raises(ValueError, match="must be bool arrays"):
        compare_accuracies(first.astype(int), second)
    with pytest.raises(ValueError, match=r"first \(4,\), second \(3,\)"):
        compare_accuracies(first, second[:3])
    with pytest.raises(ValueError, match="n_questions >= 1"):
        compare_accuracies(first[:0], second[:0])
    logs, n_tokens = np.array([-1.0, -2.0]), np.array([1, 2])
    with pytest.raises(ValueError, match="at least 2"):
        perplexities(logs[:1], logs[:1], n_tokens[:1])
    with pytest.raises(ValueError, match="n_tokens holds 0"):
        perplexities(logs, logs, np.array([0, 2]))
    with pytest.raises(ValueError, match="not finite"):
        perplexities(logs, np.array([-np.inf, 0]), n_tokens)

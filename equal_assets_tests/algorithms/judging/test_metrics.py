"""Accuracy, perplexity, coverage and FLOPs: hand-worked cases and every documented error."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from equal_assets.algorithms.judging.metrics import (
    accuracy_interval,
    correct_choices,
    coverage,
    documents_to_match,
    draw_distractors,
    mean_interval,
    perplexity,
    perplexity_interval,
    pmi_scores,
    top_share_threshold,
)


def test_pmi_is_the_gain_by_the_question_per_token():
    conditional = np.array([[-4.0, -6.0]])
    unconditional = np.array([[-10.0, -8.0]])
    lengths = np.array([[3, 4]])
    np.testing.assert_allclose(pmi_scores(conditional, unconditional, lengths), [[2.0, 0.5]])


def test_pmi_is_zero_where_the_question_says_nothing():
    likelihood = np.array([[-4.0, -6.0], [-1.0, -2.0]])
    assert not pmi_scores(likelihood, likelihood, np.ones((2, 2))).any()


@pytest.mark.parametrize("lengths", [np.ones((2, 1)), np.ones(2)])
def test_pmi_refuses_unequal_shapes(lengths):
    with pytest.raises(ValueError, match=r"must share one shape \(n_questions, n_choices\)"):
        pmi_scores(np.zeros((1, 2)), np.zeros((1, 2)), lengths)


def test_pmi_refuses_flat_arrays():
    with pytest.raises(ValueError, match=r"must share one shape \(n_questions, n_choices\)"):
        pmi_scores(np.zeros(2), np.zeros(2), np.ones(2))


def test_pmi_refuses_an_empty_answer():
    with pytest.raises(ValueError, match="lengths holds 0: must be > 0"):
        pmi_scores(np.zeros((1, 2)), np.zeros((1, 2)), np.array([[3, 0]]))


def test_best_scored_choice_is_the_one_that_counts():
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])
    assert correct_choices(scores, np.zeros(4, dtype=int)).tolist() == [True, False, True, True]


def test_correct_choice_may_stand_in_any_column():
    scores = np.array([[0.1, 0.2, 0.9], [0.1, 0.2, 0.9]])
    assert correct_choices(scores, np.array([2, 1])).tolist() == [True, False]


def test_a_tie_counts_as_wrong_and_minus_infinity_takes_a_choice_out():
    scores = np.array([[0.5, 0.5], [0.5, -np.inf]])
    assert correct_choices(scores, np.array([0, 0])).tolist() == [False, True]


@pytest.mark.parametrize("shape", [(0, 4), (3, 1), (3,)])
def test_accuracy_refuses_scores_without_choice(shape):
    with pytest.raises(ValueError, match=r"must be \(n_questions >= 1, n_choices >= 2\)"):
        correct_choices(np.zeros(shape), np.zeros(shape[0], dtype=int))


def test_accuracy_refuses_nan():
    with pytest.raises(ValueError, match="scores holds 1 NaN"):
        correct_choices(np.array([[np.nan, 0.0]]), np.array([0]))


def test_accuracy_refuses_too_few_correct_columns():
    with pytest.raises(ValueError, match=r"correct has shape \(1,\): must be \(2,\)"):
        correct_choices(np.zeros((2, 2)), np.array([0]))


@pytest.mark.parametrize("column", [-1, 2])
def test_accuracy_refuses_an_unknown_column(column):
    with pytest.raises(ValueError, match="must be 0 to 1"):
        correct_choices(np.zeros((2, 2)), np.array([0, column]))


def test_wilson_interval_of_a_published_case():
    # Newcombe, Statistics in Medicine 1998, table I: 81 of 263.
    assert accuracy_interval(81, 263, confidence=0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_wilson_interval_stays_within_bounds_and_is_symmetric():
    low, high = accuracy_interval(0, 20, confidence=0.95)
    assert low == 0.0
    assert 0.1 < high < 0.2
    assert accuracy_interval(20, 20, confidence=0.95) == pytest.approx((1 - high, 1 - low))


def test_wilson_interval_narrows_with_questions():
    widths = [np.diff(accuracy_interval(n // 4, n, confidence=0.95))[0] for n in (20, 200, 2000)]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(
    ("n_correct", "n_questions", "confidence", "message"),
    [
        (0, 0, 0.95, "n_questions = 0: must be >= 1"),
        (3, 2, 0.95, r"n_correct = 3: must be 0 to 2"),
        (-1, 2, 0.95, r"n_correct = -1: must be 0 to 2"),
        (1, 2, 1.0, r"confidence = 1.0: must be between 0 and 1"),
    ],
)
def test_wilson_interval_refuses(n_correct, n_questions, confidence, message):
    with pytest.raises(ValueError, match=message):
        accuracy_interval(n_correct, n_questions, confidence=confidence)


def test_perplexity_of_a_uniform_guess_is_the_vocabulary():
    n_tokens = np.array([1, 5, 2])
    assert perplexity(-np.log(7) * n_tokens, n_tokens) == pytest.approx(7)


def test_perplexity_weighs_by_tokens():
    log_probabilities = np.array([-3.0 * np.log(2), -np.log(16)])
    assert perplexity(log_probabilities, np.array([3, 1])) == pytest.approx(2 ** (7 / 4))


def test_perplexity_refuses_unequal_shapes():
    with pytest.raises(ValueError, match=r"must share one shape \(n_answers,\)"):
        perplexity(np.zeros(2), np.ones(3))


def test_perplexity_refuses_infinity():
    with pytest.raises(ValueError, match="1 values that are not finite"):
        perplexity(np.array([-np.inf, 0.0]), np.ones(2))


@pytest.mark.parametrize("n_tokens", [np.array([0, 0]), np.array([3, -1])])
def test_perplexity_refuses_counts_that_are_none(n_tokens):
    with pytest.raises(ValueError, match="must be counts >= 0 with at least one token"):
        perplexity(np.zeros(2), n_tokens)


def test_perplexity_refuses_no_answers():
    with pytest.raises(ValueError, match="over 0 answers"):
        perplexity(np.zeros(0), np.zeros(0, dtype=int))


def test_perplexity_interval_of_equal_tokens_is_the_t_interval_of_the_mean():
    per_token = np.array([-1.0, -2.0, -4.0, -1.5])
    n_tokens = np.full(4, 5)
    found = perplexity_interval(per_token * n_tokens, n_tokens, confidence=0.9)
    known = ttest_1samp(per_token, 0).confidence_interval(0.9)
    assert found == pytest.approx((np.exp(-known.high), np.exp(-known.low)))


def test_perplexity_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        n_tokens = rng.integers(1, 60, size=80)
        log_probabilities = -n_tokens * rng.gamma(4.0, 0.5, size=80)  # 2 nats a token on average
        low, high = perplexity_interval(log_probabilities, n_tokens, confidence=0.95)
        assert low < perplexity(log_probabilities, n_tokens) < high
        held += low <= np.exp(2) <= high
    assert 0.91 <= held / 400 <= 0.98


def test_perplexity_interval_of_one_answer_is_refused():
    with pytest.raises(ValueError, match="answers = 1: must be at least 2"):
        perplexity_interval(np.array([-1.0]), np.array([1]), confidence=0.95)


def test_mean_interval_is_the_t_interval_within_zero_and_one():
    values = np.array([0.25, 0.5, 0.75, 0.5])
    known = ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values, confidence=0.95) == pytest.approx((known.low, known.high))
    assert mean_interval(np.array([0.0, 1.0]), confidence=0.95) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "problem"),
    [([0.5], "values = 1: must be at least 2"), ([0.5, 1.5], "span 0.5 to 1.5: must be 0 to 1")],
)
def test_mean_interval_refuses_what_is_no_sample_of_shares(values, problem):
    with pytest.raises(ValueError, match=problem):
        mean_interval(np.array(values), confidence=0.95)


def test_distractors_are_distinct_other_questions():
    drawn = draw_distractors(9, 4, np.random.default_rng(0))
    assert drawn.shape == (9, 3)
    assert drawn.min() >= 0
    assert drawn.max() <= 8
    for question, row in enumerate(drawn):
        assert len({question, *row}) == 4


def test_distractors_of_as_many_questions_as_choices_are_all_others():
    drawn = draw_distractors(3, 3, np.random.default_rng(0))
    assert [sorted(row) for row in drawn.tolist()] == [[1, 2], [0, 2], [0, 1]]


def test_distractors_are_drawn_evenly():
    drawn = [draw_distractors(5, 2, np.random.default_rng(seed)) for seed in range(400)]
    np.testing.assert_allclose(np.bincount(np.ravel(drawn)) / 400, 1.0, atol=0.15)


def test_distractors_repeat_with_the_seed():
    first, second = (draw_distractors(20, 4, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_distractors_refuse_one_choice():
    with pytest.raises(ValueError, match="n_choices = 1: must be >= 2"):
        draw_distractors(5, 1, np.random.default_rng(0))


def test_distractors_refuse_fewer_questions_than_choices():
    with pytest.raises(ValueError, match="n_questions = 3: must be >= 4"):
        draw_distractors(3, 4, np.random.default_rng(0))


def test_coverage_takes_the_best_pair_of_each_question():
    similarity = np.array([[0.9, 0.1, 0.5], [0.2, 0.3, 0.6]])
    assert coverage(similarity) == pytest.approx((0.9 + 0.3 + 0.6) / 3)


def test_coverage_never_falls_when_pairs_are_added():
    similarity = np.random.default_rng(0).uniform(-1, 1, size=(30, 8))
    growing = [coverage(similarity[:n]) for n in range(1, 31)]
    assert growing == sorted(growing)


def test_coverage_refuses_an_empty_pool():
    with pytest.raises(ValueError, match=r"must be \(n_pairs >= 1, n_questions\)"):
        coverage(np.zeros((0, 5)))


@pytest.mark.parametrize("shape", [(3, 0), (3,)])
def test_coverage_refuses_no_questions(shape):
    with pytest.raises(ValueError, match=r"must be \(n_pairs, n_questions >= 1\)"):
        coverage(np.zeros(shape))


def test_coverage_refuses_nan():
    similarity = np.array([[np.nan, 0.5]])
    with pytest.raises(ValueError, match="similarity holds 1 NaN"):
        coverage(similarity)


@pytest.mark.parametrize(
    ("share", "threshold"), [(0.01, 0.9), (0.25, 0.9), (0.26, 0.7), (0.5, 0.7), (1.0, 0.1)]
)
def test_top_share_is_rounded_up_and_never_empty(share, threshold):
    values = np.array([0.1, 0.9, 0.3, 0.7])
    assert top_share_threshold(values, share=share) == threshold


def test_top_share_is_not_raised_by_floating_point():
    values = np.arange(100.0)
    assert (values >= top_share_threshold(values, share=0.07)).sum() == 7


def test_ties_reach_the_top_share_together():
    values = np.array([0.5, 0.5, 0.5, 0.1])
    assert (values >= top_share_threshold(values, share=0.25)).sum() == 3


@pytest.mark.parametrize("share", [0.0, 1.1, float("nan")])
def test_top_share_refuses_a_share_outside_its_range(share):
    with pytest.raises(ValueError, match="must be above 0 and at most 1"):
        top_share_threshold(np.ones(3), share=share)


@pytest.mark.parametrize("shape", [(0,), (2, 2)])
def test_top_share_refuses_no_values(shape):
    with pytest.raises(ValueError, match=r"must be \(n_values >= 1,\)"):
        top_share_threshold(np.zeros(shape), share=0.5)


def test_top_share_refuses_nan():
    with pytest.raises(ValueError, match="values holds 1 NaN"):
        top_share_threshold(np.array([np.nan, 1.0]), share=0.5)


def test_match_is_the_first_point_that_reaches_the_goal():
    documents = np.array([10, 20, 30, 40])
    costs = np.array([np.nan, 0.5, 0.3, 0.4])
    assert documents_to_match(documents, costs, goal=0.5) == 20
    assert documents_to_match(documents, costs, goal=0.35) == 30
    assert documents_to_match(documents, costs, goal=0.2) is None


def test_match_refuses_points_out_of_order():
    with pytest.raises(ValueError, match="must be ascending counts"):
        documents_to_match(np.array([20, 10]), np.array([0.1, 0.2]), goal=0.1)


def test_match_refuses_arrays_of_different_length():
    with pytest.raises(ValueError, match=r"documents has shape \(1,\), costs \(2,\)"):
        documents_to_match(np.array([10]), np.array([0.1, 0.2]), goal=0.1)


def test_match_refuses_no_goal():
    with pytest.raises(ValueError, match="goal = NaN"):
        documents_to_match(np.array([10]), np.array([0.1]), goal=float("nan"))

from itertools import combinations

import numpy as np
import pytest

from equal_assets.algorithms.judging.verdicts import Verdict, check_lengths, pass_at_k


def test_pass_at_1_is_the_share_of_correct_samples():
    assert pass_at_k(10, 3, 1) == pytest.approx(0.3)


def test_pass_at_k_of_a_case_worked_by_hand():
    # 4 samples, 1 correct: of the 6 pairs, 3 hold it
    assert pass_at_k(4, 1, 2) == pytest.approx(0.5)


@pytest.mark.parametrize("n_samples", [1, 4, 7])
def test_pass_at_k_is_the_share_of_subsets_that_hold_a_correct_sample(n_samples):
    for n_correct in range(n_samples + 1):
        for k in range(1, n_samples + 1):
            subsets = list(combinations(range(n_samples), k))
            hits = [any(sample < n_correct for sample in subset) for subset in subsets]
            assert pass_at_k(n_samples, n_correct, k) == pytest.approx(np.mean(hits))


def test_pass_at_k_is_certain_where_too_few_are_wrong_and_impossible_where_none_is_right():
    assert pass_at_k(5, 3, 3) == 1.0
    assert pass_at_k(5, 0, 5) == 0.0


def test_pass_at_k_is_exact_for_counts_whose_binomials_overflow():
    assert pass_at_k(10_000, 1, 100) == pytest.approx(0.01)
    assert pass_at_k(10_000, 9_000, 1_000) == pytest.approx(1.0)


def test_pass_at_k_is_unbiased():
    rng = np.random.default_rng(0)
    estimates = [pass_at_k(8, int(c), 3) for c in rng.binomial(8, 0.2, size=20_000)]
    assert np.mean(estimates) == pytest.approx(1 - 0.8**3, abs=0.01)


def test_counts_outside_their_range_are_refused():
    with pytest.raises(ValueError, match=r"k = 6: must be 1 to 5 \(n_samples\)"):
        pass_at_k(5, 1, 6)
    with pytest.raises(ValueError, match="k = 0"):
        pass_at_k(5, 1, 0)
    with pytest.raises(ValueError, match="n_correct = 6: must be 0 to 5"):
        pass_at_k(5, 6, 1)


def test_a_verdict_has_a_reason_exactly_if_it_is_wrong():
    with pytest.raises(ValueError, match="must be a reason for wrong answers only"):
        Verdict(extracted="1", is_correct=False, reason=None)
    with pytest.raises(ValueError, match="must be a reason for wrong answers only"):
        Verdict(extracted="1", is_correct=True, reason="wrong value")


def test_each_output_needs_a_reference():
    with pytest.raises(ValueError, match="2 outputs and 1 references"):
        check_lengths(["a", "b"], ["a"])

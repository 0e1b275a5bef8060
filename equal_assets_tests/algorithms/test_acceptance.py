import numpy as np
import pytest

from equal_assets.algorithms.acceptance import PRIOR_VERDICTS, arm_acceptance, score_threshold


def test_nothing_reviewed_changes_nothing():
    assert arm_acceptance(np.zeros(3), np.zeros(3)).tolist() == [1.0, 1.0, 1.0]


def test_posterior_mean_by_hand():
    # the mean of the arms: (1 + 0 / 40) / (1 + 20 / 40) = 2/3
    found = arm_acceptance(np.array([0, 0]), np.array([20, 0]))
    assert PRIOR_VERDICTS == 20
    assert found == pytest.approx([20 * 2 / 3 / 40, 2 / 3])


def test_arm_of_rejected_pairs_falls_below_those_that_nobody_read_and_those_below_accepted():
    rejected, accepted, unread = arm_acceptance(np.array([0, 10, 0]), np.array([30, 10, 0]))
    assert rejected < 0.35 < unread < accepted <= 1


def test_more_rejections_never_raise_an_arm_and_few_move_it_little():
    shares = [arm_acceptance(np.array([0, 5]), np.array([n, 5]))[0] for n in range(40)]
    assert (np.diff(shares) < 0).all()
    assert shares[1] > 0.9


def test_neighbors_of_a_rejected_arm_fall_with_it():
    relatedness = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = arm_acceptance(np.zeros(3), np.array([20, 0, 0]), relatedness=relatedness)
    assert found[0] < found[1] < 0.7 * found[2]


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match=r"accepted = \[3\]: must be 0 to reviewed = \[2\]"):
        arm_acceptance(np.array([3]), np.array([2]))


def verdicts_on(rng, n, good):
    scores = rng.choice([0.02, 0.1, 0.3, 0.5], n)
    return scores, rng.random(n) < good(scores)


def test_threshold_parts_scores_that_reviewers_part():
    rng = np.random.default_rng(0)
    for n in (50, 200):
        found = score_threshold(*verdicts_on(rng, n, lambda s: np.where(s < 0.2, 0.1, 0.9)))
        assert 0.02 < found < 0.3


@pytest.mark.parametrize(("share", "most"), [(0.5, 4), (0.8, 0)])
def test_threshold_stays_where_the_score_tells_nothing(share, most):
    found = [
        score_threshold(
            *verdicts_on(np.random.default_rng(s), 100, lambda x: np.full(len(x), share))
        )
        for s in range(40)
    ]
    assert sum(threshold > 0 for threshold in found) <= most  # certain to 95%


def test_threshold_needs_more_than_a_few_verdicts():
    assert score_threshold(np.array([0.01, 0.5]), np.array([False, True])) == 0
    assert score_threshold(np.array([0.01, 0.5]), np.array([False, False])) == 0
    assert score_threshold(np.array([]), np.array([], dtype=bool)) == 0


def test_which_scores_were_looked_at_matters_little():
    rng = np.random.default_rng(1)

    def good(scores):
        return 1 / (1 + np.exp(-(2 + 2 * np.log(scores / (1 - scores)))))

    everywhere = rng.uniform(0.02, 0.9, 2_000)
    low = rng.uniform(0.02, 0.4, 2_000)
    found = [score_threshold(s, rng.random(len(s)) < good(s)) for s in (everywhere, low)]
    assert found == pytest.approx([1 / (1 + np.e)] * 2, abs=0.03)  # where good is one half

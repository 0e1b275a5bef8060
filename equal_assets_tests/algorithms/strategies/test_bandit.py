import math

import numpy as np
import pytest

from equal_assets.algorithms.strategies.bandit import (
    ArmStatistics,
    CreditedArms,
    credited_scores,
    ds_scores,
    exploration_bonuses,
    exploration_weight,
    greedy_scores,
)


def statistics(rewards, pulls):
    return ArmStatistics(rewards=np.array(rewards, dtype=float), pulls=np.array(pulls))


def test_scores_of_three_arms_worked_by_hand():
    # sum of pulls 3: alpha = 1/4; sqrt(2 ln 3 / 1) = 1.482304, sqrt(2 ln 3 / 2) = 1.048147
    scores = ds_scores(statistics([-0.5, -0.4, 0.0], [1, 2, 0]))
    np.testing.assert_allclose(scores, [-0.129424, -0.137963, math.inf], atol=1e-6)


def test_bonuses_of_two_arms_worked_by_hand():
    # sum of pulls 8: alpha = 1/9; sqrt(2 ln 8 / 2) = 1.442027, sqrt(2 ln 8 / 6) = 0.832555
    np.testing.assert_allclose(exploration_bonuses(np.array([2, 6])), [0.160225, 0.092506], 1e-5)


def test_untried_arm_scores_infinity_whatever_reward_it_is_given():
    scores = ds_scores(statistics([math.nan, -math.inf, -0.1], [0, 0, 4]))
    assert scores[0] == scores[1] == math.inf
    assert math.isfinite(scores[2])


def test_all_arms_untried_score_infinity():
    assert (ds_scores(statistics([0.0, 0.0], [0, 0])) == math.inf).all()


def test_first_pull_leaves_its_arm_without_bonus():
    np.testing.assert_array_equal(exploration_bonuses(np.array([1, 0])), [0.0, math.inf])


def test_exploration_weight_decays_with_all_pulls_together():
    assert exploration_weight(np.array([0, 0])) == 1.0
    assert exploration_weight(np.array([1, 2, 0])) == 0.25
    assert exploration_weight(np.array([49, 50])) == 0.01


def test_bonus_falls_with_pulls_of_the_arm_itself():
    bonuses = exploration_bonuses(np.array([1, 2, 5, 40]))
    assert (np.diff(bonuses) < 0).all()


def test_bonus_of_an_arm_fades_as_others_are_pulled():
    # the paper's alpha decays faster than the square root of the logarithm grows
    bonuses = [exploration_bonuses(np.array([3, others]))[0] for others in (5, 50, 500)]
    assert bonuses[0] > bonuses[1] > bonuses[2]


def test_at_equal_pulls_the_higher_reward_scores_higher():
    scores = ds_scores(statistics([-0.3, -0.2, -0.9], [4, 4, 4]))
    assert list(np.argsort(-scores)) == [1, 0, 2]


def test_scoring_leaves_the_statistics_as_they_were():
    state = statistics([math.nan, -0.5], [0, 3])
    ds_scores(state)
    np.testing.assert_array_equal(state.rewards, [math.nan, -0.5])
    np.testing.assert_array_equal(state.pulls, [0, 3])


@pytest.mark.parametrize(("rewards", "pulls"), [([0.1], [1, 2]), ([0.1, 0.2], [1])])
def test_statistics_of_different_shapes_are_refused(rewards, pulls):
    with pytest.raises(ValueError, match="rewards and pulls differ in shape"):
        statistics(rewards, pulls)


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="pulls holds -1: must be >= 0"):
        statistics([0.1, 0.2], [-1, 2])


def test_greedy_scores_are_the_rewards_and_untried_arms_come_last():
    scores = greedy_scores(statistics([-0.5, 0.0, -0.4], [1, 0, 2]))
    np.testing.assert_array_equal(scores, [-0.5, -math.inf, -0.4])


def test_credited_scores_worked_by_hand():
    # credits 4 in all: sqrt(2 ln 4 / 5) = 0.744659 for the first, sqrt(2 ln 4 / 1) for the second
    arms = CreditedArms(reward_sums=np.array([-2.0, 0.0]), credited_pulls=np.array([4.0, 0.0]))
    scores = credited_scores(arms, exploration=0.001)
    np.testing.assert_allclose(scores, [-0.5 + 0.000744659, 0.001665109], atol=1e-8)


def test_credited_scores_before_the_first_round_are_zero():
    arms = CreditedArms(reward_sums=np.zeros(3), credited_pulls=np.zeros(3))
    np.testing.assert_array_equal(credited_scores(arms, exploration=0.001), np.zeros(3))

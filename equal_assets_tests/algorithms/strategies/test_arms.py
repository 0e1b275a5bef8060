import math

import numpy as np
import pytest

from equal_assets.algorithms.strategies.arms import (
    ArmBandit,
    AuthorsBandit,
    ScoredArmBandit,
    UniformArms,
)
from equal_assets.algorithms.strategies.bandit import ds_scores, greedy_scores
from equal_assets.algorithms.strategies.strategy import ExtractedPairs
from equal_assets_tests.algorithms.worlds import N_DIMENSIONS, corpus, planted_world, target, unit

NOTHING = ExtractedPairs(
    documents=np.zeros(0, dtype=np.int64),
    embeddings=np.zeros((0, N_DIMENSIONS), np.float32),
    answer_lengths=np.zeros(0),
)


def bandit(unread, *, rewards, pulls, score=ds_scores, documents_per_pull=10):
    """Return a bandit over arms of these sizes, with this history."""
    documents = np.random.default_rng(0).normal(size=(sum(unread), N_DIMENSIONS))
    player = ArmBandit(
        corpus(documents, np.repeat(np.arange(len(unread)), unread)),
        target(np.eye(N_DIMENSIONS)[:1]),
        score,
        documents_per_pull=documents_per_pull,
        rng=np.random.default_rng(0),
    )
    state = {"rewards": np.array(rewards, float), "pulls": np.array(pulls, float)}
    player.restore(state, np.zeros(0, dtype=int))
    return player


def sizes(player, n_documents, seed=0):
    pulls = player.plan(n_documents, np.random.default_rng(seed))
    return [(pull.arm, len(pull.documents)) for pull in pulls]


def test_paper_pulls_the_best_scored_arms_and_stops_at_the_round_size():
    player = bandit([90] * 4, rewards=[-0.5, -0.2, -0.3, -0.4], pulls=[4] * 4)
    assert sizes(player, 30) == [(1, 10), (2, 10), (3, 10)]


def test_paper_follows_the_score_and_not_the_reward_alone():
    # sum of pulls 3: scores -0.129 (reward -0.5, one pull) and -0.138 (reward -0.4, two pulls)
    player = bandit([90, 90], rewards=[-0.4, -0.5], pulls=[2, 1])
    assert sizes(player, 10) == [(1, 10)]
    greedy = bandit([90, 90], rewards=[-0.4, -0.5], pulls=[2, 1], score=greedy_scores)
    assert sizes(greedy, 10) == [(0, 10)]


def test_paper_tops_the_round_up_when_an_arm_runs_out():
    player = bandit([100, 4, 100], rewards=[-0.5, -0.2, -0.3], pulls=[10] * 3)
    assert sizes(player, 20) == [(1, 4), (2, 10), (0, 6)]


def test_paper_goes_round_again_when_there_are_fewer_arms_than_pulls():
    player = bandit([15, 25], rewards=[-0.1, -0.2], pulls=[5, 5])
    assert sizes(player, 38) == [(0, 10), (1, 10), (0, 5), (1, 10), (1, 3)]


def test_paper_tries_untried_arms_before_any_other():
    player = bandit([50] * 4, rewards=[-0.01, 0, -0.02, 0], pulls=[5, 0, 5, 0])
    pulled = [arm for arm, _ in sizes(player, 30)]
    assert set(pulled[:2]) == {1, 3}
    assert pulled[2] == 0


def test_paper_takes_untried_arms_in_random_order():
    player = bandit([50] * 4, rewards=[0] * 4, pulls=[0] * 4)
    assert {sizes(player, 10, seed)[0][0] for seed in range(40)} == {0, 1, 2, 3}


def test_without_exploration_untried_arms_wait():
    player = bandit([20] * 3, rewards=[0, -0.9, 0], pulls=[0, 1, 0], score=greedy_scores)
    assert [arm for arm, _ in sizes(player, 20)] == [1, 0] or sizes(player, 20)[0] == (1, 10)


def test_paper_keeps_the_parts_of_the_score_that_chose_a_pull():
    player = bandit([9, 9], rewards=[-0.4, -0.5], pulls=[2, 1])
    (pull,) = player.plan(9, np.random.default_rng(0))
    assert pull.mean_reward == -0.5
    assert pull.exploration_bonus == pytest.approx(math.sqrt(2 * math.log(3)) / 4)
    assert pull.ucb_score == pull.mean_reward + pull.exploration_bonus


def test_paper_keeps_no_score_for_an_arm_never_pulled():
    player = bandit([9, 9], rewards=[0, -0.5], pulls=[0, 1])
    (pull,) = player.plan(9, np.random.default_rng(0))
    assert (pull.arm, pull.mean_reward, pull.exploration_bonus, pull.ucb_score) == (
        0,
        None,
        None,
        None,
    )


def test_paper_learns_the_latest_reward_and_counts_pulls():
    player = bandit([30, 30], rewards=[0, 0], pulls=[0, 0])
    pulls = player.plan(20, np.random.default_rng(0))
    player.observe(pulls, NOTHING, [-0.3, -0.6])
    again = player.plan(20, np.random.default_rng(1))
    player.observe(again, NOTHING, [-0.5 if pull.arm == pulls[0].arm else -0.9 for pull in again])
    assert player.rewards[pulls[0].arm] == -0.5
    np.testing.assert_array_equal(player.pulls, [2, 2])


def scored_bandit():
    world = planted_world(0, n_arms=3, per_arm=20, best=1)
    return ScoredArmBandit(
        world.corpus,
        world.target,
        documents_per_pull=5,
        without_pairs=-1.0,
        rng=np.random.default_rng(0),
    )


def test_reward_from_scores_is_their_mean_and_the_worst_without_pairs():
    player, pairs = scored_bandit(), np.zeros((2, N_DIMENSIONS), np.float32)
    assert player.reward(pairs, np.array([0.5, 0.25])) == 0.375
    assert player.reward(pairs[:0], np.zeros(0)) == -1.0


def test_bandit_that_learns_from_scores_refuses_pairs_without_them():
    with pytest.raises(ValueError, match="pair_scores = None: must be the scores of the pairs"):
        scored_bandit().reward(np.zeros((2, N_DIMENSIONS), np.float32))


def test_uniform_arms_ignore_the_size_of_arms():
    documents = np.random.default_rng(0).normal(size=(1010, N_DIMENSIONS))
    arms = np.repeat([0, 1], [1000, 10])
    firsts = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        player = UniformArms(
            corpus(documents, arms), target(documents[:1]), documents_per_pull=5, rng=rng
        )
        firsts.append(player.plan(5, rng)[0].arm)
    assert np.mean(firsts) == pytest.approx(0.5, abs=0.08)


def neighbors_world():
    """Return documents in four arms: 0 and 1 lie together, 2 and 3 far from all others."""
    centers = np.eye(N_DIMENSIONS)[[0, 0, 1, 2]]
    return corpus(np.repeat(centers, 20, axis=0), np.repeat(np.arange(4), 20))


def authors(*, documents_per_pull=10):
    questions = unit(np.eye(N_DIMENSIONS)[:1])
    return AuthorsBandit(
        neighbors_world(), target(questions), documents_per_pull=documents_per_pull
    )


def test_authors_take_the_first_round_by_index_and_documents_in_corpus_order():
    pulls = authors().plan(20, np.random.default_rng(0))
    assert [pull.arm for pull in pulls] == [0, 1]
    assert pulls[0].documents == tuple(range(10))


def test_authors_credit_a_reward_to_neighbors_and_count_credits():
    player = authors()
    pulls = player.plan(30, np.random.default_rng(0))  # arms 0, 1 and 2
    player.observe(pulls, NOTHING, [-0.2, -0.4, -0.1])
    np.testing.assert_allclose(player.arms.reward_sums, [-0.6, -0.6, -0.1, 0.0])
    np.testing.assert_array_equal(player.arms.credited_pulls, [2, 2, 1, 0])
    np.testing.assert_allclose(player.arms.mean_rewards(), [-0.3, -0.3, -0.1, 0.0])
    # round 2: the arm without credit scores above all negative means, then arm 2
    assert [pull.arm for pull in player.plan(20, np.random.default_rng(0))] == [3, 2]


def test_authors_never_use_an_arm_with_less_than_a_pull_left_while_others_have_one():
    player = authors(documents_per_pull=15)
    pulls = player.plan(60, np.random.default_rng(0))
    player.observe(pulls, NOTHING, [0.5, 0.5, -0.5, -0.5])
    assert [len(pull.documents) for pull in pulls] == [15] * 4
    rest = player.plan(20, np.random.default_rng(0))  # 5 left in each: by score
    assert {pull.arm for pull in rest[:2]} == {0, 1}


def test_authors_reward_is_one_minus_euclidean_ot_minus_a_constant():
    player = authors()
    pair = unit(np.eye(N_DIMENSIONS)[1:2])
    assert player.reward(pair) == pytest.approx(1 - math.sqrt(2) - 0.12)
    assert player.reward(np.zeros((0, N_DIMENSIONS))) == -1.0


def test_arms_that_hold_too_little_are_refused():
    world = planted_world(0, n_arms=2, per_arm=3, best=1)
    player = UniformArms(
        world.corpus, world.target, documents_per_pull=2, rng=np.random.default_rng(0)
    )
    assert sum(len(p.documents) for p in player.plan(99, np.random.default_rng(0))) == 6


def test_rejected_pairs_are_worth_as_much_as_none():
    player = bandit([90] * 2, rewards=[-0.2, -0.3], pulls=[20, 20])
    assert sizes(player, 10) == [(0, 10)]
    player.heed(np.array([10, 10]), np.array([10, 10]))
    assert sizes(player, 10) == [(0, 10)]
    player.heed(np.array([0, 10]), np.array([30, 10]))
    assert sizes(player, 10) == [(1, 10)]
    [pull] = player.plan(1, np.random.default_rng(0))
    share = player.acceptance[1]
    assert pull.mean_reward == pytest.approx(
        share * -0.3 + (1 - share) * player.reward(NOTHING.embeddings)
    )

import math
from typing import get_args

import numpy as np
import pytest

from equal_assets.algorithms.bandit import ArmStatistics
from equal_assets.algorithms.selection import STRATEGIES, plan_round
from equal_assets.settings import Strategy


def statistics(rewards, pulls, unread):
    return ArmStatistics(
        rewards=np.array(rewards, dtype=float), pulls=np.array(pulls), n_unread=np.array(unread)
    )


def plan(strategy, state, *, n_documents, documents_per_pull=10, seed=0):
    return plan_round(
        strategy,
        state,
        n_documents=n_documents,
        documents_per_pull=documents_per_pull,
        rng=np.random.default_rng(seed),
    )


def sizes(pulls):
    return [(pull.arm, pull.n_documents) for pull in pulls]


def random_states(n_states):
    """States with untried, exhausted and nearly exhausted arms."""
    rng = np.random.default_rng(7)
    for _ in range(n_states):
        n_arms = int(rng.integers(1, 9))
        yield statistics(
            -rng.random(n_arms), rng.integers(0, 4, n_arms), rng.integers(0, 26, n_arms)
        )


def test_strategies_are_those_that_the_settings_allow():
    assert set(STRATEGIES) == set(get_args(Strategy))


def test_unknown_strategy_is_refused_with_the_known_ones():
    state = statistics([0.0], [0], [5])
    with pytest.raises(ValueError, match=r"strategy = 'greedy'; allowed: equal-paper, random"):
        plan("greedy", state, n_documents=1)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_round_asks_for_exactly_its_documents_and_never_for_more_than_are_unread(strategy):
    n_short = 0
    for seed, state in enumerate(random_states(200)):
        n_unread = int(state.n_unread.sum())
        pulls = plan(strategy, state, n_documents=30, documents_per_pull=7, seed=seed)
        asked = np.zeros(len(state.pulls), dtype=int)
        for pull in pulls:
            assert pull.n_documents >= 1
            asked[pull.arm] += pull.n_documents
        assert asked.sum() == min(30, n_unread)
        assert (asked <= state.n_unread).all()
        n_short += n_unread < 30
    assert 0 < n_short < 200  # both sides of the minimum were seen


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_same_rng_state_gives_the_same_round_and_another_seed_another(strategy):
    state = statistics(np.zeros(20), np.zeros(20, dtype=int), np.full(20, 50))
    rounds = [plan(strategy, state, n_documents=60, seed=seed) for seed in (3, 3, 4)]
    assert rounds[0] == rounds[1]
    assert rounds[0] != rounds[2]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("n_documents", "unread"), [(0, [5, 5]), (10, [0, 0])])
def test_nothing_to_ask_for_gives_no_pull(strategy, n_documents, unread):
    assert plan(strategy, statistics([0, 0], [1, 0], unread), n_documents=n_documents) == []


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_planning_leaves_the_state_as_it_was(strategy):
    state = statistics([-0.5, -0.2], [1, 1], [6, 6])
    plan(strategy, state, n_documents=9)
    np.testing.assert_array_equal(state.n_unread, [6, 6])
    np.testing.assert_array_equal(state.pulls, [1, 1])


def test_paper_pulls_the_best_scored_arms_and_stops_at_the_round_size():
    state = statistics([-0.5, -0.2, -0.3, -0.4], [4, 4, 4, 4], [90, 90, 90, 90])
    assert sizes(plan("equal-paper", state, n_documents=30)) == [(1, 10), (2, 10), (3, 10)]


def test_paper_follows_the_score_and_not_the_reward_alone():
    # sum of pulls 3: scores -0.129 (reward -0.5, one pull) and -0.138 (reward -0.4, two pulls)
    state = statistics([-0.4, -0.5], [2, 1], [90, 90])
    assert sizes(plan("equal-paper", state, n_documents=10)) == [(1, 10)]


def test_paper_tops_the_round_up_when_an_arm_runs_out():
    state = statistics([-0.5, -0.2, -0.3], [10, 10, 10], [100, 4, 100])
    assert sizes(plan("equal-paper", state, n_documents=20)) == [(1, 4), (2, 10), (0, 6)]


def test_paper_skips_an_arm_without_unread_documents():
    state = statistics([-0.5, -0.2, -0.3], [10, 10, 10], [100, 0, 100])
    assert sizes(plan("equal-paper", state, n_documents=20)) == [(2, 10), (0, 10)]


def test_paper_goes_round_again_when_there_are_fewer_arms_than_pulls():
    state = statistics([-0.1, -0.2], [5, 5], [15, 25])
    expected = [(0, 10), (1, 10), (0, 5), (1, 10), (1, 3)]
    assert sizes(plan("equal-paper", state, n_documents=38)) == expected


def test_paper_tries_untried_arms_before_any_other():
    state = statistics([-0.01, 0, -0.02, 0], [5, 0, 5, 0], [50, 50, 50, 50])
    pulls = plan("equal-paper", state, n_documents=30)
    assert {pull.arm for pull in pulls[:2]} == {1, 3}
    assert pulls[2].arm == 0


def test_paper_takes_untried_arms_in_random_order():
    state = statistics([0] * 4, [0] * 4, [50] * 4)
    firsts = {plan("equal-paper", state, n_documents=10, seed=seed)[0].arm for seed in range(40)}
    assert firsts == {0, 1, 2, 3}


def test_paper_keeps_the_parts_of_the_score_that_chose_a_pull():
    (pull,) = plan("equal-paper", statistics([-0.4, -0.5], [2, 1], [9, 9]), n_documents=9)
    assert pull.mean_reward == -0.5
    assert pull.exploration_bonus == pytest.approx(math.sqrt(2 * math.log(3)) / 4)
    assert pull.ucb_score == pull.mean_reward + pull.exploration_bonus


def test_paper_keeps_no_score_for_an_arm_never_pulled():
    (pull,) = plan("equal-paper", statistics([0, -0.5], [0, 1], [9, 9]), n_documents=9)
    assert (pull.arm, pull.mean_reward, pull.exploration_bonus, pull.ucb_score) == (
        0,
        None,
        None,
        None,
    )


def share_of_best_arm(strategy, seed, *, n_arms=12, best=8, n_rounds=40):
    """Play rounds of one pull against noisy arms; return the best arm's share of the documents."""
    world = np.random.default_rng([seed, 99])
    means = np.full(n_arms, -0.7)
    means[best] = -0.5
    sums, pulls = np.zeros(n_arms), np.zeros(n_arms, dtype=int)
    documents = np.zeros(n_arms, dtype=int)
    for number in range(n_rounds):
        state = statistics(sums / np.maximum(pulls, 1), pulls, np.full(n_arms, 10_000))
        for pull in plan(strategy, state, n_documents=10, seed=1000 * seed + number):
            sums[pull.arm] += means[pull.arm] + world.normal(0, 0.05)
            pulls[pull.arm] += 1
            documents[pull.arm] += pull.n_documents
    return documents[best] / documents.sum()


@pytest.mark.parametrize("seed", range(8))
def test_paper_finds_the_planted_best_arm(seed):
    # 12 of the 40 pulls try every arm once; nearly all that follow go to the best
    assert share_of_best_arm("equal-paper", seed) > 0.6
    assert share_of_best_arm("random", seed) < 0.2


def test_random_draws_documents_uniformly_so_arms_in_proportion_to_what_is_unread():
    state = statistics([-0.9, -0.1, -0.5, 0], [3, 7, 0, 0], [10, 30, 60, 0])
    rng = np.random.default_rng(0)
    n_draws, drawn = 3000, np.zeros(4)
    for _ in range(n_draws):
        for pull in plan_round("random", state, n_documents=10, documents_per_pull=5, rng=rng):
            drawn[pull.arm] += pull.n_documents
    np.testing.assert_allclose(drawn / n_draws, [1, 3, 6, 0], atol=0.1)  # 4 standard errors


def test_random_records_arms_once_and_without_a_score():
    pulls = plan("random", statistics([-0.9, -0.1], [3, 7], [40, 40]), n_documents=60)
    assert [pull.arm for pull in pulls] == [0, 1]
    assert all(pull.ucb_score is None and pull.mean_reward is None for pull in pulls)


def test_random_asked_for_everything_takes_everything():
    pulls = plan("random", statistics([0, 0, 0], [0, 0, 0], [3, 0, 8]), n_documents=99)
    assert sizes(pulls) == [(0, 3), (2, 8)]

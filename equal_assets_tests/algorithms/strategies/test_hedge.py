from dataclasses import replace

import numpy as np
import pytest

from equal_assets.algorithms.strategies import hedge
from equal_assets.algorithms.strategies.hedge import (
    AUDIT,
    CENTRAL,
    LEARNED,
    NEAREST,
    Hedge,
    turns,
)
from equal_assets_tests.algorithms.worlds import (
    N_DIMENSIONS,
    World,
    corpus,
    near,
    planted_world,
    play,
    strategy,
    target,
)

BUDGET = 400


def asked(rounds):
    return [row for pulls in rounds for pull in pulls for row in pull.documents]


def credited(rates, *, n_rounds=30, n_each=5, spread=0.5, seed=0):
    """Return a hedge that has seen documents of every rule, of noisy rates."""
    rng, book = np.random.default_rng(seed), Hedge()
    for _ in range(n_rounds):
        rules = np.repeat(np.arange(3), n_each)
        costs = rng.uniform(0.5, 2.0, size=len(rules))
        noise = rng.lognormal(-(spread**2) / 2, spread, size=len(rules))
        book.credit(rules, np.array(rates)[rules] * costs * noise, costs)
    return book


def test_learned_rule_leads_until_there_is_evidence():
    assert Hedge().leader() == LEARNED
    assert credited([0.1, 5.0, 0.1], n_rounds=1).leader() == LEARNED


@pytest.mark.parametrize("better", [NEAREST, CENTRAL])
def test_simple_rule_that_brings_more_leads(better):
    rates = np.ones(3)
    rates[better] = 1.5
    assert {credited(rates, seed=seed).leader() for seed in range(20)} == {better}


def test_rules_that_bring_the_same_leave_the_lead_where_it_is():
    leaders = [credited([1.0, 1.0, 1.0], seed=seed).leader() for seed in range(200)]
    assert np.mean([leader == LEARNED for leader in leaders]) > 0.9


def test_rates_are_per_cost_and_relative_to_their_round():
    book = Hedge()
    for scale in (100.0, 10.0, 1.0, 0.1) * 5:  # gains fall as the target is covered
        rules = np.array([LEARNED, LEARNED, LEARNED, NEAREST])
        gains = scale * np.array([1.0, 1.1, 0.9, 3.0])
        book.credit(rules, gains, np.array([1.0, 1.0, 1.0, 6.0]))
    assert book.leader() == LEARNED
    np.testing.assert_allclose(book.sums[3, NEAREST] / book.sums[3, LEARNED], 1.0, rtol=1e-6)


def test_rule_that_does_not_lead_is_owed_its_share_of_all_costs():
    book = Hedge()
    book.credit(np.full(40, LEARNED), np.ones(40), np.full(40, 2.0))
    np.testing.assert_allclose(book.owed, [0.0, AUDIT * 80, AUDIT * 80])
    book.credit(np.array([NEAREST]), np.ones(1), np.array([3.0]))
    np.testing.assert_allclose(book.owed, [0.0, AUDIT * 83 - 3, AUDIT * 83])


@pytest.mark.parametrize("weights", [[0.25] * 4, [0.7, 0.1, 0.2, 0.0], [1.0]])
def test_turns_follow_the_weights_and_go_on_where_they_ended(weights):
    weights = np.array(weights)
    whole = turns(weights, first=0, n_turns=100)
    parts = [turns(weights, first=first, n_turns=20) for first in range(0, 100, 20)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    counts = np.bincount(whole, minlength=len(weights))
    assert np.abs(counts - 100 * weights).max() <= 1


@pytest.mark.parametrize("name", ["round-robin", "document-similarity"])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_read_includes_the_beginning_of_the_order_of_each_simple_rule(name, seed):
    world = planted_world(seed, n_arms=12, per_arm=60)
    pairs = {row: rows[:0] for row, rows in world.pairs.items()}  # no evidence: learned rule leads
    lengths = {row: np.zeros(0) for row in pairs}
    barren = replace(world, pairs=pairs, lengths=lengths)
    n_documents = 300
    rows = asked(play(strategy("equal", barren), barren, n_rounds=30, n_documents=10))
    own = strategy(name, barren, n_documents=n_documents)
    (first,) = play(own, barren, n_rounds=1, n_documents=int(AUDIT * n_documents))
    assert set(asked([first])) <= set(rows)


def modes(rng, *, n_modes=4, n_questions=40):
    """Return the centers of a target of several kinds of questions, and its questions."""
    centers = np.eye(N_DIMENSIONS)[:n_modes]
    each = n_questions // n_modes
    return centers, np.concatenate([near(c, each, rng, spread=0.1) for c in centers])


def world_of(documents, arms, questions, has_pairs, rng, costs=None):
    """Return documents that yield a pair like themselves, or nothing."""
    pairs = {
        row: near(documents[row], int(has), rng, spread=0.02) for row, has in enumerate(has_pairs)
    }
    lengths = {row: np.full(len(rows), 100.0) for row, rows in pairs.items()}
    return World(corpus(documents, arms, costs=costs), target(questions), pairs, lengths)


def where_nearest_fails(rng):
    """The nearest documents, in arms of their own, hold nothing; those behind them do."""
    centers, questions = modes(rng)
    lures = np.concatenate([near(center, 150, rng, spread=0.05) for center in centers])
    good = np.concatenate([near(center, 150, rng, spread=0.25) for center in centers])
    arms = np.concatenate([np.repeat(np.arange(4), 150), np.repeat(np.arange(4, 8), 150)])
    has_pairs = np.arange(1200) >= 600
    return world_of(np.concatenate([lures, good]), arms, questions, has_pairs, rng)


def where_the_mean_fails(rng):
    """Between the kinds of questions lies what is like all of them and holds nothing."""
    centers, questions = modes(rng)
    lures = near(centers.sum(axis=0) / 2, 600, rng, spread=0.05)
    good = np.concatenate([near(center, 150, rng) for center in centers])
    arms = np.concatenate([np.zeros(600, int), np.repeat(np.arange(1, 5), 150)])
    has_pairs = np.arange(1200) >= 600
    return world_of(np.concatenate([lures, good]), arms, questions, has_pairs, rng)


def where_learning_fails(rng):
    """In every arm short documents promise as much as long ones, and hold nothing."""
    centers, questions = modes(rng)
    documents = np.concatenate([near(center, 600, rng, spread=0.1) for center in centers])
    is_long = np.arange(len(documents)) % 4 == 0
    costs = np.where(is_long, 4.0, 1.0)
    arms = np.repeat(np.arange(4), 600)
    return world_of(documents, arms, questions, is_long, rng, costs=costs)


def covered(world, name, *, budget):
    """Return the coverage by what a rule reads for a budget of costs."""
    player = strategy(name, world, n_documents=world.corpus.n_documents)
    spent, number, rows = 0.0, 0, []
    while spent < budget and len(rows) < world.corpus.n_documents:
        new = asked(play(player, world, n_rounds=1, n_documents=10, first=number))
        rows, number = rows + new, number + 1
        spent += world.corpus.costs[new].sum()
    rows = np.array(rows)[np.cumsum(world.corpus.costs[rows]) <= budget]
    judge = strategy("equal", world)
    masses = sum(judge.kernel(world.pairs[row]).sum(axis=0) for row in rows)
    return world.target.weights @ np.log1p(masses)


@pytest.mark.parametrize(
    ("make_world", "fails", "budget"),
    [
        (where_nearest_fails, "round-robin", BUDGET),
        (where_the_mean_fails, "document-similarity", BUDGET),
        (where_learning_fails, "learned", 4 * BUDGET),
    ],
)
def test_is_not_worse_than_the_best_rule_wherever_another_one_fails(
    make_world, fails, budget, monkeypatch
):
    world = make_world(np.random.default_rng(0))
    reached = {
        name: covered(world, name, budget=budget)
        for name in ("equal", "round-robin", "document-similarity")
    }
    monkeypatch.setattr(hedge, "AUDIT", 0.0)
    reached["learned"] = covered(world, "equal", budget=budget)
    best = max(reached.values())
    assert reached[fails] < 0.7 * best
    assert reached["equal"] >= (1 - 2 * AUDIT) * best

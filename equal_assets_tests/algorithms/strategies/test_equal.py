from dataclasses import replace

import numpy as np
import pytest

from equal_assets.algorithms.strategies import hedge
from equal_assets.algorithms.strategies.equal import TRUSTS, EqualStrategy
from equal_assets.algorithms.strategies.strategy import ExtractedPairs, Pull
from equal_assets.algorithms.yields import Yields
from equal_assets_tests.algorithms.worlds import (
    N_DIMENSIONS,
    corpus,
    near,
    parameters,
    planted_world,
    play,
    strategy,
    target,
    unit,
)


def equal(world, *, n_documents=200, **changes):
    return make(world.corpus, world.target, n_documents=n_documents, **changes)


def make(corpus, target, *, n_documents, seed=0, **changes):
    rng = np.random.default_rng(seed)
    return EqualStrategy(corpus, target, parameters(**changes), n_documents=n_documents, rng=rng)


def asked(rounds):
    return [row for pulls in rounds for pull in pulls for row in pull.documents]


def observe(player, rows, embeddings, owners, lengths):
    """Let a strategy observe that documents yielded pairs."""
    arms = player.corpus.arms
    pulls = [
        Pull(arm=int(arm), documents=tuple(row for row in rows if arms[row] == arm))
        for arm in np.unique(arms[rows])
    ]
    pairs = ExtractedPairs(
        documents=np.array(owners, dtype=np.int64),
        embeddings=unit(embeddings) if len(embeddings) else np.zeros((0, N_DIMENSIONS), np.float32),
        answer_lengths=np.array(lengths, dtype=float),
    )
    player.observe(pulls, pairs, [0.0] * len(pulls))


def test_first_round_takes_the_documents_nearest_to_the_target():
    world = planted_world(0)
    rows = asked(play(equal(world), world, n_rounds=1, n_documents=20))
    assert (world.corpus.arms[rows] == 3).mean() > 0.8


def test_lazy_choice_is_the_exact_greedy_choice(monkeypatch):
    monkeypatch.setattr(hedge, "AUDIT", 0.0)  # no document goes to another rule
    world = planted_world(4, n_arms=6, per_arm=30)
    player = equal(world, temperature=1.0)
    yields = np.linspace(0.2, 2.0, world.corpus.n_arms)
    chosen, gains = player._choose(40, yields, 0.5)
    masses, left = np.zeros(len(world.target.embeddings)), set(range(world.corpus.n_documents))
    mass = player.predicted_mass.astype(float)
    for row, gain in zip(chosen, gains, strict=True):
        worth = world.target.weights / (1 + masses)
        predictions = mass @ worth / worth.sum()
        expected = predictions**0.5 * worth.sum() * yields[world.corpus.arms]
        best = max(left, key=lambda r: expected[r])
        assert expected[row] == pytest.approx(expected[best], rel=1e-4)
        assert gain == pytest.approx(expected[row], rel=1e-4)
        left.remove(row)
        masses += mass[row] * yields[world.corpus.arms[row]] * predictions[row] ** -0.5


def test_questions_are_covered_in_turn_where_similarity_alone_stays_with_one():
    rng = np.random.default_rng(0)
    centers = np.eye(N_DIMENSIONS)[:3]
    documents = np.concatenate([near(center, 40, rng, spread=0.1) for center in centers])
    documents[:40] = near(centers[0], 40, rng, spread=0.02)  # the nearest by far
    player = make(corpus(documents, np.repeat(np.arange(3), 40)), target(centers), n_documents=30)
    arms = player.corpus.arms[asked([player.plan(30, np.random.default_rng(0))])]
    assert np.bincount(arms, minlength=3).min() >= 5


def test_arm_without_pairs_loses_yield_and_its_neighbors_lose_less():
    world = planted_world(0)
    player = equal(world)
    before, _ = player.yields(len(TRUSTS) - 1)
    rows = np.flatnonzero(world.corpus.arms == 3)[:10]
    observe(player, rows, [], [], [])
    after, _ = player.yields(len(TRUSTS) - 1)
    np.testing.assert_array_equal(before, np.ones(world.corpus.n_arms))
    assert after[3] < 0.5
    assert (after[3] < np.delete(after, 3)).all()


def test_pair_with_a_short_answer_counts_less_and_a_long_one_no_more_than_whole():
    world = planted_world(0)
    masses = []
    for length in (25, 100, 400):
        player = equal(world)
        observe(player, [0], world.target.embeddings[:1], [0], [length])
        masses.append(player.masses.sum())
    assert masses[0] == pytest.approx(masses[1] / 4, rel=1e-5)
    assert masses[2] == masses[1]
    player = equal(world, answer_length=0.0)
    observe(player, [0], world.target.embeddings[:1], [0], [25])
    assert player.masses.sum() == pytest.approx(masses[1])


def test_uncertainty_falls_with_what_was_asked_of_an_arm():
    world = planted_world(0)
    player = equal(world, n_documents=400)
    deviations = []
    for start in (0, 10, 20):
        rows = np.flatnonzero(world.corpus.arms == 3)[start : start + 10]
        observe(player, rows, np.concatenate([world.pairs[row] for row in rows]), rows, [100] * 10)
        deviations.append(player.yields(len(TRUSTS) - 1)[1][3])
    assert deviations[0] > deviations[1] > deviations[2]


def test_documents_are_trusted_where_they_tell_and_not_where_they_do_not():
    trusts = {}
    for tells in (True, False):
        world = planted_world(2, documents_tell=tells, per_arm=60)
        player = equal(world)
        play(player, world, n_rounds=15)
        trusts[tells] = TRUSTS[player.trust()]
    assert trusts[True] > trusts[False]


def test_costs_decide_between_documents_that_promise_the_same():
    documents = np.repeat(np.eye(N_DIMENSIONS)[:1], 6, axis=0)
    player = make(
        corpus(documents, [0] * 6, costs=[5, 1, 3, 2, 6, 4]),
        target(np.eye(N_DIMENSIONS)[:1]),
        n_documents=6,
    )
    (pull,) = player.plan(3, np.random.default_rng(0))
    assert set(pull.documents) == {1, 3, 2}


def test_expected_gain_falls_as_the_target_is_covered():
    world = planted_world(0)
    player = strategy("equal", world)
    gains = []
    for number in range(10):
        play(player, world, n_rounds=1, n_documents=20, first=number)
        gains.append(player.expected_gain)
    assert gains[-1] < 0.5 * gains[0]


def test_documents_outside_the_shortlist_follow_when_it_is_used_up(monkeypatch):
    monkeypatch.setattr("equal_assets.algorithms.strategies.equal.SHORTLIST_MINIMUM", 20)
    world = planted_world(0, n_arms=4, per_arm=25)
    player = equal(world, n_documents=5)
    assert len(player.candidates) == 20
    rows = asked(play(player, world, n_rounds=10, n_documents=10))
    assert sorted(rows) == list(range(100))
    assert set(rows[:20]) == set(player.candidates.tolist())


def with_yields(world, pairs, answer_lengths):
    return replace(
        world,
        corpus=replace(world.corpus, yields=Yields(np.array(pairs), np.array(answer_lengths))),
    )


def test_first_round_takes_the_documents_whose_texts_promise_pairs():
    world = planted_world(0)
    rich = np.zeros(world.corpus.n_documents, dtype=bool)
    rich[::2] = True
    promising = with_yields(world, np.where(rich, 5.0, 0.1), np.full(len(rich), 100.0))
    before = rich[asked(play(equal(world), world, n_rounds=1, n_documents=10))]
    after = rich[asked(play(equal(promising), promising, n_rounds=1, n_documents=10))]
    assert after.all()
    assert not before.all()


def test_promised_answers_count_by_their_length_and_no_more_than_whole():
    world = planted_world(0)
    n = world.corpus.n_documents
    lengths = np.full(n, 400.0)
    lengths[0], lengths[1] = 25.0, 100.0  # the target's answers have 100
    promising = with_yields(world, np.full(n, 2.0), lengths)
    sizes = equal(promising).sizes
    assert sizes[0] == pytest.approx(sizes[1] / 4)
    assert sizes[2] == sizes[1]
    np.testing.assert_allclose(equal(promising, answer_length=0.0).sizes, 1.0)


def test_texts_that_all_promise_the_same_change_nothing():
    world = planted_world(1)
    n = world.corpus.n_documents
    same = with_yields(world, np.full(n, 3.0), np.full(n, 500.0))
    assert asked(play(equal(same), same, n_rounds=3)) == asked(
        play(equal(world), world, n_rounds=3)
    )


def test_fewer_documents_of_an_arm_that_reviewers_reject_and_of_its_neighbors():
    world = planted_world(0)
    player = equal(world)
    play(player, world, n_rounds=1, n_documents=20)

    def of_best(player):
        rows = asked([player.plan(20, np.random.default_rng(1))])
        return (world.corpus.arms[rows] == 3).mean()

    before, n_arms = of_best(player), world.corpus.n_arms
    rejected = np.where(np.arange(n_arms) == 3, 30, 0)
    player.heed(np.zeros(n_arms), rejected)
    assert of_best(player) < before
    player.heed(rejected, rejected)
    assert of_best(player) == before


def test_what_reviewers_have_not_said_changes_no_choice():
    world = planted_world(2)
    plans = []
    for heeds in (False, True):
        player = equal(world)
        if heeds:
            player.heed(np.zeros(world.corpus.n_arms), np.zeros(world.corpus.n_arms))
        plans.append(player.plan(40, np.random.default_rng(0)))
    assert plans[0] == plans[1]

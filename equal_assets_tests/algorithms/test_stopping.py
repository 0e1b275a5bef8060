import numpy as np
import pytest

from equal_assets.algorithms.chance import Chance, Range
from equal_assets.algorithms.coverage import TargetCoverage, kernel_of
from equal_assets.algorithms.stopping import (
    IN_A_ROW,
    Added,
    ended_since,
    evidence,
    in_words,
    judged,
)
from equal_assets.algorithms.strategies.strategy import ExtractedPairs
from equal_assets_tests.algorithms.worlds import planted_world, play, strategy

PER_ROUND = 25


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


def test_a_campaign_has_ended_once_rounds_in_a_row_do_not_pay_until_one_does_again():
    paying, not_paying = [True], [False]
    assert ended_since(not_paying * (IN_A_ROW - 1) + paying + not_paying * (IN_A_ROW - 1)) is None
    assert ended_since([None, *not_paying * IN_A_ROW]) == 1 + IN_A_ROW
    assert ended_since([None, *not_paying * (IN_A_ROW + 2)]) == 1 + IN_A_ROW
    assert ended_since([None, *not_paying * IN_A_ROW, *paying]) is None
    assert ended_since([]) is None


def ended(world, *, n_rounds, seed=0):
    """Play `equal`, and return the documents after which it ends, and those of the target left."""
    coverage = TargetCoverage(
        kernel_of(world.corpus.embeddings, world.target.embeddings, temperature=0.25),
        world.target,
        shortest=0.1,
    )
    sample = np.random.default_rng([seed, 9]).permutation(world.corpus.n_documents)[:150]
    chance = Chance(coverage, *coverage.given(extracted(world, sample), sample), np.ones(150))
    player = strategy("equal", world, n_documents=n_rounds * PER_ROUND, seed=seed)
    rounds, pays, masses = [], [], np.zeros(len(world.target.weights))
    for number in range(n_rounds):
        (pulls,) = play(player, world, n_rounds=1, n_documents=PER_ROUND, first=number, seed=seed)
        rows = np.array([row for pull in pulls for row in pull.documents])
        given, _ = coverage.given(extracted(world, rows), rows)
        so_far = masses + np.cumsum(np.vstack([np.zeros_like(masses), given]), axis=0)
        masses = so_far[-1]
        rounds.append(Added(np.diff(coverage.value(so_far)), np.ones(len(rows))))
        found = evidence(rounds, chance.gains(PER_ROUND * (number + 1)), chance.costs)
        pays.append(found and found.pays)
    ends = next((n for n in range(1, n_rounds + 1) if ended_since(pays[:n])), None)
    return ends, int((player.unread & (world.corpus.arms == 3)).sum())


def extracted(world, rows):
    vectors = np.concatenate([world.pairs[row] for row in rows])
    return ExtractedPairs(np.asarray(rows), vectors, np.full(len(rows), 100.0))


@pytest.mark.parametrize("seed", range(4))
def test_a_campaign_ends_soon_after_nothing_near_is_left(seed):
    world = planted_world(seed, n_arms=24, per_arm=60)  # 60 documents are the target's
    number, n_left = ended(world, n_rounds=20, seed=seed)
    assert number is not None
    assert 60 <= number * PER_ROUND <= 250
    assert n_left <= 3


@pytest.mark.parametrize("seed", range(4))
def test_a_campaign_goes_on_where_near_documents_are_left(seed):
    world = planted_world(seed, n_arms=6, per_arm=500)  # 500 are the target's, 350 are bought
    number, n_left = ended(world, n_rounds=14, seed=seed)
    assert number is None
    assert n_left > 100


def test_evidence_is_said_in_one_sentence():
    said = in_words(Range(0.5, 0.25, 0.75), Range(0.125, 0.0625, 0.25), "document")
    assert said == (
        "the last rounds added 0.5 [0.25, 0.75] near pairs per question for each document, "
        "random documents add 0.125 [0.0625, 0.25]"
    )

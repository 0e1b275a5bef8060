"""Small worlds of documents with known QA pairs, for the tests of the strategies."""

from dataclasses import dataclass, replace

import numpy as np

from equal_assets.algorithms.strategies.equal import EqualParameters
from equal_assets.algorithms.strategies.strategy import Corpus, ExtractedPairs, Space, Target
from equal_assets.algorithms.strategies.table import Plan, make_strategy
from equal_assets.settings import EqualSettings

N_DIMENSIONS = 16


@dataclass(frozen=True)
class World:
    """Documents in arms, the pairs that each would yield, and a target."""

    corpus: Corpus
    target: Target
    pairs: dict[int, np.ndarray]  # document -> (n_pairs, n_dimensions)
    lengths: dict[int, np.ndarray]  # document -> characters of its answers

    def scores(self, pairs):
        """Return what a good judge says of embedded pairs: how near the target they are."""
        return pairs @ (self.target.weights @ self.target.embeddings)

    def extract(self, pulls):
        """Return what the documents of the pulls yield."""
        rows = [row for pull in pulls for row in pull.documents]
        return ExtractedPairs(
            documents=np.repeat(rows, [len(self.pairs[row]) for row in rows]).astype(np.int64),
            embeddings=np.concatenate(
                [np.zeros((0, N_DIMENSIONS), np.float32), *(self.pairs[row] for row in rows)]
            ),
            answer_lengths=np.concatenate([np.zeros(0), *(self.lengths[row] for row in rows)]),
        )


def unit(rows):
    """Return rows of unit length."""
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def near(center, n_rows, rng, *, spread=0.15):
    """Return unit rows around a center."""
    return unit(center + spread * rng.normal(size=(n_rows, N_DIMENSIONS)))


def planted_world(seed, *, best=3, n_arms=12, per_arm=40, n_questions=30, documents_tell=True):
    """Arms of documents with a pair each; those of the best arm are the target's.

    Where ``documents_tell`` is false all arms look alike from outside and only pairs differ.
    """
    rng = np.random.default_rng([seed, 5])
    centers = unit(rng.normal(size=(n_arms, N_DIMENSIONS)))
    arms = np.repeat(np.arange(n_arms), per_arm)
    pairs = np.concatenate([near(center, per_arm, rng) for center in centers])
    documents = pairs if documents_tell else near(centers[best], len(pairs), rng, spread=0.4)
    scores = documents @ centers[best]
    scores[:: per_arm // 2] = np.nan  # not every document has one
    questions = target(near(centers[best], n_questions, rng))
    known = corpus(documents, arms, scores=scores)
    return World(
        corpus=replace(known, space=Space(known.embeddings, questions.embeddings)),
        target=questions,
        pairs={row: pairs[row : row + 1] for row in range(len(pairs))},
        lengths={row: np.array([100.0]) for row in range(len(pairs))},
    )


def corpus(embeddings, arms, *, tokens=None, costs=None, scores=None):
    """Return a corpus; documents of 100 tokens that cost 1, unless said otherwise."""
    n_documents = len(embeddings)
    return Corpus(
        embeddings=unit(embeddings),
        arms=np.asarray(arms),
        tokens=np.full(n_documents, 100.0) if tokens is None else np.asarray(tokens, dtype=float),
        costs=np.ones(n_documents) if costs is None else np.asarray(costs, dtype=float),
        scores=scores,
    )


def target(embeddings, *, answer_length=100.0):
    """Return a target whose questions weigh alike."""
    n_questions = len(embeddings)
    return Target(
        embeddings=unit(embeddings),
        answer_lengths=np.full(n_questions, answer_length),
        weights=np.full(n_questions, 1.0 / n_questions),
    )


def parameters(**changes):
    """Return the default parameters of `equal`, changed."""
    return EqualParameters(**{**EqualSettings().model_dump(), **changes})


def strategy(name, world, *, n_documents=200, documents_per_pull=10, seed=0):
    """Make a strategy for a world."""
    plan = Plan(n_documents=n_documents, documents_per_pull=documents_per_pull, equal=parameters())
    rng = np.random.default_rng(seed)
    return make_strategy(name, world.corpus, world.target, plan, rng=rng)


def play(player, world, *, n_rounds, n_documents=10, seed=0, first=0):
    """Play rounds; return the pulls of each."""
    pools: dict[int, list[np.ndarray]] = {}
    rounds = []
    for number in range(first, first + n_rounds):
        pulls = player.plan(n_documents, np.random.default_rng([seed, number]))
        rewards = []
        for pull in pulls:
            pools.setdefault(pull.arm, []).extend(world.pairs[row] for row in pull.documents)
            pool = np.concatenate(pools[pull.arm])
            rewards.append(player.reward(pool, world.scores(pool)))
        player.observe(pulls, world.extract(pulls), rewards)
        rounds.append(pulls)
    return rounds

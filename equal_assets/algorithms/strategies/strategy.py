"""What a strategy knows, decides and learns: the types that all strategies share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from threadpoolctl import threadpool_limits

from equal_assets.algorithms.acceptance import arm_acceptance
from equal_assets.algorithms.optimal_transport import (
    SamplingBias,
    debiased_ot_reward,
    ot_reward,
)
from equal_assets.algorithms.vectors import Vectors
from equal_assets.algorithms.yields import Yields


@dataclass(frozen=True)
class Space:
    """Documents and reference pairs as rows whose inner products say how alike they are.

    Attributes
    ----------
    documents : Vectors of shape (n_documents, n_features)
    questions : ndarray of shape (n_questions, n_features), float32
    """

    documents: Vectors
    questions: np.ndarray


@dataclass(frozen=True)
class Corpus:
    """The documents of a campaign, as known before anything is extracted.

    Attributes
    ----------
    embeddings : Vectors of shape (n_documents, n_dimensions)
        Unit rows, in memory or stored.
    arms : ndarray of shape (n_documents,), int64
        Arm (cluster) of each document, numbered from 0 without gaps.
    tokens : ndarray of shape (n_documents,), float64
        Length of each document, > 0.
    costs : ndarray of shape (n_documents,), float64
        What a document takes from the budget, > 0: ones where the budget counts documents,
        ``tokens`` where it counts tokens.
    scores : ndarray of shape (n_documents,), float64, or None
        A model's score of each document, or what its words say, higher is better; NaN where the
        model was not asked. ``None`` where the strategy needs none.
    yields : Yields or None
        What each document should give, by its text; ``None`` where nothing was learned about it.
    space : Space or None
        What a strategy compares documents and reference pairs by, where it is not their embeddings.
    """

    embeddings: Vectors
    arms: np.ndarray
    tokens: np.ndarray
    costs: np.ndarray
    scores: np.ndarray | None = None
    yields: Yields | None = None
    space: Space | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.embeddings), len(self.arms), len(self.tokens), len(self.costs)}
        if len(lengths) != 1:
            raise ValueError(
                f"embeddings, arms, tokens and costs differ in length: {sorted(lengths)}"
            )
        for name, values in (("tokens", self.tokens), ("costs", self.costs)):
            if len(values) and not values.min() > 0:
                raise ValueError(f"{name} holds {values.min()}: must be > 0")

    @property
    def n_documents(self) -> int:
        """Documents of the corpus."""
        return len(self.embeddings)

    @cached_property
    def n_arms(self) -> int:
        """Arms of the corpus."""
        return int(self.arms.max()) + 1


@dataclass(frozen=True)
class Target:
    """The reference pairs that steer a campaign.

    Attributes
    ----------
    embeddings : ndarray of shape (n_questions, n_dimensions), float32
        Unit rows.
    answer_lengths : ndarray of shape (n_questions,), float64
        Characters of each answer.
    weights : ndarray of shape (n_questions,), float64
        How much each question counts, >= 0; their sum is 1.
    bias : SamplingBias or None
        Makes rewards of arms with few and with many pairs comparable; ``None`` for the paper's
        reward, which is lower the fewer pairs there are.
    """

    embeddings: np.ndarray
    answer_lengths: np.ndarray
    weights: np.ndarray
    bias: SamplingBias | None = None


@dataclass(frozen=True)
class Pull:
    """A planned pull: the documents to take from an arm, and the score that chose it.

    Attributes
    ----------
    arm : int
        Index in ``0..n_arms-1``.
    documents : tuple of int
        Rows of the corpus, unread before the round; at least one.
    mean_reward, exploration_bonus, ucb_score : float or None
        The parts of the score and their sum, in the unit of the strategy; ``None`` where the
        strategy keeps no score or knows none yet.
    """

    arm: int
    documents: tuple[int, ...]
    mean_reward: float | None = None
    exploration_bonus: float | None = None
    ucb_score: float | None = None


@dataclass(frozen=True)
class ExtractedPairs:
    """The QA pairs that came out of a round.

    Attributes
    ----------
    documents : ndarray of shape (n_pairs,), int64
        Row of the document that each pair was extracted from.
    embeddings : ndarray of shape (n_pairs, n_dimensions), float32
        Unit rows.
    answer_lengths : ndarray of shape (n_pairs,), float64
        Characters of each answer.
    """

    documents: np.ndarray
    embeddings: np.ndarray
    answer_lengths: np.ndarray


State = dict[str, np.ndarray]
"""What a strategy has learned, as named vectors of O(arms + questions) numbers."""


class Strategy(ABC):
    """Decides which unread documents a round uses, and learns from the outcome.

    A strategy starts from the corpus and the target; :meth:`restore` brings it to where an earlier
    process stopped. It computes on one thread, so that the same seed gives the same documents
    whatever the number of cores.

    Attributes
    ----------
    learns_from_rewards : bool
        Whether :meth:`observe` reads the rewards; elsewhere they are only recorded.
    expected_gain : float or None
        What the round planned last should add to the coverage of the target, per 1,000 tokens
        of its documents; ``None`` for a strategy that does not predict.
    acceptance : ndarray of shape (n_arms,), float64
        Share of an arm's pairs that reviewers should accept; ones where they said nothing.
    relatedness : ndarray of shape (n_arms, n_arms) or None
        How much one arm tells about another; ``None`` where all are alike near.
    """

    learns_from_rewards = False
    expected_gain: float | None = None
    relatedness: np.ndarray | None = None

    def __init__(self, corpus: Corpus, target: Target) -> None:
        self.corpus = corpus
        self.target = target
        self.unread = np.ones(corpus.n_documents, dtype=bool)
        self.acceptance = np.ones(corpus.n_arms)

    def heed(self, accepted: np.ndarray, reviewed: np.ndarray) -> None:
        """Take in what reviewers have said so far; what was taken in before no longer counts.

        Parameters
        ----------
        accepted, reviewed : ndarray of shape (n_arms,)
            Pairs of each arm that they accepted, as they are or edited, and pairs with a verdict.
        """
        self.acceptance = arm_acceptance(accepted, reviewed, relatedness=self.relatedness)

    def plan(self, n_documents: int, rng: np.random.Generator) -> list[Pull]:
        """Choose the pulls of a round.

        Parameters
        ----------
        n_documents : int
            Documents that the round may use, >= 0.
        rng : numpy.random.Generator
            Breaks ties and draws; the same state gives the same round.

        Returns
        -------
        list of Pull
            Together they hold ``n_documents`` documents, or all unread ones if there are fewer.
        """
        wanted = min(n_documents, int(self.unread.sum()))
        if not wanted:
            return []
        with threadpool_limits(1, user_api="blas"):
            return self._plan(wanted, rng)

    def observe(
        self, pulls: Sequence[Pull], pairs: ExtractedPairs, rewards: Sequence[float]
    ) -> None:
        """Learn from a round.

        Parameters
        ----------
        pulls : sequence of Pull
            The pulls of the round.
        pairs : ExtractedPairs
            The pairs from all its documents.
        rewards : sequence of float, one per pull
            :meth:`reward` of all pairs extracted from the pull's arm so far.
        """
        if not pulls:
            return
        for pull in pulls:
            self.unread[list(pull.documents)] = False
        with threadpool_limits(1, user_api="blas"):
            self._observe(pulls, pairs, rewards)

    def reward(self, pair_embeddings: np.ndarray, pair_scores: np.ndarray | None = None) -> float:
        """Return the reward of an arm from all its pairs.

        Parameters
        ----------
        pair_embeddings : ndarray of shape (n_pairs, n_dimensions)
            Unit rows.
        pair_scores : ndarray of shape (n_pairs,), optional
            A model's score of each pair, higher is better; used by strategies whose rewards come
            from it.
        """
        reference, bias, weights = (
            self.target.embeddings,
            self.target.bias,
            self.target.weights,
        )
        if bias is None:
            return ot_reward(pair_embeddings, reference, target_weights=weights)
        return debiased_ot_reward(pair_embeddings, reference, bias, target_weights=weights)

    def restore(self, state: State, read: np.ndarray) -> None:
        """Go on where an earlier process stopped.

        Parameters
        ----------
        state : dict of str to ndarray
            What :meth:`state` returned then; empty before the first round.
        read : ndarray of int64
            Rows of the documents used so far.
        """
        self.unread[read] = False
        own = self.state()
        if state and {key: vector.shape for key, vector in state.items()} != {
            key: vector.shape for key, vector in own.items()
        }:
            raise ValueError(
                f"the stored state holds {sorted(state)}, the strategy expects {sorted(own)} of "
                "the sizes of this corpus and target"
            )
        self._restore(state or own)

    def state(self) -> State:
        """Return what was learned so far; nothing for a strategy that does not learn."""
        return {}

    def _restore(self, state: State) -> None:
        """Take over a state of the right names and sizes."""
        return

    @abstractmethod
    def _plan(self, wanted: int, rng: np.random.Generator) -> list[Pull]:
        """Choose pulls of exactly ``wanted`` unread documents; ``1 <= wanted <= unread``."""

    def _observe(
        self, pulls: Sequence[Pull], pairs: ExtractedPairs, rewards: Sequence[float]
    ) -> None:
        """Learn from a round; a strategy that does not learn does nothing."""
        return


def group_by_arm(rows: Iterable[int], arms: np.ndarray) -> dict[int, list[int]]:
    """Return the rows of each arm, both in order of first appearance.

    >>> group_by_arm([3, 0, 1], np.array([7, 8, 8, 7]))
    {7: [3, 0], 8: [1]}
    """
    groups: dict[int, list[int]] = {}
    for row in rows:
        groups.setdefault(int(arms[row]), []).append(int(row))
    return groups

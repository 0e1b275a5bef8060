"""Strategies that choose arms and draw documents from them at random: the paper's and variants."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from equal_assets.algorithms.clusters.geometry import diagonal_wasserstein, distances_between
from equal_assets.algorithms.optimal_transport import ot_cost
from equal_assets.algorithms.strategies.bandit import (
    AUTHORS_EXPLORATION,
    ArmStatistics,
    CreditedArms,
    credited_scores,
    ds_scores,
    exploration_bonuses,
)
from equal_assets.algorithms.strategies.strategy import (
    Corpus,
    ExtractedPairs,
    Pull,
    State,
    Strategy,
    Target,
)

NEIGHBOR_RADIUS = 0.2
"""Distance below which the authors' code credits a reward to another cluster."""

REWARD_OFFSET = 0.88
"""The authors' reward is ``1 - OT - 0.12``."""


class ArmBandit(Strategy):
    """Pulls the arms with the highest scores, a few documents each (arXiv:2505.12250, alg. 1).

    Equal scores are taken in random order; the authors take them by index. An arm with too few
    unread documents makes a short pull, and the next best arm tops the round up, so that every
    round asks for the same number of documents.
    """

    learns_from_rewards = True

    def __init__(
        self,
        corpus: Corpus,
        target: Target,
        score: Callable[[ArmStatistics], np.ndarray],
        *,
        documents_per_pull: int,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(corpus, target)
        self.score = score
        self.documents_per_pull = documents_per_pull
        self.rewards = np.zeros(corpus.n_arms)
        self.pulls = np.zeros(corpus.n_arms)
        self.queues = arm_queues(corpus, rng.permutation(corpus.n_documents))

    def state(self) -> State:
        """Return reward and pulls of every arm."""
        return {"rewards": self.rewards, "pulls": self.pulls}

    def _restore(self, state: State) -> None:
        self.rewards, self.pulls = state["rewards"].copy(), state["pulls"].copy()

    def _plan(self, wanted: int, rng: np.random.Generator) -> list[Pull]:
        rewards = accepted_rewards(self, self.rewards)
        statistics = ArmStatistics(rewards=rewards, pulls=self.pulls)
        scores, bonuses = self.score(statistics), exploration_bonuses(self.pulls)
        ranking = np.lexsort((rng.random(len(scores)), -scores))
        plan = draw_pulls(ranking, self.queues, self.unread, wanted, self.documents_per_pull)
        return [
            Pull(
                arm=arm,
                documents=documents,
                mean_reward=float(rewards[arm]) if self.pulls[arm] else None,
                exploration_bonus=float(bonuses[arm]) if self.pulls[arm] else None,
                ucb_score=float(scores[arm]) if self.pulls[arm] else None,
            )
            for arm, documents in plan
        ]

    def _observe(
        self, pulls: Sequence[Pull], pairs: ExtractedPairs, rewards: Sequence[float]
    ) -> None:
        for pull, reward in zip(pulls, rewards, strict=True):
            self.rewards[pull.arm] = reward
            self.pulls[pull.arm] += 1


class ScoredArmBandit(ArmBandit):
    """The paper's bandit with another reward: the mean score that a model gives an arm's pairs.

    Parameters
    ----------
    without_pairs : float
        Reward of an arm without pairs: the worst possible score.
    """

    def __init__(
        self,
        corpus: Corpus,
        target: Target,
        *,
        documents_per_pull: int,
        without_pairs: float,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(corpus, target, ds_scores, documents_per_pull=documents_per_pull, rng=rng)
        self.without_pairs = without_pairs

    def reward(self, pair_embeddings: np.ndarray, pair_scores: np.ndarray | None = None) -> float:
        """Return the mean score; ``without_pairs`` for an arm without pairs."""
        if pair_scores is None:
            raise ValueError(
                "pair_scores = None: must be the scores of the pairs, which are the reward"
            )
        return float(pair_scores.mean()) if len(pair_scores) else self.without_pairs


class UniformArms(Strategy):
    """Pulls arms at random, each as likely as any other: the paper's method without its bandit."""

    def __init__(
        self,
        corpus: Corpus,
        target: Target,
        *,
        documents_per_pull: int,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(corpus, target)
        self.documents_per_pull = documents_per_pull
        self.queues = arm_queues(corpus, rng.permutation(corpus.n_documents))

    def _plan(self, wanted: int, rng: np.random.Generator) -> list[Pull]:
        ranking = rng.permutation(self.corpus.n_arms)
        plan = draw_pulls(ranking, self.queues, self.unread, wanted, self.documents_per_pull)
        return [Pull(arm=arm, documents=documents) for arm, documents in plan]


class AuthorsBandit(Strategy):
    """The authors' code, where it departs from their paper.

    A reward is credited to all clusters within :data:`NEIGHBOR_RADIUS` of the pulled one, itself
    included, and the score counts credits instead of pulls; the exploration weight is fixed; the
    first round takes the clusters in index order; OT is on Euclidean cost; clusters with less
    than a whole pull left are never used, and documents are taken in corpus order.

    Notes
    -----
    When every cluster has less than a whole pull left, the authors' code stops with an error; here
    the rest is taken in order of score. Their iterative OT solver is replaced by the exact one.
    """

    learns_from_rewards = True

    def __init__(self, corpus: Corpus, target: Target, *, documents_per_pull: int) -> None:
        super().__init__(corpus, target)
        self.documents_per_pull = documents_per_pull
        self.arms = CreditedArms(
            reward_sums=np.zeros(corpus.n_arms), credited_pulls=np.zeros(corpus.n_arms)
        )
        self.queues = arm_queues(corpus, np.arange(corpus.n_documents))
        distances = diagonal_wasserstein(corpus.embeddings, corpus.arms)
        self.is_neighbor = distances < NEIGHBOR_RADIUS
        np.fill_diagonal(self.is_neighbor, True)

    def reward(self, pair_embeddings: np.ndarray, pair_scores: np.ndarray | None = None) -> float:
        """Return ``1 - OT - 0.12`` on Euclidean cost; -1 for an arm without pairs."""
        if not len(pair_embeddings):
            return -1.0
        cost = ot_cost(distances_between(pair_embeddings, self.target.embeddings))
        return REWARD_OFFSET - cost

    def state(self) -> State:
        """Return credited rewards and credits of every arm."""
        return {
            "reward_sums": self.arms.reward_sums,
            "credited_pulls": self.arms.credited_pulls,
        }

    def _restore(self, state: State) -> None:
        self.arms = CreditedArms(**{name: vector.copy() for name, vector in state.items()})

    def _plan(self, wanted: int, rng: np.random.Generator) -> list[Pull]:
        credited = self.arms.mean_rewards()
        means = accepted_rewards(self, credited)
        scores = credited_scores(self.arms, exploration=AUTHORS_EXPLORATION) + (means - credited)
        is_first = not self.arms.credited_pulls.any()
        ranking = np.argsort(-scores, kind="stable") if not is_first else np.arange(len(scores))
        left = np.bincount(
            self.corpus.arms, weights=self.unread, minlength=self.corpus.n_arms
        )  # (n_arms,)
        whole = left[ranking] >= self.documents_per_pull
        ranking = np.concatenate([ranking[whole], ranking[~whole]])
        plan = draw_pulls(ranking, self.queues, self.unread, wanted, self.documents_per_pull)
        return [
            Pull(
                arm=arm,
                documents=documents,
                mean_reward=float(means[arm]),
                exploration_bonus=float(scores[arm] - means[arm]),
                ucb_score=float(scores[arm]),
            )
            for arm, documents in plan
        ]

    def _observe(
        self, pulls: Sequence[Pull], pairs: ExtractedPairs, rewards: Sequence[float]
    ) -> None:
        for pull, reward in zip(pulls, rewards, strict=True):
            credited = self.is_neighbor[pull.arm]
            self.arms.reward_sums[credited] += reward
            self.arms.credited_pulls[credited] += 1


def accepted_rewards(strategy: Strategy, rewards: np.ndarray) -> np.ndarray:
    """Return the rewards of arms if a pair that reviewers reject is worth as much as none.

    Parameters
    ----------
    strategy : Strategy
    rewards : ndarray of shape (n_arms,), float64
        Of all pairs.
    """
    nothing = np.zeros((0, strategy.target.embeddings.shape[1]))
    without_pairs = strategy.reward(nothing, np.zeros(0))
    return strategy.acceptance * rewards + (1 - strategy.acceptance) * without_pairs


def arm_queues(corpus: Corpus, order: np.ndarray) -> list[np.ndarray]:
    """Return the documents of each arm in a given order of all documents."""
    by_arm = order[np.argsort(corpus.arms[order], kind="stable")]
    sizes = np.bincount(corpus.arms, minlength=corpus.n_arms)
    return np.split(by_arm, np.cumsum(sizes)[:-1])


def draw_pulls(
    ranking: np.ndarray,
    queues: list[np.ndarray],
    unread: np.ndarray,
    wanted: int,
    documents_per_pull: int,
) -> list[tuple[int, tuple[int, ...]]]:
    """Take the next documents of the arms in order of rank, round after round, until enough.

    Returns
    -------
    list of (arm, rows)
        As long as the arms last, each with at most ``documents_per_pull`` rows.
    """
    pulls: list[tuple[int, tuple[int, ...]]] = []
    waiting: dict[int, list[int]] = {}
    while wanted:
        drawn = 0
        for arm in map(int, ranking):
            if arm not in waiting:
                queue = queues[arm]
                waiting[arm] = queue[unread[queue]].tolist()
            size = min(documents_per_pull, len(waiting[arm]), wanted)
            if size:
                pulls.append((arm, tuple(waiting[arm][:size])))
                del waiting[arm][:size]
                wanted -= size
                drawn += size
            if not wanted:
                break
        if not drawn:
            raise ValueError(f"{wanted} more documents wanted than the arms hold")
    return pulls

"""The strategies: which arms a round pulls, and how many documents each gives.

Every strategy answers the same question and is compared at the same budget; extraction, budget,
training and evaluation know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from equal_assets.algorithms.bandit import ArmStatistics, ds_scores, exploration_bonuses


@dataclass(frozen=True)
class Pull:
    """A planned pull: documents to ask an arm for, and the score that chose it.

    Attributes
    ----------
    arm : int
        Index in ``0..n_arms-1``.
    n_documents : int
        Unread documents to draw from it, >= 1.
    mean_reward, exploration_bonus, ucb_score : float or None
        The parts of the score and their sum; ``None`` where the strategy keeps no score or the
        arm was never pulled.
    """

    arm: int
    n_documents: int
    mean_reward: float | None = None
    exploration_bonus: float | None = None
    ucb_score: float | None = None


def plan_round(
    strategy: str,
    statistics: ArmStatistics,
    *,
    n_documents: int,
    documents_per_pull: int,
    rng: np.random.Generator,
) -> list[Pull]:
    """Choose the pulls of a round.

    Parameters
    ----------
    strategy : str
        A key of :data:`STRATEGIES`.
    statistics : ArmStatistics
        State of the arms before the round.
    n_documents : int
        Documents that the round may ask for, >= 0.
    documents_per_pull : int
        Most documents of one pull, >= 1.
    rng : numpy.random.Generator
        Breaks ties and draws; the same state of it gives the same round.

    Returns
    -------
    list of Pull
        Their ``n_documents`` sum to the smaller of ``n_documents`` and what is unread.

    Raises
    ------
    ValueError
        If the strategy is unknown.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy = {strategy!r}; allowed: {', '.join(STRATEGIES)}")
    wanted = min(n_documents, int(statistics.n_unread.sum()))
    return STRATEGIES[strategy](statistics, wanted, documents_per_pull, rng)


def _equal_paper(
    statistics: ArmStatistics, wanted: int, documents_per_pull: int, rng: np.random.Generator
) -> list[Pull]:
    """Pull the arms with the highest DS score (arXiv:2505.12250, algorithm 1).

    Untried arms tie at infinity and are taken in random order; the authors take them by index. An
    arm with too few unread documents makes a short pull and the next best arm tops the round up,
    so that every round asks for the same number of documents.
    """
    scores, bonuses = ds_scores(statistics), exploration_bonuses(statistics.pulls)
    ranking = np.lexsort((rng.random(len(scores)), -scores))
    unread = statistics.n_unread.copy()
    pulls: list[Pull] = []
    while wanted:
        for arm in ranking[unread[ranking] > 0]:
            size = int(min(documents_per_pull, unread[arm], wanted))
            if not size:
                break
            tried = bool(statistics.pulls[arm])
            pulls.append(
                Pull(
                    arm=int(arm),
                    n_documents=size,
                    mean_reward=float(statistics.rewards[arm]) if tried else None,
                    exploration_bonus=float(bonuses[arm]) if tried else None,
                    ucb_score=float(scores[arm]) if tried else None,
                )
            )
            unread[arm] -= size
            wanted -= size
    return pulls


def _random(
    statistics: ArmStatistics, wanted: int, documents_per_pull: int, rng: np.random.Generator
) -> list[Pull]:
    """Draw documents uniformly from all that are unread; arms only record where they stood."""
    counts = rng.multivariate_hypergeometric(statistics.n_unread, wanted, method="marginals")
    return [Pull(arm=int(arm), n_documents=int(counts[arm])) for arm in np.flatnonzero(counts)]


STRATEGIES: dict[str, Callable[[ArmStatistics, int, int, np.random.Generator], list[Pull]]] = {
    "equal-paper": _equal_paper,
    "random": _random,
}
"""Strategy name of ``campaigns.yaml`` -> function; settings.Strategy lists the same names."""

"""Arm statistics and scores of the multi-armed bandit (arXiv:2505.12250, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AUTHORS_EXPLORATION = 0.001
"""Exploration weight of the authors' code; the paper lets it decay instead."""


@dataclass(frozen=True)
class ArmStatistics:
    """The state of every arm before a round.

    Attributes
    ----------
    rewards : ndarray of shape (n_arms,), float64
        Reward from all QA pairs extracted from the arm so far; higher is better, meaningless
        where ``pulls`` is 0.
    pulls : ndarray of shape (n_arms,)
        Times the arm was pulled, >= 0.
    """

    rewards: np.ndarray
    pulls: np.ndarray

    def __post_init__(self) -> None:
        if self.rewards.shape != self.pulls.shape:
            raise ValueError(
                f"rewards and pulls differ in shape: {self.rewards.shape}, {self.pulls.shape}"
            )
        if (self.pulls < 0).any():
            raise ValueError(f"pulls holds {self.pulls.min()}: must be >= 0")


@dataclass(frozen=True)
class CreditedArms:
    """The state of every arm in the authors' code, which credits rewards to neighbors as well.

    Attributes
    ----------
    reward_sums : ndarray of shape (n_arms,), float64
        Sum of the rewards credited to each arm.
    credited_pulls : ndarray of shape (n_arms,), float64
        Number of these rewards; not the pulls of the arm itself.
    """

    reward_sums: np.ndarray
    credited_pulls: np.ndarray

    def mean_rewards(self) -> np.ndarray:
        """Return the mean credited reward, shape (n_arms,); 0 for an arm without credit."""
        return self.reward_sums / np.maximum(self.credited_pulls, 1)


def exploration_weight(pulls: np.ndarray) -> float:
    """Return ``alpha = 1 / (sum of pulls + 1)``: exploration fades as pulls accumulate.

    Parameters
    ----------
    pulls : ndarray of shape (n_arms,), int64
        Times each arm was pulled.
    """
    return 1.0 / (float(pulls.sum()) + 1.0)


def exploration_bonuses(pulls: np.ndarray) -> np.ndarray:
    """Return ``alpha * sqrt(2 ln(sum_k T_k) / T_j)`` for each arm ``j`` with ``T_j`` pulls.

    Parameters
    ----------
    pulls : ndarray of shape (n_arms,), int64
        ``T``: times each arm was pulled, >= 0.

    Returns
    -------
    ndarray of shape (n_arms,), float64
        ``inf`` for an arm never pulled.

    References
    ----------
    arXiv:2505.12250, section 3.3 (document sampling score).
    """
    bonuses = np.full(len(pulls), np.inf)
    tried = pulls > 0
    if tried.any():
        spread = np.sqrt(2.0 * np.log(pulls.sum()) / pulls[tried])
        bonuses[tried] = exploration_weight(pulls) * spread
    return bonuses


def ds_scores(statistics: ArmStatistics) -> np.ndarray:
    """Return the document sampling score ``DS_j = reward_j + exploration bonus_j``.

    Returns
    -------
    ndarray of shape (n_arms,), float64
        ``inf`` for an arm never pulled: every arm is tried once before any is tried again.
    """
    rewards = np.where(statistics.pulls > 0, statistics.rewards, 0.0)
    return rewards + exploration_bonuses(statistics.pulls)


def greedy_scores(statistics: ArmStatistics) -> np.ndarray:
    """Return the rewards alone: the document sampling score without its exploration bonus.

    Returns
    -------
    ndarray of shape (n_arms,), float64
        ``-inf`` for an arm never pulled: it waits until the arms tried before are used up.
    """
    return np.where(statistics.pulls > 0, statistics.rewards, -np.inf)


def credited_scores(arms: CreditedArms, *, exploration: float) -> np.ndarray:
    """Score arms as the authors' code does: mean credited reward plus a bonus.

    ``mean_j + exploration * sqrt(2 ln(sum_k T_k) / (T_j + 1))``, ``T`` the credited pulls.

    Parameters
    ----------
    arms : CreditedArms
    exploration : float
        Bonus weight, >= 0.

    Returns
    -------
    ndarray of shape (n_arms,), float64
        Finite for every arm: the count is raised by one, where the paper's score is infinite.
    """
    total = max(float(arms.credited_pulls.sum()), 1.0)
    bonus = np.sqrt(2.0 * np.log(total) / (arms.credited_pulls + 1.0))
    return arms.mean_rewards() + exploration * bonus

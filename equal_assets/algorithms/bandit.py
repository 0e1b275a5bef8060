"""Arm statistics and scores of the multi-armed bandit (arXiv:2505.12250, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ArmStatistics:
    """What is known of every arm before a round.

    Attributes
    ----------
    rewards : ndarray of shape (n_arms,), float64
        Reward from all QA pairs extracted from the arm so far; higher is better, meaningless
        where ``pulls`` is 0.
    pulls : ndarray of shape (n_arms,), int64
        Times the arm was pulled.
    n_unread : ndarray of shape (n_arms,), int64
        Documents of the arm that the campaign has not asked for.
    """

    rewards: np.ndarray
    pulls: np.ndarray
    n_unread: np.ndarray

    def __post_init__(self) -> None:
        shapes = {self.rewards.shape, self.pulls.shape, self.n_unread.shape}
        if len(shapes) != 1:
            raise ValueError(f"rewards, pulls and n_unread differ in shape: {sorted(shapes)}")
        if (self.pulls < 0).any() or (self.n_unread < 0).any():
            raise ValueError("pulls and n_unread must be >= 0")


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
    arXiv:2505.12250, section 3.3 (document sampling score). The authors' code fixes ``alpha`` at
    0.001 instead of letting it decay.
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

"""What verdicts on some pairs say of the others: how much of an arm is kept, and from which score.

A reviewer reads a few pairs of many. Both estimates begin where nobody has said anything, with
everything accepted, and move only as far as the verdicts carry them.
"""

from __future__ import annotations

import numpy as np

PRIOR_VERDICTS = 20.0
"""Verdicts after which what was said of an arm itself counts as much as all else: right where the
shares of arms spread by .09 around .8, as such a beta distribution does. Documents compete closely:
with 4, a single rejection took a cluster out of the next round."""

SPREADS = (2.0, 1.0)
"""Prior standard deviations of level and slope: a pair without faults is accepted nearly always,
and whether the score tells anything is open."""

LEVEL = 2.0
"""Prior mean of the level, as a logit: .88 of the pairs without faults are accepted."""

ERRORS = 1.6449
"""Standard errors for a certainty of 95%."""

LEAST_SHARE = 0.5
"""Pairs of which fewer would be accepted are not trained on."""


def arm_acceptance(
    accepted: np.ndarray,
    reviewed: np.ndarray,
    *,
    relatedness: np.ndarray | None = None,
) -> np.ndarray:
    """Return which share of each arm's pairs reviewers should accept.

    The mean of a beta posterior: ``(accepted_a + n nu_a) / (reviewed_a + n)``, where the prior mean
    ``nu_a`` is the same ratio over nearby arms, drawn to the mean of all arms. In that mean an arm
    weighs ``reviewed / (reviewed + n)``, however many pairs a reviewer picked from it, and one more
    arm of which all is accepted weighs 1.

    Parameters
    ----------
    accepted, reviewed : ndarray of shape (n_arms,)
        Pairs of each arm that were accepted, as they are or edited, and pairs with a verdict.
    relatedness : ndarray of shape (n_arms, n_arms), optional
        How much of one arm's verdicts counts for another, from 0 to 1; without it all arms are
        alike near.

    Returns
    -------
    ndarray of shape (n_arms,), float64
        From 0 to 1; 1 where nothing was reviewed.

    Raises
    ------
    ValueError
        If an arm has more accepted than reviewed pairs, or a negative number of them.
    """
    if (accepted < 0).any() or (accepted > reviewed).any():
        raise ValueError(
            f"accepted = {accepted.tolist()}: must be 0 to reviewed = {reviewed.tolist()}"
        )
    if not reviewed.any():
        return np.ones(len(reviewed))
    n = PRIOR_VERDICTS
    overall = (1 + (accepted / (reviewed + n)).sum()) / (1 + (reviewed / (reviewed + n)).sum())
    prior = np.full(len(reviewed), overall)
    if relatedness is not None:
        prior = (relatedness @ accepted + n * overall) / (relatedness @ reviewed + n)
    return (accepted + n * prior) / (reviewed + n)


def score_threshold(scores: np.ndarray, is_accepted: np.ndarray) -> float:
    """Return the score below which reviewers would reject more pairs than they accept.

    A logistic regression of the verdicts on the logit of the score, with normal priors; a score is
    below the threshold where the share of accepted pairs is under one half with a certainty of 95%.
    It does not matter which scores a reviewer chose to look at.

    Parameters
    ----------
    scores : ndarray of shape (n_reviewed,)
        Of reviewed pairs, from 0 to 1.
    is_accepted : ndarray of shape (n_reviewed,), bool
        Whether each was accepted as it is.

    Returns
    -------
    float
        From 0, where the verdicts do not tell bad scores from good ones, to the highest score.
    """
    if not len(scores) or is_accepted.all() or not is_accepted.any():
        return 0.0
    best = _logit(scores.max())
    x = _logit(scores) - best  # 0 for the best pair, below it for all others
    design = np.column_stack([np.ones(len(x)), x])
    weights, covariance = _posterior(design, is_accepted.astype(float))
    grid = np.linspace(x.min(), 0.0, 1_001)
    at = np.column_stack([np.ones(len(grid)), grid])
    upper = at @ weights + ERRORS * np.sqrt(np.einsum("ij,jk,ik->i", at, covariance, at))
    is_rising = weights[1] > ERRORS * np.sqrt(covariance[1, 1])
    below = np.flatnonzero(upper < _logit(LEAST_SHARE))
    if not is_rising or not len(below) or below[-1] == len(grid) - 1:
        return 0.0
    return float(1 / (1 + np.exp(-(grid[below[-1]] + best))))


def _posterior(design: np.ndarray, outcomes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mode and covariance (Laplace's approximation) of level and slope."""
    means, precisions = np.array([LEVEL, 0.0]), 1 / np.array(SPREADS) ** 2

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = design @ weights
        away = weights - means
        value = np.logaddexp(0, logits).sum() - outcomes @ logits + precisions @ away**2 / 2
        return float(value), design.T @ (_share(logits) - outcomes) + precisions * away

    from scipy.optimize import minimize  # here: definitions load without it

    weights = minimize(loss, means, jac=True, method="BFGS").x
    share = _share(design @ weights)
    information = (design.T * (share * (1 - share))) @ design + np.diag(precisions)
    return weights, np.linalg.inv(information)


def _share(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def _logit(shares: np.ndarray | float) -> np.ndarray:
    clipped = np.clip(shares, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))

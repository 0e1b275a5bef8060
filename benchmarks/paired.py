"""Intervals of means over questions and seeds that are crossed.

Every student of a seed answers every question, and both questions and seeds are drawn at random.
A mean over them is known better the more there are of both; its error has a part that more
questions cannot lower, and one that more seeds cannot. Differences of two strategies are taken
question by question and seed by seed, so that what makes a question hard falls out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean with its error: variance, and the degrees of freedom that the variance is known by."""

    mean: float
    variance: float
    freedom: float

    @property
    def interval(self) -> tuple[float, float]:
        """Return Student's 95% t interval."""
        margin = t.ppf((1 + CONFIDENCE) / 2, self.freedom) * np.sqrt(self.variance)
        return float(self.mean - margin), float(self.mean + margin)


def crossed_mean(values: np.ndarray, weights: np.ndarray) -> Estimate:
    """Estimate the mean of values per unit of weight.

    Parameters
    ----------
    values : ndarray of shape (n_seeds, n_questions)
        Summed over the units of each question, such as its tokens. With one seed the estimate
        is for that seed alone.
    weights : ndarray of shape (n_questions,)
        Units of each question, > 0.

    Notes
    -----
    Two-way random effects without replication: the mean squares of seeds and of questions hold
    the residual once each, so it is taken off their sum once. Degrees of freedom after
    Satterthwaite: few where the seeds differ, many where only the questions do. A bootstrap over
    three seeds would be too narrow: it has two thirds of their variance, and no t quantile. The
    ratio of two sums is made linear (delta method).
    """
    n_seeds, n_questions = values.shape
    mean = values.mean(axis=0).sum() / weights.sum()
    residuals = (values - mean * weights) / weights.mean()
    of_seeds = residuals.mean(axis=1)
    of_questions = residuals.mean(axis=0)  # both have mean 0
    rest = residuals - of_seeds[:, None] - of_questions
    if n_seeds == 1:
        variance = (of_questions**2).sum() / (n_questions - 1) / n_questions
        return Estimate(float(mean), variance, n_questions - 1)
    freedom = np.array([n_seeds - 1, n_questions - 1])
    squares = np.array([n_questions * (of_seeds**2).sum(), n_seeds * (of_questions**2).sum()])
    variances = squares / freedom / residuals.size
    variance = max(variances.sum() - (rest**2).sum() / freedom.prod() / residuals.size, *variances)
    return Estimate(float(mean), variance, variance**2 / (variances**2 / freedom).sum())


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean of independent estimates."""
    variances = np.array([estimate.variance for estimate in estimates])
    freedom = np.array([estimate.freedom for estimate in estimates])
    return Estimate(
        mean=float(np.mean([estimate.mean for estimate in estimates])),
        variance=variances.sum() / len(estimates) ** 2,
        freedom=variances.sum() ** 2 / (variances**2 / freedom).sum(),
    )

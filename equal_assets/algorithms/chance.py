"""What documents drawn by chance would give a campaign, from a random sample that was extracted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from equal_assets.algorithms.coverage import TargetCoverage

DRAWS = 32
"""Orders in which the sample is bought; their mean is what chance gives."""

LONGEST = 2.0
"""Times the sample's own cost up to which it is believed: beyond, the line ends."""

NORMAL = 1.96
"""Standard errors of a 95% interval."""

NORMAL_BOUND = 1.645
"""Standard errors of a bound that holds with 95%."""


@dataclass(frozen=True)
class Range:
    """A number, and between what it lies with 95%."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Range:
        """Return the same in another unit."""
        return Range(factor * self.value, factor * self.low, factor * self.high)


class Chance:
    """Random documents, bought in place of what a campaign bought.

    Attributes
    ----------
    masses : ndarray of shape (n_sample, n_questions), float64
        What each document of the sample gives to the reference questions.
    n_near : ndarray of shape (n_sample,), int64
        Its pairs near the target.
    costs : ndarray of shape (n_sample,), float64
        What it takes, > 0 in all: tokens, or 1 where nothing is billed.
    """

    def __init__(
        self, coverage: TargetCoverage, masses: np.ndarray, n_near: np.ndarray, costs: np.ndarray
    ) -> None:
        """Take a random sample of the corpus; it may be empty, and then nothing is known."""
        self.coverage, self.masses, self.n_near, self.costs = coverage, masses, n_near, costs
        orders = np.random.default_rng(0).permuted(
            np.tile(np.arange(len(costs)), (DRAWS, 1)), axis=1
        )
        bought_at = np.cumsum(costs[orders], axis=1)
        self._bought_at = np.take_along_axis(bought_at, np.argsort(orders, axis=1), axis=1)

    def covers(self, spent: float) -> Range | None:
        """Return the coverage of random documents that take as much; None where too far to tell.

        Within the sample, draws without replacement; beyond, what it gives is scaled up. The
        interval holds what another draw of documents would give, given this sample.
        """
        share = self._share(spent)
        if share is None:
            return None
        with threadpool_limits(1, user_api="blas"):
            if share <= 1:
                drawn = (self._bought_at <= spent) @ self.masses  # (DRAWS, n_questions)
            else:
                drawn = share * self.masses.sum(axis=0)[None]
            gains = self.coverage.gain(drawn)
            slopes = (self.masses / (1.0 + drawn.mean(axis=0))) @ self.coverage.target.weights
        error = self._error(slopes, spent, share)
        gain = float(gains.mean())
        low, high = max(0.0, gain - NORMAL * error), gain + NORMAL * error
        return Range(*(float(np.expm1(bound)) for bound in (gain, low, high)))

    def finds(self, spent: float) -> Range | None:
        """Return the near pairs of random documents that take as much; None as above."""
        share = self._share(spent)
        if share is None:
            return None
        found = share * float(self.n_near.sum())
        error = NORMAL * self._error(self.n_near.astype(float), spent, share)
        return Range(found, max(0.0, found - error), found + error)

    def gains(self, spent: float) -> np.ndarray:
        """Return what each document of the sample would add to the coverage of random ones.

        These have taken as much, or as much as can be told of: the coverage of random documents
        grows almost evenly.
        """
        share = min(LONGEST, spent / max(float(self.costs.sum()), 1e-12))
        drawn = share * self.masses.sum(axis=0)
        slopes = (self.masses / (1.0 + drawn)) @ self.coverage.target.weights
        return np.asarray((1.0 + self.coverage.value(drawn)) * slopes)

    def _share(self, spent: float) -> float | None:
        total = float(self.costs.sum())
        if len(self.costs) < 2 or total <= 0 or spent > LONGEST * total:
            return None
        return spent / total

    def _error(self, gains: np.ndarray, spent: float, share: float) -> float:
        """Return the standard error of the sum of gains of further documents that take as much."""
        deviation = np.std(gains - gains.sum() / self.costs.sum() * self.costs, ddof=1)
        n_documents = share * len(self.costs)
        return float(deviation * np.sqrt(n_documents * (1.0 + share)))


def rate(gains: np.ndarray, costs: np.ndarray) -> Range:
    """Return what documents give per cost, with the interval of the ratio of two means.

    Parameters
    ----------
    gains, costs : ndarray of shape (n_documents,)
        At least two documents; costs > 0 in all.

    Notes
    -----
    The low end is a bound that holds with 95% alone.
    """
    mean = float(gains.sum() / costs.sum())
    n = len(gains)
    error = float(np.std(gains - mean * costs, ddof=1) * np.sqrt(n) / costs.sum())
    return Range(mean, mean - NORMAL_BOUND * error, mean + NORMAL_BOUND * error)

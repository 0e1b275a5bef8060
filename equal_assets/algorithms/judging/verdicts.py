"""The verdict on a generated answer, and pass@k over several answers to one question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """The judgment of one generated answer.

    Parameters
    ----------
    extracted : str or None
        The judged part of the output: a number, an expression, a program; None if there is none.
    is_correct : bool
        Whether it agrees with the reference.
    reason : str or None
        Why it is wrong; None exactly if it is correct.
    """

    extracted: str | None
    is_correct: bool
    reason: str | None

    def __post_init__(self) -> None:
        if self.is_correct != (self.reason is None):
            raise ValueError(
                f"is_correct = {self.is_correct}, reason = {self.reason!r}: must be a reason "
                "for wrong answers only"
            )


def correct(extracted: str) -> Verdict:
    """Return the verdict on an answer that agrees with its reference."""
    return Verdict(extracted=extracted, is_correct=True, reason=None)


def wrong(extracted: str | None, reason: str) -> Verdict:
    """Return the verdict on an answer that does not."""
    return Verdict(extracted=extracted, is_correct=False, reason=reason)


def check_lengths(outputs: Sequence[Any], references: Sequence[Any]) -> None:
    """Raise unless there is one reference for each output.

    Raises
    ------
    ValueError
        If there are more of one than of the other.
    """
    if len(outputs) != len(references):
        raise ValueError(
            f"{len(outputs)} outputs and {len(references)} references: must be equally many; "
            "with several samples per question, repeat its reference"
        )


def pass_at_k(n_samples: int, n_correct: int, k: int) -> float:
    """Estimate the chance that at least one of k samples is correct.

    ``1 - C(n - c, k) / C(n, k)``: the share of the subsets of size k that hold a correct sample.

    Parameters
    ----------
    n_samples : int
        Samples drawn for the question, n >= k.
    n_correct : int
        Correct ones among them, c, 0 to n.
    k : int
        Samples that a user would see, >= 1.

    Returns
    -------
    float
        In [0, 1]; unbiased, unlike ``1 - (1 - c / n) ** k``. Average it over questions.

    Raises
    ------
    ValueError
        If a count is outside its range.

    Notes
    -----
    The ratio of binomials is a product of ``1 - k / i``, which neither overflows nor cancels.

    References
    ----------
    M. Chen et al., arXiv:2107.03374, section 2.1.
    """
    if not 1 <= k <= n_samples:
        raise ValueError(f"k = {k}: must be 1 to {n_samples} (n_samples); draw more samples")
    if not 0 <= n_correct <= n_samples:
        raise ValueError(f"n_correct = {n_correct}: must be 0 to {n_samples} (n_samples)")
    n_wrong = n_samples - n_correct
    if n_wrong < k:
        return 1.0
    factors = 1.0 - k / np.arange(n_wrong + 1, n_samples + 1, dtype=np.float64)
    return float(1.0 - np.prod(factors))

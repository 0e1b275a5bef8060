"""Whether further documents still pay: what the last ones added, and what random ones would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equal_assets.algorithms.chance import Range, rate

LEAST_DOCUMENTS = 100
"""The last rounds that hold so many documents are judged, and no fewer than two rounds."""

LEAST_ROUNDS = 2

IN_A_ROW = 3
"""Rounds that must not pay, one after the other, before a campaign ends by them."""

LEAST_SAMPLE = 20
"""Documents of the random sample; of fewer nothing can be told."""


@dataclass(frozen=True)
class Evidence:
    """What the last documents added per cost, and what random ones add to those of chance.

    Attributes
    ----------
    gain, chance : Range
        In coverage per cost.
    """

    gain: Range
    chance: Range

    @property
    def pays(self) -> bool:
        """Whether chosen documents surely add as much as random ones should."""
        return self.gain.low >= self.chance.value


@dataclass(frozen=True)
class Added:
    """What the documents of a round added to the coverage, in the order in which they were read.

    Attributes
    ----------
    gains, costs : ndarray of shape (n_documents,)
    """

    gains: np.ndarray
    costs: np.ndarray


def judged(rounds: Sequence[Added]) -> Sequence[Added]:
    """Return the last rounds, as many as are judged; none if there are too few documents."""
    n_documents = np.cumsum([len(added.gains) for added in reversed(rounds)])
    enough = int(np.searchsorted(n_documents, LEAST_DOCUMENTS)) + 1
    if enough > len(rounds) or len(rounds) < LEAST_ROUNDS:
        return []
    return rounds[-max(enough, LEAST_ROUNDS) :]


def evidence(
    rounds: Sequence[Added], sample_gains: np.ndarray, sample_costs: np.ndarray
) -> Evidence | None:
    """Return what speaks for going on, and against; None where too little is known.

    Parameters
    ----------
    rounds : sequence of Added
        All rounds of the campaign, or its last ones.
    sample_gains, sample_costs : ndarray of shape (n_sample,)
        What random documents would add to as many random ones, and what they take.
    """
    last = judged(rounds)
    gains, costs = (
        np.concatenate([np.zeros(0), *(getattr(added, name) for added in last)])
        for name in ("gains", "costs")
    )
    if not last or len(sample_gains) < LEAST_SAMPLE or not min(costs.sum(), sample_costs.sum()) > 0:
        return None
    return Evidence(rate(gains, costs), rate(sample_gains, sample_costs))


def in_words(gain: Range, chance: Range, unit: str) -> str:
    """Return what documents added, and what random ones would, in one sentence.

    Parameters
    ----------
    gain, chance : Range
        Coverage for each unit.
    unit : str
        What people pay for.
    """
    own, other = (
        f"{found.value:.3g} [{found.low:.3g}, {found.high:.3g}]" for found in (gain, chance)
    )
    return (
        f"the last rounds added {own} near pairs per question for each {unit}, "
        f"random documents add {other}"
    )


def ended_since(pays: Sequence[bool | None]) -> int | None:
    """Return the round, from 1, since which nothing has spoken for going on; None: something does.

    Parameters
    ----------
    pays : sequence of bool or None
        What the evidence said after each round; None where too little was known.

    >>> ended_since([None, True, False, False, False, False])
    5
    >>> ended_since([None, False, False, False, True]) is None
    True
    """
    in_a_row = next((n for n, said in enumerate(reversed(pays)) if said is not False), len(pays))
    return len(pays) - in_a_row + IN_A_ROW if in_a_row >= IN_A_ROW else None

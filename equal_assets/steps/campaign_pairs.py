"""The pairs that a campaign has extracted so far, kept in memory by who plays its rounds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from equal_assets.resources.warehouse import Warehouse, stack_vectors

SAMPLED = 1_000
"""Pairs of the pool whose OT cost is measured after a round: those with the lowest ids, which are
hashes."""


@dataclass(frozen=True)
class KeptPairs:
    """Pairs without leaks; rows of all arrays.

    Attributes
    ----------
    ids : ndarray of shape (n_pairs,), str
    arms : ndarray of shape (n_pairs,), int64
        Whose documents they are of.
    vectors : ndarray of shape (n_pairs, n_dimensions), float32
    scores : ndarray of shape (n_pairs,), float64
        Of the student; NaN where there are none.
    """

    ids: np.ndarray
    arms: np.ndarray
    vectors: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> KeptPairs:
        """Return some of the pairs, in the order of the rows."""
        return KeptPairs(self.ids[rows], self.arms[rows], self.vectors[rows], self.scores[rows])


@dataclass
class CampaignPairs:
    """All pairs of a campaign, without leaks; a round adds its own.

    Attributes
    ----------
    sample : KeptPairs
        Of all of them: at most :data:`SAMPLED`, in order of id.
    n_pairs : int
    """

    sample: KeptPairs
    n_pairs: int = 0
    _of_arms: dict[int, list[KeptPairs]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def empty(cls, n_dimensions: int) -> CampaignPairs:
        """Return the pairs of a campaign that has not begun."""
        nothing = np.zeros(0)
        vectors = np.zeros((0, n_dimensions), dtype=np.float32)
        ids = np.zeros(0, dtype=object)
        return cls(KeptPairs(ids, nothing.astype(np.int64), vectors, nothing))

    def add(self, pairs: KeptPairs) -> None:
        """Add the pairs of a round."""
        self.n_pairs += len(pairs)
        order = np.argsort(pairs.arms, kind="stable")
        arms, starts = np.unique(pairs.arms[order], return_index=True)
        for arm, rows in zip(arms, np.split(order, starts[1:]), strict=False):
            self._of_arms[int(arm)].append(pairs.take(rows))
        both = _joined([self.sample, pairs])
        self.sample = both.take(np.argsort(both.ids, kind="stable")[:SAMPLED])

    def of_arm(self, arm: int) -> KeptPairs:
        """Return all pairs of an arm, in order of id."""
        found = self._of_arms.get(arm)
        if not found:
            return self.sample.take(np.zeros(0, dtype=np.int64))
        pairs = _joined(found)
        pairs = pairs.take(np.argsort(pairs.ids, kind="stable"))
        self._of_arms[arm] = [pairs]
        return pairs


def campaign_pairs(
    name: str, warehouse: Warehouse, *, n_dimensions: int, embedder_version: str, scorer: str
) -> CampaignPairs:
    """Return what the finished rounds of a campaign have extracted.

    Parameters
    ----------
    name : str
        Of the campaign.
    warehouse : Warehouse
    n_dimensions : int
    embedder_version : str
    scorer : str
        Whose scores; empty: none.
    """
    rows = warehouse.query(
        "kept_pairs", campaign=name, embedder_version=embedder_version, scorer=scorer
    )
    found = CampaignPairs.empty(n_dimensions)
    found.add(kept_pairs(rows, stack_vectors(rows["embedding"], n_dimensions=n_dimensions)))
    return found


def kept_pairs(rows: pl.DataFrame, vectors: np.ndarray) -> KeptPairs:
    """Return rows with columns ``qa_id``, ``cluster``, ``score``, and their vectors, as pairs."""
    return KeptPairs(
        ids=rows["qa_id"].to_numpy().astype(object),
        arms=rows["cluster"].to_numpy().astype(np.int64),
        vectors=vectors,
        scores=rows["score"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
    )


def _joined(parts: list[KeptPairs]) -> KeptPairs:
    if len(parts) == 1:
        return parts[0]
    return KeptPairs(
        ids=np.concatenate([part.ids for part in parts]),
        arms=np.concatenate([part.arms for part in parts]),
        vectors=np.concatenate([part.vectors for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
    )

"""How many documents a campaign still takes to have the pairs that its budget asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from equal_assets.algorithms.stopping import LEAST_DOCUMENTS
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import CampaignSettings

NORMAL = 1.96
"""Standard errors of a 95% interval."""


@dataclass(frozen=True)
class PairsToCome:
    """What is known of a budget in pairs.

    Attributes
    ----------
    accepted : int
        When they were last counted; before, none are.
    documents : float
        Still to be used, expected; infinite where no pair comes.
    between : tuple of float
        At least, at most.
    basis : str
        In words.
    """

    accepted: int
    documents: float
    between: tuple[float, float]
    basis: str


def pairs_to_come(
    name: str, campaign: CampaignSettings, warehouse: Warehouse, *, extractor: str
) -> PairsToCome | None:
    """Return how far a campaign is from its budget of pairs; None without, or if nothing is known.

    Its last rounds tell how many near pairs a document gives, and the last count how many of them
    are accepted. Before the first round all that is known is what any document gives, by what was
    extracted: no more can be accepted.
    """
    wanted = campaign.budget_pairs
    if wanted is None:
        return None
    rounds = warehouse.query("pair_progress", campaign=name).to_dicts()
    if not rounds:
        return _before(wanted, warehouse, extractor=extractor)
    counted = [row for row in rounds if row["accepted_pairs"] is not None]
    accepted = counted[-1]["accepted_pairs"] if counted else 0
    near = counted[-1]["near_pairs_so_far"] if counted else 0
    kept = accepted / near if near else 1.0
    last = _last(rounds)
    n_documents, n_near = (sum(row[of] for row in last) for of in ("documents", "near_pairs"))
    error = NORMAL * math.sqrt(max(1, n_near)) / n_documents
    rate = n_near / n_documents
    so_far = kept * rounds[-1]["near_pairs_so_far"]
    left = max(0.0, wanted - so_far)
    documents, least, most = (
        left / (kept * of) if kept * of > 0 else math.inf
        for of in (rate, rate + error, max(0.0, rate - error))
    )
    basis = f"{kept * rate:.2g} accepted pairs per document of the last {n_documents:,}"
    return PairsToCome(round(so_far), documents, (least, most), basis)


def _before(wanted: int, warehouse: Warehouse, *, extractor: str) -> PairsToCome | None:
    measured = warehouse.query("measured_tokens", extractor=extractor).row(0, named=True)
    n_documents = measured["documents"]
    if not n_documents or not measured["pairs"]:
        return None
    error = NORMAL * measured["pairs_deviation"] / math.sqrt(n_documents)
    least = wanted / (measured["pairs"] + error)
    basis = (
        f"at most {measured['pairs']:.2g} pairs per document, as in {n_documents:,} that were "
        "extracted; how many are near the target is known after the first round"
    )
    return PairsToCome(0, wanted / measured["pairs"], (least, math.inf), basis)


def _last(rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the last rounds that hold enough documents to go by, or all."""
    n_documents = 0
    for number, row in enumerate(reversed(rounds), 1):
        n_documents += row["documents"]
        if n_documents >= LEAST_DOCUMENTS:
            return rounds[-number:]
    return rounds

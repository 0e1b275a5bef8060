"""What a campaign will take and give, if further documents are like those that were extracted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from equal_assets.planning.estimate import (
    MEASURED_DOCUMENTS,
    Estimate,
    TokensPerDocument,
    estimates,
    interval_of_mean,
    tokens_per_document,
)
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings

Range = tuple[float, float]


@dataclass(frozen=True)
class Projection:
    """What a payer has still to pay for, and what comes of it.

    Attributes
    ----------
    estimate : Estimate
        Documents, tokens and money.
    cost : tuple of float
        Money: at least, at most.
    pairs, between : int, tuple of float
        Pairs of all documents that are still to be chosen, whoever has paid for them, before leaks
        and repeats are removed; and between what they may lie.
    seconds : tuple of float
        Of the extraction, ratings left out: where the LLM answers as many requests at once as it
        may be sent, and where it keeps the pace that was measured.
    """

    estimate: Estimate
    cost: Range
    pairs: int
    between: Range
    seconds: Range


@dataclass(frozen=True)
class Outlook:
    """The projection of a campaign and of the warm-up before it, and how it is known.

    Attributes
    ----------
    rows : list of Projection
        None where too few documents are extracted.
    basis : str
        In words.
    """

    rows: list[Projection]
    basis: str


def outlook(name: str, settings: Settings, extractor: Extractor, warehouse: Warehouse) -> Outlook:
    """Return what a campaign will take and give, by all that an extractor has read so far.

    Parameters
    ----------
    name : str
        Of the campaign.
    settings : Settings
        With the section of the extractor.
    extractor : Extractor
    warehouse : Warehouse
    """
    fingerprint = extractor.fingerprint
    measured = warehouse.query("measured_tokens", extractor=fingerprint).row(0, named=True)
    n_measured = measured["documents"]
    if n_measured < MEASURED_DOCUMENTS:
        return Outlook([], f"{n_measured} extracted: two documents are the least to go by")
    each = tokens_per_document(settings, extractor, warehouse)
    found = estimates(settings, [name], each, extractor, warehouse)
    rows = [
        _projection(estimate, measured, each)
        for estimate in found
        if estimate.documents or estimate.payer == name  # of the warm-up, nothing may be left
    ]
    return Outlook(rows, f"measured on {n_measured:,} documents")


def _projection(
    estimate: Estimate, measured: Mapping[str, Any], each: TokensPerDocument
) -> Projection:
    low, high = interval_of_mean(
        measured["pairs"],
        measured["pairs_deviation"],
        n_measured=measured["documents"],
        n_further=estimate.chosen,
    )
    price = estimate.cost / estimate.tokens if estimate.tokens else 0.0
    least, most = estimate.between
    n_extracted = 0 if estimate.of_ratings else estimate.documents
    return Projection(
        estimate,
        cost=(price * least, price * most),
        pairs=round(estimate.chosen * measured["pairs"]),
        between=(estimate.chosen * low, estimate.chosen * high),
        seconds=(n_extracted * each.pace[0], n_extracted * each.pace[1]),
    )

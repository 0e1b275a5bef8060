"""Ratings through the store: no campaign rates a document twice."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import asdict

import polars as pl

from equal_assets.algorithms.extraction.rating import RatingTask
from equal_assets.progress import Progress
from equal_assets.records import Document, Rating
from equal_assets.resources.extraction.extractors import LLMExtractor, Order
from equal_assets.resources.extraction.store import STORE_EVERY_DOCUMENTS, STORE_EVERY_SECONDS
from equal_assets.resources.llm.spending import Allowance, Cap
from equal_assets.resources.warehouse import Warehouse


def rate_through_store(
    warehouse: Warehouse,
    extractor: LLMExtractor,
    documents: Sequence[Document],
    task: RatingTask,
    *,
    campaign: str,
    run: str,
    caps: Sequence[Cap],
    progress: Progress,
) -> None:
    """Rate documents that the campaign has no rating of, and store the ratings as they come.

    What failed for a reason that may be gone is asked again.

    Parameters
    ----------
    warehouse : Warehouse
    extractor : LLMExtractor
        Its LLM rates.
    documents : sequence of Document
        In the order in which they are rated. One that exceeds a cap is skipped.
    task : RatingTask
    campaign : str
        Pays as ``"campaign|ratings"``.
    run : str
        For the caps of a run.
    caps : sequence of Cap
        Limits on all ratings together.
    progress : callable
        Called with documents done and in all, and the spending.

    Raises
    ------
    ExtractionError
        If no server answers, or a cap of the run is spent; earlier ratings are stored.
    """
    rated = dict(warehouse.query("rated_documents", campaign=campaign).iter_rows())
    failed = {content_hash: reason for content_hash, reason in rated.items() if reason}
    again = extractor.worth_another_try(failed) if failed else set()
    known = rated.keys() - again
    missing = {d.content_hash: d for d in documents if d.content_hash not in known}
    allowance = Allowance([*caps, *extractor.run_caps(run)])
    order = Order(payer=f"{campaign}|ratings", run=run, allowance=allowance)
    unwritten: list[Rating] = []
    n_done, written_at = len(documents) - len(missing), time.monotonic()
    try:
        for rating in extractor.rate(list(missing.values()), task, order):
            unwritten.append(rating)
            n_done += 1
            seconds = time.monotonic() - written_at
            if seconds >= STORE_EVERY_SECONDS or len(unwritten) >= STORE_EVERY_DOCUMENTS:
                _write(warehouse, campaign, unwritten, seconds, replaced=again)
                unwritten, written_at = [], time.monotonic()
                progress(n_done, len(documents), f"{allowance.paid.tokens:,} tokens paid")
    finally:
        if unwritten:
            seconds = time.monotonic() - written_at
            _write(warehouse, campaign, unwritten, seconds, replaced=again)
    progress(len(documents), len(documents), f"{allowance.paid.tokens:,} tokens paid")


def _write(
    warehouse: Warehouse,
    campaign: str,
    ratings: Sequence[Rating],
    seconds: float,
    *,
    replaced: Collection[str],
) -> None:
    rows = [
        {
            "campaign": campaign,
            "content_hash": rating.content_hash,
            "rating": rating.rating,
            "reason": rating.reason,
            **asdict(rating.usage),
            "seconds": seconds / len(ratings),
        }
        for rating in ratings
    ]
    types = {"rating": pl.Int32, "reason": pl.String}
    with warehouse.transaction() as transaction:
        for key in (r.content_hash for r in ratings if r.content_hash in replaced):
            transaction.delete("document_ratings", campaign=campaign, content_hash=key)
        transaction.insert("document_ratings", pl.DataFrame(rows, schema_overrides=types))

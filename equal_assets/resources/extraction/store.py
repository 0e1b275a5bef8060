"""Extraction through the store: no document is extracted twice."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict

import polars as pl

from equal_assets.progress import Progress
from equal_assets.records import WARM_UP, Document, Extraction
from equal_assets.resources.extraction.extractors import Extractor, Order
from equal_assets.resources.extraction.refinement import in_parts, is_vain, tell_emptied
from equal_assets.resources.llm.spending import NOTHING, Allowance, Amount, Cap, caps, payer_name
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import CampaignSettings, WarmUpSettings

PAIR_COLUMNS = {
    "qa_id": pl.String,
    "content_hash": pl.String,
    "extractor": pl.String,
    "position": pl.Int32,
    "question": pl.String,
    "answer": pl.String,
}

REJECTED_COLUMNS = {
    "content_hash": pl.String,
    "extractor": pl.String,
    "position": pl.Int32,
    "question": pl.String,
    "answer": pl.String,
    "reason": pl.String,
}

REFINED_COLUMNS = {
    "content_hash": pl.String,
    "extractor": pl.String,
    "is_changed": pl.Boolean,
}

STORE_EVERY_DOCUMENTS = 512
STORE_EVERY_SECONDS = 2.0
"""Extractions are written together once there are this many, or after this time."""


def extract_through_store(
    warehouse: Warehouse,
    extractor: Extractor,
    documents: Sequence[Document],
    *,
    asked_by: str,
    run: str = "",
    caps: Sequence[Cap] = (),
    progress: Progress,
) -> pl.DataFrame:
    """Extract documents that the store lacks, and return the stored extractions of all of them.

    What failed for a reason that may be gone is asked again, unless a round has it: its campaign
    went on from there. Results are written as they arrive: after a crash, only the documents in
    progress are paid again.

    Parameters
    ----------
    warehouse : Warehouse
    extractor : Extractor
        Its fingerprint is part of the key.
    documents : sequence of Document
        In the order of the result.
    asked_by : str
        ``"warm-up"``, ``"campaign|round-NNN"`` or ``"campaign|preview"``: recorded as the payer of
        new extractions.
    run : str
        For the caps of a run.
    caps : sequence of Cap
        Limits on all documents of the payer. A document that exceeds a cap is skipped.
    progress : callable
        Called with documents done and in all, and the spending.

    Returns
    -------
    DataFrame, one row per document that was requested
        ``document_id, content_hash`` and the columns of ``stored_extractions``.
    """
    hashes = [document.content_hash for document in documents]
    with warehouse.reading():
        again = _failed_for_now(warehouse, extractor, hashes)
        stored = _stored(warehouse, extractor, hashes).filter(~pl.col("content_hash").is_in(again))
    allowance = Allowance([*caps, *extractor.run_caps(run)])
    known = _ask_stored(stored, hashes, allowance, asked_by)
    in_store = set(stored["content_hash"])
    missing: dict[str, Document] = {}
    for document, key in zip(documents, hashes, strict=True):
        if key not in in_store:
            missing.setdefault(key, document)  # of documents with the same text, the first is read
    unwritten: list[Extraction] = []
    written = [stored]
    n_done, n_failed, written_at = len(documents) - len(missing), 0, time.monotonic()
    is_told = asked_by != WARM_UP  # which comes first: once is enough
    progress(n_done, len(documents))
    try:
        for part, refine in in_parts(warehouse, extractor, list(missing.values())):
            order = Order(payer=asked_by, run=run, allowance=allowance, refine=refine)
            for extraction in extractor.extract(part, order):
                unwritten.append(extraction)
                known.add(extraction.content_hash)
                n_done += 1
                n_failed += extraction.status == "failed"
                is_due = time.monotonic() - written_at >= STORE_EVERY_SECONDS
                if is_due or len(unwritten) >= STORE_EVERY_DOCUMENTS:
                    written.append(_write(warehouse, extractor, unwritten, asked_by, again))
                    unwritten, written_at = [], time.monotonic()
                    is_told = is_told or not refine or tell_emptied(warehouse, extractor)
                    progress(n_done, len(documents), _spend(allowance, n_failed))
            if unwritten:
                written.append(_write(warehouse, extractor, unwritten, asked_by, again))
                unwritten, written_at = [], time.monotonic()
    finally:
        if unwritten:
            _write(warehouse, extractor, unwritten, asked_by, again)
    progress(len(documents), len(documents), _spend(allowance, n_failed))
    asked = pl.DataFrame(
        {"document_id": [d.document_id for d in documents], "content_hash": hashes},
        schema={"document_id": pl.String, "content_hash": pl.String},
    ).filter(pl.col("content_hash").is_in(known))
    return asked.join(pl.concat(written), on="content_hash", how="left", maintain_order="left")


def extract_again(
    warehouse: Warehouse,
    extractor: Extractor,
    documents: Sequence[Document],
    *,
    asked_by: str,
    run: str,
    caps: Sequence[Cap],
    progress: Progress,
) -> list[str]:
    """Extract documents again, and replace their stored extractions.

    Requests that were answered are in the journal and are not sent again. Returns the content
    hashes of the documents that did not fail again.
    """
    allowance = Allowance([*caps, *extractor.run_caps(run)])
    refine = extractor.refinement() != "auto" or not is_vain(warehouse, extractor)
    order = Order(payer=asked_by, run=run, allowance=allowance, is_again=True, refine=refine)
    n_failed, mended = 0, []
    for number, extraction in enumerate(extractor.extract(documents, order), 1):
        _write(warehouse, extractor, [extraction], asked_by, [extraction.content_hash])
        n_failed += extraction.status == "failed"
        if extraction.reason is None:
            mended.append(extraction.content_hash)
        progress(number, len(documents), _spend(allowance, n_failed))
    return mended


def campaign_caps(
    name: str, campaign: CampaignSettings, extractor: Extractor, warehouse: Warehouse
) -> list[Cap]:
    """Return the campaign's caps on tokens and money, with what it has used of them.

    Used counts what it has paid (lost requests at their maximum cost) and what others have paid for
    documents that it requested.
    """
    before = warehouse.query("answered_before", campaign=name).row(0, named=True)
    return caps(
        f"campaigns.{name}.budget_",
        "campaign",
        extractor.paid_by(name),
        besides=Amount(before["tokens"], before["cost"]),
        tokens=campaign.budget_tokens,
        cost=campaign.budget_cost,
    )


def warmup_caps(warmup: WarmUpSettings, extractor: Extractor) -> list[Cap]:
    """Return the caps of the warm-up sample on tokens and money, with what it has used of them."""
    return caps(
        "warmup.budget_",
        "campaign",
        extractor.paid_by(WARM_UP),
        tokens=warmup.budget_tokens,
        cost=warmup.budget_cost,
    )


def _ask_stored(
    stored: pl.DataFrame, hashes: Sequence[str], allowance: Allowance, asked_by: str
) -> set[str]:
    """Count documents that others have paid for against the caps, in order; return those that fit.

    The caps already count what the payer has paid itself.
    """
    found = {row["content_hash"]: row for row in stored.iter_rows(named=True)}
    asked: set[str] = set()
    for row in (found[key] for key in dict.fromkeys(hashes) if key in found):
        is_own = payer_name(row["first_asked_by"]) == payer_name(asked_by)
        tokens = row["prompt_tokens"] + row["completion_tokens"]
        amount = NOTHING if is_own else Amount(tokens, row["cost"])
        if allowance.exceeded_by(amount, scope="campaign") is None:
            allowance.asked += amount
            asked.add(row["content_hash"])
    return asked


def _spend(allowance: Allowance, n_failed: int) -> str:
    """Return a summary for people: tokens, money, failures."""
    said = [f"{allowance.paid.tokens:,} tokens paid"] if allowance.paid.tokens else []
    said += [f"cost {allowance.paid.cost:.2f}"] if allowance.paid.cost else []
    said += [f"{n_failed} failed"] if n_failed else []
    return ", ".join(said)


def _failed_for_now(warehouse: Warehouse, extractor: Extractor, hashes: Sequence[str]) -> set[str]:
    """Return the contents whose stored failures are asked again."""
    failed = warehouse.query(
        "failures_outside_rounds", extractor=extractor.fingerprint, hashes=hashes
    )
    return extractor.worth_another_try(dict(failed.iter_rows())) if len(failed) else set()


def _stored(warehouse: Warehouse, extractor: Extractor, hashes: Sequence[str]) -> pl.DataFrame:
    return warehouse.query("stored_extractions", extractor=extractor.fingerprint, hashes=hashes)


def _write(
    warehouse: Warehouse,
    extractor: Extractor,
    extractions: Sequence[Extraction],
    asked_by: str,
    replaced: Collection[str],
) -> pl.DataFrame:
    """Store extractions, of which some replace stored ones, and return what is stored of them."""
    with warehouse.transaction() as transaction:
        hashes = [extraction.content_hash for extraction in extractions]
        for content_hash in (key for key in hashes if key in replaced):
            for table in ("extractions", "extracted_qa", "rejected_qa", "refinements"):
                transaction.delete(
                    table, content_hash=content_hash, extractor=extractor.fingerprint
                )
        stored = transaction.query(
            "stored_extractions", extractor=extractor.fingerprint, hashes=hashes
        )
        # another process may have extracted the same document meanwhile: its result is kept
        known = set(stored["content_hash"])
        new = [extraction for extraction in extractions if extraction.content_hash not in known]
        if new:
            transaction.execute("record_extractor", **extractor.described())
            transaction.insert("extractions", _extraction_rows(new, extractor, asked_by))
            transaction.insert("extracted_qa", _pair_rows(new, extractor))
            transaction.insert("rejected_qa", _rejected_rows(new, extractor))
            transaction.insert("refinements", _refined_rows(new, extractor))
        return transaction.query(
            "stored_extractions", extractor=extractor.fingerprint, hashes=hashes
        )


def _extraction_rows(
    extractions: Sequence[Extraction], extractor: Extractor, asked_by: str
) -> pl.DataFrame:
    rows = [
        {
            "content_hash": extraction.content_hash,
            "extractor": extractor.fingerprint,
            "status": extraction.status,
            "reason": extraction.reason,
            "n_pairs": len(extraction.pairs),
            "n_rejected": len(extraction.rejected),
            **asdict(extraction.usage),
            "seconds": extraction.seconds,
            "first_asked_by": asked_by,
        }
        for extraction in extractions
    ]
    return pl.DataFrame(rows, schema_overrides={"reason": pl.String})


def _pair_rows(extractions: Sequence[Extraction], extractor: Extractor) -> pl.DataFrame:
    pairs = [
        {
            "qa_id": _qa_id(extraction.content_hash, extractor.fingerprint, position),
            "content_hash": extraction.content_hash,
            "extractor": extractor.fingerprint,
            "position": position,
            "question": pair.question,
            "answer": pair.answer,
        }
        for extraction in extractions
        for position, pair in enumerate(extraction.pairs)
    ]
    return pl.DataFrame(pairs, schema=PAIR_COLUMNS)


def _rejected_rows(extractions: Sequence[Extraction], extractor: Extractor) -> pl.DataFrame:
    rows = [
        {
            "content_hash": extraction.content_hash,
            "extractor": extractor.fingerprint,
            "position": position,
            **asdict(pair),
        }
        for extraction in extractions
        for position, pair in enumerate(extraction.rejected)
    ]
    return pl.DataFrame(rows, schema=REJECTED_COLUMNS)


def _refined_rows(extractions: Sequence[Extraction], extractor: Extractor) -> pl.DataFrame:
    rows = [
        {
            "content_hash": extraction.content_hash,
            "extractor": extractor.fingerprint,
            "is_changed": extraction.is_changed,
        }
        for extraction in extractions
        if extraction.is_changed is not None
    ]
    return pl.DataFrame(rows, schema=REFINED_COLUMNS)


def _qa_id(key: str, extractor: str, position: int) -> str:
    return hashlib.sha256(f"{key} {extractor} {position}".encode()).hexdigest()[:16]

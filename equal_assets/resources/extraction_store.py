"""Extraction through the store: what was extracted before is never asked for again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

from equal_assets.progress import Progress
from equal_assets.records import Document, Extraction
from equal_assets.resources.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse

PAIR_COLUMNS = {
    "qa_id": pl.String,
    "content_hash": pl.String,
    "extractor": pl.String,
    "position": pl.Int32,
    "question": pl.String,
    "answer": pl.String,
}

STORE_EVERY_DOCUMENTS = 64
"""Extractions written together: the most that a killed process can lose."""


def extract_through_store(
    warehouse: Warehouse,
    extractor: Extractor,
    documents: Sequence[Document],
    *,
    asked_by: str,
    progress: Progress,
) -> pl.DataFrame:
    """Extract documents that the store lacks, and return what the store has of all of them.

    Results are written as they arrive, so a killed process pays again for at most
    :data:`STORE_EVERY_DOCUMENTS` documents.

    Parameters
    ----------
    warehouse : Warehouse
    extractor : Extractor
        Its fingerprint is part of the key.
    documents : sequence of Document
        Asked for; the order of the result.
    asked_by : str
        ``"warm-up"`` or ``"campaign|round-NNN"``: recorded as the payer of what is new.
    progress : callable
        Called with documents done and asked for.

    Returns
    -------
    DataFrame, one row a document
        ``document_id, content_hash, status, n_pairs, prompt_tokens, completion_tokens,
        first_asked_by``.
    """
    hashes = [document.content_hash for document in documents]
    stored = _stored(warehouse, extractor, hashes)
    known = set(stored["content_hash"])
    missing: dict[str, Document] = {}
    for document, key in zip(documents, hashes, strict=True):
        if key not in known:
            missing.setdefault(key, document)  # of documents with the same text the first is read
    n_done = len(documents) - len(missing)
    progress(n_done, len(documents))
    unwritten: list[Extraction] = []
    for extraction in extractor.extract(list(missing.values())):
        unwritten.append(extraction)
        n_done += 1
        if len(unwritten) >= STORE_EVERY_DOCUMENTS:
            _write(warehouse, extractor, unwritten, asked_by)
            unwritten = []
            progress(n_done, len(documents))
    if unwritten:
        _write(warehouse, extractor, unwritten, asked_by)
    if missing:
        stored = _stored(warehouse, extractor, hashes)
    progress(len(documents), len(documents))
    asked = pl.DataFrame(
        {"document_id": [d.document_id for d in documents], "content_hash": hashes},
        schema={"document_id": pl.String, "content_hash": pl.String},
    )
    return asked.join(stored, on="content_hash", how="left", maintain_order="left")


def _stored(warehouse: Warehouse, extractor: Extractor, hashes: Sequence[str]) -> pl.DataFrame:
    return warehouse.query("stored_extractions", extractor=extractor.fingerprint, hashes=hashes)


def _write(
    warehouse: Warehouse, extractor: Extractor, extractions: Sequence[Extraction], asked_by: str
) -> None:
    with warehouse.transaction() as transaction:
        hashes = [extraction.content_hash for extraction in extractions]
        stored = transaction.query(
            "stored_extractions", extractor=extractor.fingerprint, hashes=hashes
        )
        # another process may have extracted the same document meanwhile: its result stands
        known = set(stored["content_hash"])
        new = [extraction for extraction in extractions if extraction.content_hash not in known]
        if new:
            transaction.insert("extractions", _extraction_rows(new, extractor, asked_by))
            transaction.insert("extracted_qa", _pair_rows(new, extractor))


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
            "prompt_tokens": extraction.prompt_tokens,
            "completion_tokens": extraction.completion_tokens,
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


def _qa_id(key: str, extractor: str, position: int) -> str:
    return hashlib.sha256(f"{key} {extractor} {position}".encode()).hexdigest()[:16]

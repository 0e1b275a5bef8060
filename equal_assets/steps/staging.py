"""Reads the corpus into Parquet files, a bounded part at a time, and those into the warehouse."""

import glob
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from equal_assets.errors import CorpusError
from equal_assets.progress import Progress
from equal_assets.records import Document, RejectedRow
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.corpora.candidates import SKIPPED
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.warehouse import Transaction
from equal_assets.settings import Settings

MAY_BE_NULL = {
    "url": pl.String,
    "license": pl.String,
    "page": pl.String,
    "page_hash": pl.String,
    "chunk": pl.Int32,
}

STAGED_DOCUMENTS = 4_000
STAGED_CHARACTERS = 20_000_000
"""Documents and characters that are held in memory before they are staged."""


@contextmanager
def staged_corpus(
    settings: Settings, staging: Path, engine: Engine, *, progress: Progress
) -> Iterator[Path]:
    """Write the corpus to Parquet files in ``staging``, which is gone after the block.

    Raises
    ------
    CorpusError
        If no row of the corpus can be used; the message counts the reasons.
    """
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        _stage(settings, staging, engine, progress)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def load_staged(transaction: Transaction, settings: Settings, staging: Path) -> None:
    """Replace the documents, the rejected rows and the files with what is staged."""
    kept = f"{glob.escape(str(staging))}/documents-*.parquet"
    limit = settings.corpus.max_documents or 2**62
    transaction.delete("documents")
    transaction.execute("load_documents", staging=kept, max_documents=limit)
    transaction.delete("rejected_documents")
    for part in sorted(staging.glob("rejected-*.parquet")):
        transaction.insert("rejected_documents", pl.read_parquet(part, glob=False))
    transaction.delete("corpus_files")
    transaction.execute("load_files", staging=kept, skipped=[str(reason) for reason in SKIPPED])


def _stage(settings: Settings, staging: Path, engine: Engine, progress: Progress) -> None:
    n_documents, n_rejected, reasons = 0, 0, dict[str, int]()
    for number, (kept, rejected) in enumerate(_parts(read_corpus(settings.corpus, engine))):
        if kept:
            rows = [_document_row(n_documents + i, document) for i, document in enumerate(kept)]
            frame = pl.DataFrame(rows, schema_overrides=MAY_BE_NULL)
            frame.write_parquet(staging / f"documents-{number:06}.parquet")
        if rejected:
            pl.DataFrame(rejected).write_parquet(staging / f"rejected-{number:06}.parquet")
        for row in rejected:
            reasons[row.reason] = reasons.get(row.reason, 0) + 1
        n_documents, n_rejected = n_documents + len(kept), n_rejected + len(rejected)
        progress(n_documents + n_rejected, 0)
    if not n_documents:
        counts = ", ".join(f"{reason}: {n:,}" for reason, n in sorted(reasons.items()))
        raise CorpusError(
            f"the corpus ({settings.corpus.source}) holds no usable document; rejected rows by "
            f"reason: {counts or 'none, it is empty'}"
        )


def _parts(
    rows: Iterable[Document | RejectedRow],
) -> Iterator[tuple[list[Document], list[RejectedRow]]]:
    kept: list[Document] = []
    rejected: list[RejectedRow] = []
    n_characters = 0
    for row in rows:
        if isinstance(row, RejectedRow):
            rejected.append(row)
        else:
            kept.append(row)
            n_characters += len(row.text)
        if len(kept) + len(rejected) >= STAGED_DOCUMENTS or n_characters >= STAGED_CHARACTERS:
            yield kept, rejected
            kept, rejected, n_characters = [], [], 0
    yield kept, rejected


def _document_row(ordinal: int, document: Document) -> dict[str, object]:
    page = document.page
    return {
        "ordinal": ordinal,
        "document_id": document.document_id,
        "content_hash": document.content_hash,
        "text": document.text,
        "source": document.source,
        "file": document.file,
        "row": document.row,
        "url": document.url,
        "license": document.license,
        "metadata": json.dumps(document.metadata, sort_keys=True),
        "qa_pairs": json.dumps([[pair.question, pair.answer] for pair in document.qa_pairs]),
        "page": page and page.page_id,
        "page_hash": page and page.content_hash,
        "chunk": page and page.chunk,
    }

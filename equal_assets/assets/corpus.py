"""Group `corpus`: the documents."""

import json
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from equal_assets.errors import CorpusError
from equal_assets.pages.figures.corpus import lengths_figure
from equal_assets.pages.metadata import first_words, markdown, with_bars
from equal_assets.progress import Progress, report
from equal_assets.records import Document, RejectedRow
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.warehouse import Transaction, Warehouse
from equal_assets.settings import Settings
from equal_assets.versions import expected_inputs, stored_versions

STAGED_DOCUMENTS = 4_000
STAGED_CHARACTERS = 20_000_000
"""Documents and characters that are held in memory before they are staged."""

LARGEST_SOURCES, LISTED_SOURCES = 8, 200
"""What a page has room for at a glance, and in a table that is opened."""


@dg.asset(group_name="corpus", kinds={"duckdb", "python"})
def documents(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a document of the corpus; exact duplicates are merged.

    Rows that cannot be used are kept in `rejected_documents` with file, row and reason.
    """
    settings = campaigns.load()
    started = time.monotonic()
    inputs = expected_inputs("documents", settings, stored_versions(warehouse))
    staging = Path(campaigns.state_folder) / "staging" / context.run_id
    try:
        stage_corpus(settings, staging, progress=report(context.log, "read the corpus"))
        with warehouse.transaction() as transaction:
            summary = _load_staged(transaction, settings, staging)
            shown = _shown_documents(transaction)
            version = transaction.record(
                "documents",
                inputs=inputs,
                version=summary["version"],
                seconds=time.monotonic() - started,
            )
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": summary["n_documents"],
            **shown,
            "characters": summary["n_characters"],
            "merged duplicates": summary["n_duplicates"],
            "rejected rows": summary["n_rejected"],
            "seconds": round(time.monotonic() - started, 1),
        },
    )


def _shown_documents(transaction: Transaction) -> dict[str, dg.MarkdownMetadataValue]:
    """Return what people look for first in a corpus: sources, lengths, samples, rejections."""
    sources = transaction.query("corpus_sources")
    samples = transaction.query("sample_documents")
    lengths = transaction.query("document_lengths")
    return {
        f"largest of {len(sources):,} sources": markdown(
            with_bars(sources.select("source", "documents").head(LARGEST_SOURCES), "documents")
        ),
        "samples": markdown(
            samples.select("source", text=first_words(pl.col("text"), 200)),
        ),
        "length of the documents": markdown(lengths_figure(lengths)),
        "rejected by reason": markdown(transaction.query("rejected_by_reason")),
        "sources": markdown(sources.head(LISTED_SOURCES)),
    }


def stage_corpus(settings: Settings, staging: Path, *, progress: Progress) -> None:
    """Write the corpus to Parquet files in ``staging``, a bounded part at a time.

    Raises
    ------
    CorpusError
        If no row of the corpus can be used; the message counts the reasons.
    """
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    n_documents, n_rejected, reasons = 0, 0, dict[str, int]()
    for number, (kept, rejected) in enumerate(_parts(read_corpus(settings.corpus))):
        if kept:
            rows = [_document_row(n_documents + i, document) for i, document in enumerate(kept)]
            frame = pl.DataFrame(rows, schema_overrides={"url": pl.String, "license": pl.String})
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
    }


def _load_staged(transaction: Transaction, settings: Settings, staging: Path) -> dict[str, Any]:
    kept = str(staging / "documents-*.parquet")
    limit = settings.corpus.max_documents or 2**62
    transaction.delete("documents")
    transaction.execute("load_documents", staging=kept, max_documents=limit)
    transaction.delete("rejected_documents")
    for part in sorted(staging.glob("rejected-*.parquet")):
        transaction.insert("rejected_documents", pl.read_parquet(part))
    transaction.execute("reject_claimed_ids", staging=kept)
    return transaction.query("corpus_summary").row(0, named=True)

"""What the page of group `corpus` shows."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from equal_assets.pages.metadata import bars, first_words, in_place, opened, with_bars
from equal_assets.pages.values import text
from equal_assets.resources.warehouse import Transaction, Warehouse

LARGEST_SOURCES, LISTED_SOURCES = 8, 200
"""What a page has room for at a glance, and in a table that is opened."""


def documents_page(transaction: Transaction, summary: dict[str, Any]) -> dict[str, Any]:
    """Return what people look for first in a corpus: sources, lengths, samples, rejections.

    Parameters
    ----------
    transaction : Transaction
        In which the documents are stored.
    summary : dict
        The row of the query ``corpus_summary``.
    """
    sources = transaction.query("corpus_sources")
    samples = transaction.query("sample_documents")
    lengths = transaction.query("document_lengths")
    shortest, longest = lengths["from_characters"].min(), lengths["to_characters"].max()
    return {
        "how it was read": reading_line(transaction),
        f"largest of {len(sources):,} sources": in_place(
            with_bars(sources.select("source", "documents").head(LARGEST_SOURCES), "documents")
        ),
        "samples": in_place(samples.select("source", text=first_words(pl.col("text"), 200))),
        "length of the documents": bars(
            lengths["documents"].to_list(),
            f"Documents by length, from {text(shortest)} to {text(longest)} characters, short to "
            f"long in equal ratios; {summary['n_characters']:,} characters in all.",
        ),
        "what was left out, and every source": opened(
            {
                "rejected by reason": transaction.query("rejected_by_reason"),
                "skipped files by kind": transaction.query("skipped_by_kind"),
                "sources": sources.head(LISTED_SOURCES),
            }
        ),
    }


def reading_line(stored: Transaction | Warehouse) -> str | None:
    """Return what became of every file and row of the corpus, or None where none was read."""
    summary = stored.query("corpus_summary").row(0, named=True)
    if not summary["n_documents"]:
        return None
    kinds = stored.query("skipped_by_kind").select("kind", "n_files")
    reasons = stored.query("rejected_by_reason").select("reason", "n_rows")
    return f"corpus: {'; '.join(_read(summary, _counted(kinds), _counted(reasons)))}"


def _read(summary: dict[str, Any], kinds: str, reasons: str) -> Iterator[str]:
    if n_files := summary["n_files"]:
        n_skipped = summary["n_skipped"]
        skipped = f", skipped: {n_skipped:,} ({kinds})" if n_skipped else ""
        yield f"files found: {n_files:,}, read: {n_files - n_skipped:,}{skipped}"
    cut = f" ({said})" if (said := chunks_of_pages(summary["n_chunks"], summary["n_pages"])) else ""
    yield f"documents: {summary['n_documents']:,}{cut}"
    for label, name in (
        ("copies merged", "n_duplicates"),
        ("left out by max_documents", "n_left_out"),
        ("ids made unique", "n_renamed"),
    ):
        if summary[name]:
            yield f"{label}: {summary[name]:,}"
    if n_rejected := summary["n_rejected"]:
        yield f"rows rejected: {n_rejected:,} ({reasons})"


def chunks_of_pages(n_chunks: int, n_pages: int) -> str:
    """Return how many documents are chunks, and of how many pages; empty where none is."""
    if not n_chunks:
        return ""
    return f"{n_chunks:,} chunk{'s' * (n_chunks > 1)} of {n_pages:,} page{'s' * (n_pages > 1)}"


def _counted(rows: pl.DataFrame) -> str:
    return ", ".join(f"{name}: {n:,}" for name, n in rows.iter_rows())

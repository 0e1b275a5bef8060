"""What the page of group `corpus` shows."""

from typing import Any

import polars as pl

from equal_assets.pages.figures.corpus import lengths_figure
from equal_assets.pages.metadata import first_words, markdown, with_bars
from equal_assets.resources.warehouse import Transaction

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
        "characters": summary["n_characters"],
        "merged duplicates": summary["n_duplicates"],
        "rejected rows": summary["n_rejected"],
    }

"""How well the words of each document answer to those of the reference pairs."""

from collections.abc import Iterator

import polars as pl

from equal_assets.algorithms.strategies.bm25 import bm25_scores
from equal_assets.progress import Progress
from equal_assets.resources.warehouse import Warehouse, qa_pairs

PAGE_DOCUMENTS = 1_024
"""Texts in memory at once."""


def word_scores(name: str, warehouse: Warehouse, *, progress: Progress) -> pl.DataFrame:
    """Return `document_id, value` of all documents, for the reference pairs of a campaign."""
    rows = warehouse.query("target_pairs", campaign=name, split="reference")
    weights = rows["weight"].to_numpy()
    ids: list[str] = []
    pages = _pages(warehouse, ids, progress)
    values = bm25_scores([pair.text for pair in qa_pairs(rows)], weights / weights.sum(), pages)
    return pl.DataFrame({"document_id": ids, "value": values})


def _pages(warehouse: Warehouse, ids: list[str], progress: Progress) -> Iterator[list[str]]:
    """Yield the texts of all documents, a page at a time, and append their ids."""
    n_documents = warehouse.query("corpus_summary")["n_documents"].item()
    after = ""
    while rows := warehouse.query("document_texts", after=after, limit=PAGE_DOCUMENTS).rows():
        yield [text for _, text in rows]
        ids += [document_id for document_id, _ in rows]
        after = ids[-1]
        progress(len(ids), n_documents)

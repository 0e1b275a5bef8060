"""What documents and reference pairs are compared by, where that is not their embeddings."""

from collections.abc import Iterator

from equal_assets.algorithms.strategies.bm25 import bm25_space
from equal_assets.algorithms.strategies.strategy import Space
from equal_assets.progress import Progress
from equal_assets.resources.warehouse import Warehouse, qa_pairs

PAGE_DOCUMENTS = 1_024
"""Texts in memory at once."""


def words_space(name: str, warehouse: Warehouse, *, progress: Progress) -> Space:
    """Return the documents, in order of id, and a campaign's reference pairs by their words."""
    pairs = qa_pairs(warehouse.query("target_pairs", campaign=name, split="reference"))
    return bm25_space([pair.text for pair in pairs], _pages(warehouse, progress))


def _pages(warehouse: Warehouse, progress: Progress) -> Iterator[list[str]]:
    """Yield the texts of the documents in order of id, and report how many were read."""
    n_documents = warehouse.query("corpus_summary")["n_documents"].item()
    n_read, after = 0, ""
    while rows := warehouse.query("document_texts", after=after, limit=PAGE_DOCUMENTS).rows():
        yield [text for _, text in rows]
        n_read, after = n_read + len(rows), rows[-1][0]
        progress(n_read, n_documents)

"""How well the words of each document answer to those of the reference pairs."""

from collections.abc import Iterator

import polars as pl

from equal_assets.algorithms.strategies.bm25 import bm25_scores
from equal_assets.progress import Progress
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.steps.text_pages import text_pages


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
    for page in text_pages(warehouse):
        yield page["text"].to_list()
        ids += page["document_id"].to_list()
        progress(len(ids), n_documents)

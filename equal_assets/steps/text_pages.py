"""The texts of the corpus, a page at a time, in order of id."""

from collections.abc import Iterator

import polars as pl

from equal_assets.resources.warehouse import Warehouse

PAGE_DOCUMENTS = 1_024
"""Documents whose texts are in memory at once."""


def text_pages(warehouse: Warehouse) -> Iterator[pl.DataFrame]:
    """Yield `document_id, content_hash, text` of all documents.

    Documents lie in order of id in the warehouse, so a page is found without reading others.
    """
    first = ""
    for last in warehouse.query("page_ends", n_documents=PAGE_DOCUMENTS)["document_id"]:
        yield warehouse.query("document_texts", after=first, last=last)
        first = last

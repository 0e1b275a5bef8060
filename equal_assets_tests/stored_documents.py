"""Rows of `documents`, where a test cares for their texts alone."""

from collections.abc import Iterable

import polars as pl


def document_rows(ids: Iterable[str], hashes: Iterable[str], texts: Iterable[str]) -> pl.DataFrame:
    """Return a row a document."""
    rows = pl.DataFrame({"document_id": ids, "content_hash": hashes, "text": texts})
    return rows.with_columns(
        n_characters=pl.col("text").str.len_chars(),
        source=pl.lit("s"),
        file=pl.lit("f"),
        row=pl.lit(1),
        metadata=pl.lit("{}"),
        qa_pairs=pl.lit("[]"),
        n_copies=pl.lit(1),
    )

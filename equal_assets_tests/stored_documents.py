"""Rows of `documents` and of the embedder, where a test cares for little of them."""

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


def embedder_row(*, n_dimensions: int = 2) -> pl.DataFrame:
    """Return the row of `contrastive_embedder`: version ``v1``, a model of the hub."""
    measured = [f"recall_at_{k}_{when}" for k in (1, 10) for when in ("before", "after")]
    return pl.DataFrame(
        {
            "embedder_version": "v1",
            "path": "hub/model",
            "base_model": "hub/model",
            "method": "none",
            "n_dimensions": n_dimensions,
            "n_train_pairs": 1,
            "n_held_out_pairs": 1,
            "seconds": 1.0,
            **dict.fromkeys(measured, 0.5),
        }
    )

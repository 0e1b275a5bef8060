"""The vectors of QA pairs: of a target's reference pairs, and of those that are extracted."""

from __future__ import annotations

import numpy as np
import polars as pl

from equal_assets.algorithms.strategies.strategy import Target
from equal_assets.progress import Progress
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.warehouse import (
    Transaction,
    Warehouse,
    qa_pairs,
    read_embedder,
    stack_vectors,
)


def embed_target(
    warehouse: Warehouse, embedder: Embedder, campaign: str, *, progress: Progress
) -> Target:
    """Return what steers a campaign: its reference pairs, embedded."""
    rows = warehouse.query("target_pairs", campaign=campaign, split="reference")
    pairs, weights = qa_pairs(rows), rows["weight"].to_numpy()
    return Target(
        embeddings=embedder.encode(
            [pair.text for pair in pairs],
            path=read_embedder(warehouse)["path"],
            progress=progress,
        ),
        answer_lengths=np.array([len(pair.answer) for pair in pairs], dtype=float),
        weights=weights / weights.sum(),
    )


def pair_vectors(
    warehouse: Warehouse, embedder: Embedder, pairs: pl.DataFrame, *, progress: Progress
) -> np.ndarray:
    """Return the vectors of extracted pairs, embedding and storing those that are new.

    Parameters
    ----------
    warehouse : Warehouse
    embedder : Embedder
    pairs : DataFrame
        Columns ``qa_id``, ``question``, ``answer``.
    progress : callable
        Called with new pairs done and in all.

    Returns
    -------
    ndarray of shape (n_pairs, n_dimensions), float32
        In the order of the pairs.
    """
    model = read_embedder(warehouse)
    stored = _stored(warehouse, pairs, model["embedder_version"])
    new = pairs.join(stored, on="qa_id", how="anti", maintain_order="left")
    if len(new):  # documents that failed in their round, and were extracted later
        store_vectors(
            warehouse,
            embedder,
            new,
            path=model["path"],
            version=model["embedder_version"],
            progress=progress,
        )
        stored = _stored(warehouse, pairs, model["embedder_version"])
    rows = pairs.join(stored, on="qa_id", how="left", maintain_order="left")
    return stack_vectors(rows["embedding"], n_dimensions=model["n_dimensions"])


def store_vectors(
    warehouse: Warehouse,
    embedder: Embedder,
    pairs: pl.DataFrame,
    *,
    path: str,
    version: str,
    progress: Progress,
) -> None:
    """Embed pairs and store their vectors.

    Parameters
    ----------
    warehouse : Warehouse
    embedder : Embedder
    pairs : DataFrame
        Columns ``qa_id``, ``question``, ``answer``.
    path, version : str
        Of the model, which has not embedded them.
    progress : callable
        Called with pairs done and in all.
    """
    embedded = embedder.embed([pair.text for pair in qa_pairs(pairs)], path=path, progress=progress)
    rows = pairs.select("qa_id").with_columns(
        pl.lit(version).alias("embedder_version"),
        pl.Series("embedding", embedded.vectors.tolist(), dtype=pl.List(pl.Float32)),
        pl.Series("n_tokens", embedded.n_tokens),
        pl.Series("flops", embedded.flops),
    )
    with warehouse.transaction() as transaction:
        # another process may have embedded some of them meanwhile
        present = _stored(transaction, pairs, version)
        transaction.insert("qa_embeddings", rows.join(present, on="qa_id", how="anti"))


def _stored(read: Warehouse | Transaction, pairs: pl.DataFrame, version: str) -> pl.DataFrame:
    return read.query("pair_vectors", qa_ids=pairs["qa_id"].to_list(), embedder_version=version)

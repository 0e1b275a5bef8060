"""The vectors of QA pairs: of a target's reference pairs, and of those that are extracted."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class FoundVectors:
    """The vectors of some pairs that are stored already; made by :func:`find_pair_vectors`.

    Attributes
    ----------
    pairs : DataFrame
        Columns ``qa_id``, ``question``, ``answer``.
    stored : DataFrame
        Columns ``qa_id``, ``embedding``, of those that are stored.
    version : str
        Of the model.
    """

    pairs: pl.DataFrame
    stored: pl.DataFrame
    version: str

    def completed(
        self,
        warehouse: Warehouse,
        embedder: Embedder,
        *,
        path: str,
        n_dimensions: int,
        progress: Progress,
    ) -> np.ndarray:
        """Return the vectors of all pairs, in their order; new ones are embedded and stored.

        Parameters
        ----------
        warehouse : Warehouse
        embedder : Embedder
        path : str
            Of the model.
        n_dimensions : int
        progress : callable
            Called with new pairs done and in all.

        Returns
        -------
        ndarray of shape (n_pairs, n_dimensions), float32
        """
        new = self.pairs.join(self.stored, on="qa_id", how="anti", maintain_order="left")
        found = [self.stored]
        if len(new):
            texts = [pair.text for pair in qa_pairs(new)]
            embedded = embedder.embed(texts, path=path, progress=progress)
            rows = new.select("qa_id").with_columns(
                pl.lit(self.version).alias("embedder_version"),
                pl.Series("embedding", embedded.vectors).cast(pl.List(pl.Float32)),
                pl.Series("n_tokens", embedded.n_tokens),
                pl.Series("flops", embedded.flops),
            )
            with warehouse.transaction() as transaction:
                # another process may have embedded some of them meanwhile
                present = find_pair_vectors(transaction, new, version=self.version).stored
                transaction.insert("qa_embeddings", rows.join(present, on="qa_id", how="anti"))
            found.append(rows.select("qa_id", "embedding"))
        rows = self.pairs.join(pl.concat(found), on="qa_id", how="left", maintain_order="left")
        return stack_vectors(rows["embedding"], n_dimensions=n_dimensions)


def find_pair_vectors(
    read: Warehouse | Transaction, pairs: pl.DataFrame, *, version: str
) -> FoundVectors:
    """Look up which pairs (``qa_id``, ``question``, ``answer``) a model has embedded."""
    ids = pairs["qa_id"].to_list()
    stored = read.query("pair_vectors", qa_ids=ids, embedder_version=version)
    return FoundVectors(pairs, stored, version)


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
    with warehouse.reading() as read:
        model = read_embedder(warehouse)
        found = find_pair_vectors(read, pairs, version=model["embedder_version"])
    return found.completed(
        warehouse,
        embedder,
        path=model["path"],
        n_dimensions=model["n_dimensions"],
        progress=progress,
    )

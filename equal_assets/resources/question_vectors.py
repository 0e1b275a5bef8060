"""Where questions lie for one fixed model: leaks and repeats are judged alike everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from equal_assets.progress import Progress, silent
from equal_assets.resources.embedder import BUNDLED_MODEL, Embedder, bundled_model
from equal_assets.resources.warehouse import Warehouse

N_DIMENSIONS = 384
"""Of all-MiniLM-L6-v2."""


def embed_questions(questions: Sequence[str], *, progress: Progress = silent) -> np.ndarray:
    """Embed questions with the packaged all-MiniLM-L6-v2; unit rows, (n_questions, 384) float32.

    The embedder of a campaign will not do: a static or tuned one puts most questions of a field
    near some test question (docs/dataset.md has the figures).

    Raises
    ------
    ModelError
        If its weights differ from the published ones.
    """
    embedder = Embedder(
        model=BUNDLED_MODEL,
        precision="float32",
        batch_size=64,
        chunk_overlap_tokens=32,
        models_folder="",
    )
    return embedder.encode(questions, path=str(bundled_model()), progress=progress)


def question_vectors(
    warehouse: Warehouse, pairs: pl.DataFrame, *, progress: Progress = silent
) -> np.ndarray:
    """Return the vectors of the questions of pairs, embedding and storing those that are new.

    Parameters
    ----------
    warehouse : Warehouse
    pairs : DataFrame
        Columns `qa_id`, distinct, and `question`.
    progress : callable
        Called with new questions done and in all.

    Returns
    -------
    ndarray of shape (n_pairs, 384), float32
        In the order of the pairs.
    """
    stored = warehouse.query("question_embeddings", qa_ids=pairs["qa_id"].to_list())
    new = pairs.select("qa_id", "question").join(stored, on="qa_id", how="anti")
    if len(new):
        vectors = embed_questions(new["question"].to_list(), progress=progress)
        embedded = new.select("qa_id").with_columns(
            pl.Series("embedding", vectors.tolist(), dtype=pl.List(pl.Float32))
        )
        with warehouse.transaction() as transaction:
            transaction.insert("question_embeddings", embedded)
        stored = pl.concat([stored, embedded])
    rows = pairs.select("qa_id").join(stored, on="qa_id", how="left", maintain_order="left")
    return rows["embedding"].list.to_array(N_DIMENSIONS).to_numpy().reshape(-1, N_DIMENSIONS)

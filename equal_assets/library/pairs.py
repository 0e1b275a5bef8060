"""QA pairs from outside: how near they come to a target, and which repeat an earlier one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from equal_assets.algorithms.deduplication import (
    Repeat,
    equal_pairs,
    near_duplicates,
    same_meaning,
)
from equal_assets.algorithms.optimal_transport import ot_reward
from equal_assets.library.vectors import unit_rows, weights_of
from equal_assets.records import QAPair
from equal_assets.settings import DatasetSettings

__all__ = ["Repeat", "deduplicate", "reward"]

_DEFAULTS = DatasetSettings()


def reward(pairs: ArrayLike, targets: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Return how near pairs come to a target: minus the optimal transport cost between the two.

    Parameters
    ----------
    pairs : array of shape (n_pairs, n_dimensions)
        Embedded QA pairs; may be empty. Rows are scaled to length 1.
    targets : array of shape (n_targets, n_dimensions)
        The target's embedded QA pairs, at least one.
    weights : array of shape (n_targets,), optional
        How much each of them counts; alike by default.

    Returns
    -------
    float
        Mean of cosine - 1 over what is transported: 0 at best, -1 where pairs are orthogonal to the
        target, and without pairs.

    Raises
    ------
    ValueError
        If an array has not the shape that it must have, or holds what is not finite.

    References
    ----------
    arXiv:2505.12250, section 3.3.

    Examples
    --------
    >>> reward([[1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]])
    -0.5
    """
    reference = unit_rows("targets", targets)
    own = unit_rows("pairs", pairs, n_dimensions=reference.shape[1], may_be_empty=True)
    return ot_reward(
        own.astype(np.float64),
        reference.astype(np.float64),
        target_weights=weights_of(weights, n_rows=len(reference)),
    )


def deduplicate(
    pairs: Sequence[tuple[str, str]],
    question_embeddings: ArrayLike | None = None,
    *,
    near_duplicate: float = _DEFAULTS.near_duplicate or 1.0,
    same_question: float = _DEFAULTS.same_meaning or 1.0,
) -> list[Repeat | None]:
    """Find the pairs that repeat an earlier one: in the same words, nearly, or in meaning.

    Parameters
    ----------
    pairs : sequence of (question, answer)
    question_embeddings : array of shape (n_pairs, n_dimensions), optional
        Embedded questions; without them, questions are not compared by meaning.
    near_duplicate : float
        Least Jaccard similarity of word 5-shingles at which a pair is a repeat, 0 to 1.
    same_question : float
        Least cosine of two questions at which the later pair is a repeat, 0 to 1.

    Returns
    -------
    list of Repeat or None
        For each pair the earlier one that it repeats, as ``Repeat(kept, similarity)``: ``kept`` is
        a row of ``pairs`` that stays, ``similarity`` the one that decided (``None``: equal words).
        ``None`` for a pair that stays. Questions that hold different numbers are not the same.

    Raises
    ------
    ValueError
        If there is not an embedding for each question.

    Examples
    --------
    >>> pairs = [("What is 2 + 2?", "4"), ("What is 2 + 3?", "5"), ("what is 2 + 2", "4.")]
    >>> deduplicate(pairs)
    [None, None, Repeat(kept=0, similarity=None)]
    """
    texts = [QAPair(*pair) for pair in pairs]
    found: list[Repeat | None] = [None] * len(texts)
    rows = np.arange(len(texts))
    rows = _mark(found, rows, equal_pairs(texts))
    own = [texts[row] for row in rows]
    rows = _mark(found, rows, near_duplicates(own, threshold=near_duplicate))
    if question_embeddings is None or not texts:
        return found
    vectors = unit_rows("question_embeddings", question_embeddings)
    if len(vectors) != len(texts):
        raise ValueError(f"{len(texts)} pairs, {len(vectors)} question_embeddings: must be as many")
    questions = [texts[row].question for row in rows]
    _mark(found, rows, same_meaning(questions, vectors[rows], threshold=same_question))
    return found


def _mark(found: list[Repeat | None], rows: np.ndarray, repeats: list[Repeat | None]) -> np.ndarray:
    """Note the repeats among rows; return the rows that stay."""
    for row, repeat in zip(rows, repeats, strict=True):
        if repeat is not None:
            found[row] = Repeat(int(rows[repeat.kept]), repeat.similarity)
    return np.array([row for row in rows if found[row] is None], dtype=np.int64)

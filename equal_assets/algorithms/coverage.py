"""How far pairs cover a target: what `equal` maximizes, what a curve shows, what tells when to end.

A pair gives each reference question a mass: 1 if it is as near to it as the documents that are
nearest, on average, at most ``e^2`` if it is nearer, and next to nothing if it is far. Masses
add up over pairs, so what a pool covers is known from one number per question.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from equal_assets.algorithms.segments import sums_of
from equal_assets.algorithms.strategies.strategy import ExtractedPairs, Target
from equal_assets.algorithms.vectors import Vectors, blocks

NEAREST_DOCUMENTS = 50
"""Documents nearest to a question; their mean similarity is the level that its kernel starts at."""

LARGEST_EXPONENT = 2.0
"""Beyond ``e^2`` times the level, a pair or document counts no more: near copies gain nothing."""

SMALLEST_EXPONENT = -50.0
"""Below this, a mass is practically zero, but its logarithm is still a number."""


@dataclass(frozen=True)
class Kernel:
    """How near a vector is to each reference question, on the scale of its corpus.

    Attributes
    ----------
    questions : ndarray of shape (n_questions, n_dimensions), float32
        Unit rows.
    levels, widths : ndarray of shape (n_questions,), float32
        Similarity at which the mass is 1; what must be added for ``e`` times as much.
    """

    questions: np.ndarray
    levels: np.ndarray
    widths: np.ndarray

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Return the mass that unit rows give to questions, shape (n_rows, n_questions)."""
        exponents = (embeddings @ self.questions.T - self.levels) / self.widths
        return np.exp(np.clip(exponents, SMALLEST_EXPONENT, LARGEST_EXPONENT))


def kernel_of(documents: Vectors, questions: np.ndarray, *, temperature: float) -> Kernel:
    """Return the kernel of the questions of a target in a corpus.

    Parameters
    ----------
    documents : Vectors of shape (n_documents, n_dimensions)
        Unit rows.
    questions : ndarray of shape (n_questions, n_dimensions), float32
        Unit rows.
    temperature : float
        Width, > 0, in standard deviations of the similarity of documents to a question.
    """
    n_nearest = min(NEAREST_DOCUMENTS, len(documents))
    nearest = np.full((n_nearest, len(questions)), -np.inf, dtype=np.float32)
    sums, squares = np.zeros(len(questions)), np.zeros(len(questions))
    for _, block in blocks(documents):
        similarity = block @ questions.T  # (n_block, n_questions)
        sums += similarity.sum(axis=0, dtype=np.float64)
        squares += (similarity**2).sum(axis=0, dtype=np.float64)
        both = np.concatenate([nearest, similarity])
        nearest = np.partition(both, len(both) - n_nearest, axis=0)[-n_nearest:]
    variance = squares / len(documents) - (sums / len(documents)) ** 2
    deviations = np.sqrt(np.maximum(variance, 1e-12)).astype(np.float32)
    return Kernel(questions, nearest.mean(axis=0), temperature * deviations)


def answer_values(
    answer_lengths: np.ndarray, target: Target, *, exponent: float = 1.0
) -> np.ndarray:
    """Return what answers are worth: ``min(1, length / median length of the target's)``."""
    relative = np.minimum(1.0, answer_lengths / float(np.median(target.answer_lengths)))
    return np.asarray(relative**exponent)


def is_near(masses: np.ndarray) -> np.ndarray:
    """Say which rows give any question the mass 1 or more, shape (n_rows,), bool."""
    return np.asarray(masses.max(axis=1, initial=0.0) >= 1.0)


class TargetCoverage:
    """What pairs give to the reference questions of a target, and how well these are served.

    The coverage of a pool is ``exp(F) - 1`` with ``F = sum_q w_q log(1 + m_q)``, ``m_q`` the mass
    that its pairs gave to question ``q``. It is the number of near pairs with which every question
    would be as well served as the questions are: a mean to which a question without pairs counts
    most. Pairs whose answers are too short for the data set give nothing.
    """

    def __init__(self, kernel: Kernel, target: Target, *, shortest: float) -> None:
        """Start from the kernel of the target's questions.

        Parameters
        ----------
        kernel : Kernel
        target : Target
        shortest : float
            Quantile of the lengths of the reference answers, 0 to 1, below which an answer counts
            as none; 0: all count.
        """
        self.kernel, self.target = kernel, target
        asked = target.answer_lengths[target.weights > 0]
        self.least_length = float(np.quantile(asked, shortest)) if shortest else 0.0

    def given(self, pairs: ExtractedPairs, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what documents' pairs give, and how many of them are near the target.

        Parameters
        ----------
        pairs : ExtractedPairs
            Of these documents.
        rows : ndarray of shape (n_rows,), int64
            Rows of the documents, each once.

        Returns
        -------
        masses : ndarray of shape (n_rows, n_questions), float64
        n_near : ndarray of shape (n_rows,), int64
            Pairs that give any question the mass 1 or more, before the length of answers counts.
        """
        masses = np.zeros((len(rows), len(self.target.weights)))
        n_near = np.zeros(len(rows), dtype=np.int64)
        if len(pairs.documents):
            order = np.argsort(rows)
            owners = order[np.searchsorted(rows, pairs.documents, sorter=order)]
            with threadpool_limits(1, user_api="blas"):
                of_pairs, is_near = self._of_pairs(pairs.embeddings, pairs.answer_lengths)
            masses = sums_of(of_pairs, owners, len(rows))
            n_near = np.bincount(owners[is_near], minlength=len(rows))
        return masses, n_near

    def gain(self, masses: np.ndarray) -> np.ndarray:
        """Return ``F`` of masses, shape (..., n_questions)."""
        return np.asarray(np.log1p(masses) @ self.target.weights)

    def value(self, masses: np.ndarray) -> np.ndarray:
        """Return the coverage of masses, shape (..., n_questions): near pairs per question."""
        return np.asarray(np.expm1(self.gain(masses)))

    def _of_pairs(
        self, embeddings: np.ndarray, answer_lengths: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        masses = self.kernel(embeddings)
        is_long = answer_lengths >= self.least_length
        values = answer_values(answer_lengths, self.target) * is_long
        return masses * values[:, None], is_near(masses) & is_long

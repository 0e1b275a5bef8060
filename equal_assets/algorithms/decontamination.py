"""Leaks: pairs that give away a test question or another protected question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from equal_assets.algorithms.words import Words, cut, n_words, ngrams, words
from equal_assets.records import QAPair

BLOCK_ROWS = 1024
"""Pairs compared with all questions at once: bounds memory."""

SIMILARITY_DECIMALS = 6
"""Further ones vary between machines, and with how many texts are embedded at once."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Why a pair must not be trained on.

    Attributes
    ----------
    rule : str
        ``"overlap"`` with the question, ``"answer"`` repeated, or ``"nearness"`` of the question.
    against : int
        Row of the protected question.
    similarity : float or None
        Cosine of the two questions, if that decided.
    """

    rule: Literal["overlap", "answer", "nearness"]
    against: int
    similarity: float | None = None


class ProtectedQuestions:
    """Questions that no example may give away, indexed so that many pairs can be looked up.

    Parameters
    ----------
    pairs : sequence of QAPair
        The questions; one without an answer has an empty one.
    n : int
        Words in a row that count as overlap; GPT-3 used 13, Llama 2 10. A shorter question counts
        if a pair contains all of it; in a script without spaces, between punctuation, since part
        of another word might follow.
    vectors : ndarray of shape (n_pairs, n_dimensions), optional
        Unit rows: the questions embedded. Without them nearness is not checked.
    similarity : float
        Least cosine at which questions are near.

    Notes
    -----
    Answers of ``n`` words or more are compared whole: shorter ones ("42"), and ten words in a row
    of code ("import numpy as np ..."), are shared by chance.
    """

    def __init__(
        self,
        pairs: Sequence[QAPair],
        *,
        n: int,
        vectors: np.ndarray | None = None,
        similarity: float = 1.0,
    ) -> None:
        self._similarity = similarity
        self._vectors = None if vectors is None else vectors.astype(np.float64)
        self._grams: dict[tuple[str, ...], int] = {}
        self._answers: dict[tuple[str, ...], int] = {}
        for row, pair in enumerate(pairs):
            for gram in ngrams(pair.question, n=n):
                self._grams.setdefault(gram, row)
            answer = tuple(words(pair.answer))
            if n_words(answer) >= n:
                self._answers.setdefault(answer, row)
        self._short = {gram for gram in self._grams if n_words(gram) < n}
        self._has_single = any(len(gram) == 1 for gram in self._grams)
        self._lengths: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for gram in self._grams:
            self._lengths[gram[:2]].add(len(gram))

    @property
    def n_dimensions(self) -> int:
        """Of the vectors; 1 where there are none."""
        return 1 if self._vectors is None else self._vectors.shape[1]

    def find_leaks(
        self, pairs: Sequence[QAPair], vectors: np.ndarray | None = None
    ) -> list[Leak | None]:
        """Say for each pair which question it gives away, or ``None`` where it may stay.

        Parameters
        ----------
        pairs : sequence of QAPair
        vectors : ndarray of shape (n_pairs, n_dimensions), optional
            Unit rows: the questions of the pairs, embedded as the protected ones are.

        Returns
        -------
        list of Leak or None
            The first rule that applies: overlap (with the first such question), answer, nearness
            (to the nearest question).

        Raises
        ------
        ValueError
            If only one side has vectors.
        """
        if (vectors is None) != (self._vectors is None):
            raise ValueError("nearness needs vectors of the pairs and of the protected questions")
        near = self._nearest(vectors) if vectors is not None else iter([None] * len(pairs))
        return [self._worded(pair) or leak for pair, leak in zip(pairs, near, strict=True)]

    def _worded(self, pair: QAPair) -> Leak | None:
        text = cut(pair.text)
        found: dict[int, int] = {}  # length of an overlap -> the first such question
        for start, gram in self._grams_of(text):
            row, length = self._grams.get(gram), len(gram)
            if row is not None and (
                gram not in self._short or (text.is_edge[start] and text.is_edge[start + length])
            ):
                found[length] = min(row, found.get(length, row))
        if found:
            return Leak("overlap", found[max(found)])
        row = self._answers.get(tuple(words(pair.answer)))
        return None if row is None else Leak("answer", row)

    def _grams_of(self, text: Words) -> Iterator[tuple[int, tuple[str, ...]]]:
        """Yield where a text may hold a gram of a question, which begins with the same words."""
        tokens = text.tokens
        lengths = self._lengths
        starts: list[tuple[int, tuple[str, ...]]] = [
            (row, two) for row, two in enumerate(pairwise(tokens)) if two in lengths
        ]
        if self._has_single:
            starts += [(row, (one,)) for row, one in enumerate(tokens) if (one,) in lengths]
        for start, opening in starts:
            for length in lengths[opening]:
                if start + length <= len(tokens):
                    yield start, tuple(tokens[start : start + length])

    def _nearest(self, vectors: np.ndarray) -> Iterator[Leak | None]:
        assert self._vectors is not None
        if not len(self._vectors):
            yield from [None] * len(vectors)
            return
        for start in range(0, len(vectors), BLOCK_ROWS):
            block = vectors[start : start + BLOCK_ROWS].astype(np.float64)
            cosines = np.round(
                block @ self._vectors.T, SIMILARITY_DECIMALS
            )  # (n_block, n_protected)
            for row, column in enumerate(cosines.argmax(axis=1)):
                cosine = float(cosines[row, column])
                yield Leak("nearness", int(column), cosine) if cosine >= self._similarity else None

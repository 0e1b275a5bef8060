"""How well the words of documents answer to those of questions: BM25."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from equal_assets.algorithms.words import words

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SATURATION, LENGTH = 1.5, 0.75
"""``k1`` and ``b``: how soon a word that is repeated counts no more, and how far a long document is
made comparable with a short one; the usual values."""


def bm25_scores(
    questions: Sequence[str], weights: np.ndarray, pages: Iterable[Sequence[str]]
) -> np.ndarray:
    """Return the BM25 of documents, summed over questions.

    Parameters
    ----------
    questions : sequence of str
        Each word of a question counts once.
    weights : ndarray of shape (n_questions,)
        How much each question counts.
    pages : iterable of sequence of str
        The documents, some at a time; only counts of the questions' words are kept of them.

    Returns
    -------
    ndarray of shape (n_documents,), float64
        >= 0; 0 for a document that shares no word with any question.

    Notes
    -----
    A word in ``n`` of ``N`` documents weighs ``log(1 + (N - n + .5) / (n + .5))``, which is above
    0 even for a word in all of them. In scripts without spaces a word is a character. A document
    takes 8 bytes for each of its words that a question has.

    References
    ----------
    Robertson and Zaragoza 2009, The Probabilistic Relevance Framework, section 3.
    """
    from scipy.sparse import csr_array, vstack  # here: definitions would load it

    asked: dict[str, float] = {}
    for question, weight in zip(questions, weights, strict=True):
        for word in sorted(set(words(question))):
            asked[word] = asked.get(word, 0.0) + weight
    places = {word: place for place, word in enumerate(asked)}
    parts, lengths = [csr_array((0, len(places)), dtype=np.float32)], array("l")
    for page in pages:
        parts.append(_counts(page, places, lengths))
    counts = vstack(parts, format="csr")  # (n_documents, n_words)
    return _weighted(counts, np.frombuffer(lengths, dtype="l")) @ np.array([*asked.values()])


def _counts(texts: Sequence[str], places: dict[str, int], lengths: array[int]) -> csr_array:
    """Count the words that have a place, and append how many words each text has in all."""
    from scipy.sparse import csr_array

    columns, numbers, ends = array("i"), array("f"), array("l", [0])
    for text in texts:
        tokens = words(text)
        lengths.append(len(tokens))
        counted = Counter(places[token] for token in tokens if token in places)
        columns.extend(counted.keys())
        numbers.extend(counted.values())
        ends.append(len(columns))
    return csr_array(
        (np.frombuffer(numbers, "f"), np.frombuffer(columns, "i"), np.frombuffer(ends, "l")),
        shape=(len(texts), len(places)),
    )


def _weighted(counts: csr_array, lengths: np.ndarray) -> csr_array:
    """Return what each count adds to the score of its document."""
    n_documents, n_words = counts.shape
    holding = np.bincount(counts.indices, minlength=n_words)  # (n_words,), documents
    rarity = np.log1p((n_documents - holding + 0.5) / (holding + 0.5)).astype(np.float32)
    relative = lengths / max(lengths.mean(), 1.0)
    half = SATURATION * (1 - LENGTH + LENGTH * relative)  # count that gives half of the most
    of_each = np.repeat(half.astype(np.float32), np.diff(counts.indptr))
    weighted = counts.copy()
    weighted.data = (SATURATION + 1) * counts.data / (counts.data + of_each)
    weighted.data *= rarity[counts.indices]
    return weighted

"""Repeats among pairs: equal, nearly equal, or the same in meaning; the first one stays."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import regex

from equal_assets.algorithms.neighbors import cosines, first_near
from equal_assets.algorithms.opposites import are_opposite, sides
from equal_assets.algorithms.words import ngrams, words
from equal_assets.records import QAPair

NUMBER = regex.compile(r"\d+(?:\.\d+)?|\p{No}|[一二三四五六七八九十百千万萬億亿两]+")
THOUSANDS = regex.compile(r"(?<=\d),(?=\d{3})")
ORDINAL = regex.compile(r"\b(?:second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\b")
DIGIT = regex.compile(r"(?V1)[\d--[0-9]]")
COUNTS_NOTHING = frozenset("一十百千万萬億亿两")
"""Chinese numerals that alone are mostly parts of words: 一般, 十分, 千万."""

SHINGLE_WORDS = 5
"""Words in a shingle, the unit that two texts share; as in Lee et al. 2022, arXiv:2107.06499."""

PERMUTATIONS = 128

MISSED_WEIGHT = 0.999
"""The exact similarity rejects surplus candidates; a missed one stays."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """Which earlier pair a pair repeats.

    Attributes
    ----------
    kept : int
        Row of the pair that stays.
    similarity : float or None
        Jaccard similarity or cosine of the two, if it decided.
    """

    kept: int
    similarity: float | None = None


def numbers(text: str) -> frozenset[str]:
    """Return the numbers in a text, without thousands separators, in the digits 0 to 9.

    English ordinals in words are numbers, too.

    >>> sorted(numbers("1,200 m in 3.5 s"))
    ['1200', '3.5']
    >>> sorted(numbers("٤ أو ५, 二十"))
    ['4', '5', '二十']
    >>> sorted(numbers("The Second step, and the third"))
    ['second', 'third']
    """
    ordinals = frozenset(ORDINAL.findall(text.lower()))
    text = DIGIT.sub(lambda digit: str(unicodedata.digit(digit[0])), text)
    return ordinals | frozenset(NUMBER.findall(THOUSANDS.sub("", text))) - COUNTS_NOTHING


def equal_pairs(pairs: Sequence[QAPair]) -> list[Repeat | None]:
    """Find pairs whose question and answer have the same words as an earlier pair.

    Case and punctuation do not count; a text without words is compared as it is.
    """
    first: dict[tuple[tuple[str, ...], ...], int] = {}
    found: list[Repeat | None] = []
    for row, pair in enumerate(pairs):
        kept = first.setdefault((_identity(pair.question), _identity(pair.answer)), row)
        found.append(None if kept == row else Repeat(kept))
    return found


def near_duplicates(pairs: Sequence[QAPair], *, threshold: float) -> list[Repeat | None]:
    """Find pairs that share nearly all their text with an earlier pair that stays.

    Parameters
    ----------
    pairs : sequence of QAPair
    threshold : float
        Least Jaccard similarity of the word 5-shingles of question and answer at which the later
        pair is a repeat. Pairs whose questions hold different numbers, or opposite words,
        never are: their answers differ.

    Returns
    -------
    list of Repeat or None
        Against the first such pair that stays, with the exact similarity.

    Notes
    -----
    Candidates come from MinHash (128 permutations, a fixed seed) and locality-sensitive hashing,
    and are verified on the shingles themselves: no pair is removed on an estimate. A few right at
    the threshold are missed. Of a pair only its keys are kept, and looked up if others share one.

    References
    ----------
    Broder 1997, "On the resemblance and containment of documents"; Lee et al. 2022.
    """
    keys, is_shared = _shared_keys(pairs, threshold=threshold)
    holders: dict[int, list[int]] = defaultdict(list)  # of a key: the pairs that stay
    found: list[Repeat | None] = [None] * len(pairs)
    for row in np.flatnonzero(is_shared.any(axis=1)).tolist():
        own = keys[row, is_shared[row]].tolist()
        candidates = sorted({kept for key in own for kept in holders[key]})
        found[row] = _near_duplicate(row, candidates, pairs, threshold=threshold)
        if found[row] is None:
            for key in own:
                holders[key].append(row)
    return found


def _near_duplicate(
    row: int, candidates: Sequence[int], pairs: Sequence[QAPair], *, threshold: float
) -> Repeat | None:
    if not candidates:
        return None
    shingles = ngrams(pairs[row].text, n=SHINGLE_WORDS)
    for kept in candidates:
        shared = _jaccard(shingles, ngrams(pairs[kept].text, n=SHINGLE_WORDS))
        one, other = pairs[row].question, pairs[kept].question
        is_near = shared >= threshold and numbers(one) == numbers(other)
        if is_near and not are_opposite(one, other):
            return Repeat(kept, shared)
    return None


def _shared_keys(pairs: Sequence[QAPair], *, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a key of each pair in each band, and which of them another pair has too.

    Both have the shape (n_pairs, n_bands). Texts without words share none.
    """
    from datasketch import MinHash, MinHashLSH  # here: it brings scipy.integrate

    weights = (1 - MISSED_WEIGHT, MISSED_WEIGHT)
    bands = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS, weights=weights)
    n_used = bands.b * bands.r
    mixing = np.random.default_rng(1).integers(1 << 62, size=n_used, dtype=np.uint64) * 2 + 1
    empty = MinHash(num_perm=PERMUTATIONS, seed=1)
    keys = np.zeros((len(pairs), bands.b), dtype=np.uint64)
    has_words = np.zeros(len(pairs), dtype=bool)
    for row, pair in enumerate(pairs):
        shingles = ngrams(pair.text, n=SHINGLE_WORDS)
        sketch = empty.copy()  # drawing the permutations takes longer than the rest
        sketch.update_batch([" ".join(shingle).encode() for shingle in shingles])
        mixed = sketch.hashvalues[:n_used].astype(np.uint64) * mixing
        keys[row], has_words[row] = mixed.reshape(bands.b, bands.r).sum(axis=1), bool(shingles)
    is_shared = np.zeros(keys.shape, dtype=bool)
    rows = np.flatnonzero(has_words)
    for band in range(bands.b):
        order = rows[np.argsort(keys[rows, band], kind="stable")]
        is_next = np.diff(keys[order, band]) == 0
        is_shared[order[:-1][is_next], band] = is_shared[order[1:][is_next], band] = True
    return keys, is_shared


def same_meaning(
    questions: Sequence[str], vectors: np.ndarray, *, threshold: float
) -> list[Repeat | None]:
    """Find questions that ask the same as an earlier one that stays, in other words.

    Parameters
    ----------
    questions : sequence of str
        Questions with different numbers, or with opposite words (above, below), are never the same.
    vectors : ndarray of shape (n_questions, n_dimensions)
        Unit rows.
    threshold : float
        Least cosine at which the later question is a repeat.

    Returns
    -------
    list of Repeat or None
        Against the first such question that stays.

    Notes
    -----
    The comparison is exact, and its memory and time are nearly in proportion to the number of
    questions (:mod:`~equal_assets.algorithms.neighbors`).
    """
    found: list[Repeat | None] = [None] * len(questions)
    for rows in _groups([numbers(question) for question in questions]):
        of_group = vectors[rows]
        of_words = sides([questions[row] for row in rows])
        first = first_near(of_group, threshold=threshold, sides=of_words)
        repeats = np.flatnonzero(first >= 0)
        similarities = cosines(of_group, np.stack([repeats, first[repeats]]))
        for row, kept, cosine in zip(
            rows[repeats], rows[first[repeats]], similarities.tolist(), strict=True
        ):
            found[row] = Repeat(int(kept), round(min(cosine, 1.0), 6))
    return found


def _groups(keys: Sequence[Hashable]) -> Iterator[np.ndarray]:
    rows: dict[Hashable, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows[key].append(row)
    yield from (np.array(found) for found in rows.values())


def _identity(text: str) -> tuple[str, ...]:
    """Return what makes two texts the same: their words, or the text if it has none."""
    return tuple(words(text)) or (text.strip(),)


def _jaccard(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b)

"""Pairs that must not be trained on: repeats, and pairs that overlap with a test question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from equal_assets.records import QAPair

WORD = re.compile(r"\w+")
NGRAM_WORDS = 10
"""Length of a shared word n-gram that counts as overlap; GPT-3 used 13, Llama 2 10."""


def words(text: str) -> list[str]:
    """Return the words of a text, lowercase, without punctuation."""
    return WORD.findall(text.lower())


def ngrams(text: str, *, n: int) -> set[tuple[str, ...]]:
    """Return the word n-grams of a text; a text with fewer words gives the whole text as one."""
    tokens = words(text)
    if not tokens:
        return set()
    return {tuple(tokens[i : i + n]) for i in range(max(1, len(tokens) - n + 1))}


def removal_reasons(
    pairs: Sequence[QAPair], test_pairs: Iterable[QAPair], *, n: int = NGRAM_WORDS
) -> list[str | None]:
    """Say for each pair why it must be removed, or ``None`` where it may stay.

    Parameters
    ----------
    pairs : sequence of QAPair
        Candidates in order; of equal pairs the first stays.
    test_pairs : iterable of QAPair
        The target's test split.
    n : int
        Words of an n-gram that count as overlap. A shorter test question counts when it stands
        whole in the pair.

    Returns
    -------
    list of str or None
        ``"repeated pair"``, ``"overlaps a test question"`` or ``"repeats a test answer"``.

    Notes
    -----
    Answers of ``n`` words or more are compared whole: shorter ones ("42"), and ten words in a row
    of code ("import numpy as np ..."), are shared by chance.
    """
    questions: set[tuple[str, ...]] = set()
    answers: set[tuple[str, ...]] = set()
    for test_pair in test_pairs:
        questions |= ngrams(test_pair.question, n=n)
        if len(words(test_pair.answer)) >= n:
            answers.add(tuple(words(test_pair.answer)))
    short_lengths = sorted({len(gram) for gram in questions if len(gram) < n})
    seen: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
    reasons: list[str | None] = []
    for pair in pairs:
        key = (_identity(pair.question), _identity(pair.answer))
        reason = None
        if key in seen:
            reason = "repeated pair"
        elif _overlaps(pair, questions, n=n, short_lengths=short_lengths):
            reason = "overlaps a test question"
        elif tuple(words(pair.answer)) in answers:
            reason = "repeats a test answer"
        seen.add(key)
        reasons.append(reason)
    return reasons


def _identity(text: str) -> tuple[str, ...]:
    """Return what makes two texts the same: their words, or the text where it has none."""
    return tuple(words(text)) or (text.strip(),)


def _overlaps(
    pair: QAPair, questions: set[tuple[str, ...]], *, n: int, short_lengths: Sequence[int]
) -> bool:
    return any(ngrams(pair.text, n=length) & questions for length in (n, *short_lengths))

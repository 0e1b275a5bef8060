"""How far an answer stands in its document, and the span in which it stands best."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set

import regex

from equal_assets.algorithms.extraction.source import (
    ENDING,
    MAX_STEM,
    MIN_STEM,
    Source,
    stem_of,
    words_in,
)
from equal_assets.algorithms.extraction.source import source as source_of
from equal_assets.algorithms.words import UNSPACED, normal

WRITTEN_ALIKE = regex.compile(rf"[\d{UNSPACED}]")
NO_FUNCTION_WORD = regex.compile(rf"[\d{UNSPACED}\p{{Hangul}}]")
INFLECTED_SHARE = 0.6
"""How much of `min_grounding` is needed outside English (benchmarks/languages.py)."""

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be been but by can do does for from had has have he her his how i if
        in is it its not of on or she so that the their them then there these they this to was we
        were what when which who will with would you your""",
    )
)


MAX_DIGITS = 15
"""A longer number is compared as a word."""

DENSITY = 0.5
"""How densely the words of an answer must stand in a span, of their mean in the document."""


def grounding(answer: str, document: str) -> float:
    """Return the share of an answer's words that occur in a document.

    Parameters
    ----------
    answer : str
    document : str

    Returns
    -------
    float
        From 0 to 1. Words count as often as they occur in the answer; English stop words, and in
        other languages words of three letters or fewer, count only if there are no others, and
        characters only if there are no words. Outside English a word occurs if one that begins
        alike does, since it may be inflected. Scripts without spaces are compared by pairs of
        characters.
    """
    return word_share(answer, source_of(document))


def word_share(answer: str, source: Source) -> float:
    """Return the share of an answer's words that occur in the document."""
    words = words_in(normal(answer))
    words = [word for word in words if _counts(word, source)] or words
    if words:
        return sum(_holds(word, source) for word in words) / len(words)
    signs = "".join(normal(answer).split())
    return sum(sign in source.characters for sign in signs) / len(signs) if signs else 0.0


def support(answer: str, question: str, source: Source) -> tuple[float, list[str]]:
    """Return how much of what an answer adds to its question the document has.

    Parameters
    ----------
    answer, question : str

    Returns
    -------
    share : float
        Of the distinct words that the question does not have, in any inflection; 1 if there
        are none. Numbers are left to
        :func:`~equal_assets.algorithms.extraction.invention.invented_numbers`.
    lacking : list of str
        The words that the document does not have, in order.
    """
    asked = {ENDING.sub("", word) for word in words_in(normal(question))}
    words = dict.fromkeys(words_in(normal(answer)))
    added = [
        word
        for word in words
        if _counts(word, source) and not word.isdecimal() and ENDING.sub("", word) not in asked
    ]
    lacking = [
        word
        for word in added
        if not _holds(word, source) and ENDING.sub("", word) not in source.stems
    ]
    return (1 - len(lacking) / len(added) if added else 1.0), lacking


def span(answer: str, source: Source) -> tuple[int, int] | None:
    """Return where in the document an answer stands best: begin and end, in characters.

    The run of sentences whose words are the answer's more densely than elsewhere; a word counts
    less, the more sentences have it. Of that run the shortest part that has as many of these words:
    what only repeats them is left out. ``None`` if none of its words occurs.
    """
    wanted = telling_words(answer, source)
    found = [(begin, end, wanted & words, n) for begin, end, words, n in source.sentences]
    spread = Counter(word for *_, words, _ in found for word in words)
    gains = [sum(1 / spread[word] for word in words) for *_, words, _ in found]
    if not spread:
        return None
    mean = DENSITY * sum(gains) / max(sum(n for *_, n in found), 1)
    first, last = _densest([g - mean * n for g, (*_, n) in zip(gains, found, strict=True)])
    return _shortest(found[first : last + 1])


def telling_words(answer: str, source: Source) -> set[str]:
    """Return the words of an answer without those that every text has."""
    return {word for word in words_in(normal(answer)) if _counts(word, source)}


def _counts(word: str, source: Source) -> bool:
    if word in STOP_WORDS:
        return False
    return source.is_english or len(word) > MIN_STEM or bool(NO_FUNCTION_WORD.search(word))


def _holds(word: str, source: Source) -> bool:
    if word.isdecimal() and len(word) <= MAX_DIGITS and float(word) in source.values:
        return True
    if word in source.words or source.is_english or WRITTEN_ALIKE.search(word):
        return word in source.words
    stem = stem_of(word)
    n_letters = min(max(MIN_STEM, -(-len(stem) // 2)), MAX_STEM)
    return len(stem) >= MIN_STEM and stem[:n_letters] in source.beginnings


def _densest(scores: Sequence[float]) -> tuple[int, int]:
    """Return the first and the last place of the run with the greatest sum."""
    best, bounds = float("-inf"), (0, 0)
    total, first = 0.0, 0
    for place, score in enumerate(scores):
        if total <= 0:
            total, first = 0.0, place
        total += score
        if total > best:
            best, bounds = total, (first, place)
    return bounds


def _shortest(run: Sequence[tuple[int, int, Set[str], int]]) -> tuple[int, int]:
    """Return begin and end of the shortest part of a run that has all words of it."""
    n_words = len(frozenset().union(*(words for *_, words, _ in run)))
    held: Counter[str] = Counter()
    first, bounds = 0, (run[0][0], run[-1][1])
    for _, end, words, _ in run:
        held.update(words)
        while all(held[word] > 1 for word in run[first][2]):
            held.subtract(run[first][2])
            first += 1
        if len(held) == n_words and end - run[first][0] < bounds[1] - bounds[0]:
            bounds = run[first][0], end
    return bounds

"""Replies that say the same over and over, whole or while they are being written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from equal_assets.algorithms.extraction.parsing import REPEATED, complete_pairs, identity

LOOP_TIMES = 4
MOST_WORDS = 200
PHRASE_WORDS = 3
WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+|[^\w\s]")
"""A loop is a phrase of at most so many words and signs, with so many different words in it, so
many times in a row: rows of zeros and lines of a table are none."""

FIRST_LOOK = 256
"""Characters: a loop of so few is soon longer."""

ESCAPED = re.compile(r"\\(.)", re.DOTALL)
"""A character in a string of JSON that is no plain one."""


class LoopWatch:
    """Looks for a loop in a reply while it grows.

    Each look takes time in proportion to the whole, so the next one is due once there is a tenth
    more: a reply takes the time of some ten looks, however many pieces it comes in.

    Parameters
    ----------
    prompt : str
        What may be copied: a phrase that it repeats is none of a loop.
    """

    def __init__(self, prompt: str) -> None:
        self._prompt = " ".join(WORD.findall(prompt))
        self._due = FIRST_LOOK

    def sees_loop(self, reply: str) -> bool:
        """Say whether a reply that may go on is in a loop, if a look at it is due."""
        if len(reply) < self._due:
            return False
        self._due = len(reply) + max(FIRST_LOOK, len(reply) // 10)
        phrases = _repeated_phrases(ESCAPED.sub(_meant, reply))
        return any(phrase not in self._prompt for phrase in phrases) or _repeats_a_pair(reply)


def _meant(escaped: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(escaped[1], escaped[1])


def is_loop(reply: str) -> bool:
    """Say whether a reply says the same over and over: a phrase in a row, or a pair."""
    return repeated_phrase(reply) is not None or _repeats_a_pair(reply)


def _repeats_a_pair(reply: str) -> bool:
    found = complete_pairs(reply)
    repeats = Counter(identity(p) for p in found.rejected if p.reason == REPEATED) if found else {}
    return max(repeats.values(), default=0) >= LOOP_TIMES - 1


def repeated_phrase(text: str) -> str | None:
    """Return a phrase that stands in a row as often as in a loop, all its repetitions.

    >>> repeated_phrase("It adds two numbers. " * 9)
    'It adds two numbers . It adds two numbers . It adds two numbers . It adds two numbers .'
    >>> repeated_phrase("0, 1, " * 20) is None
    True
    """
    return next(_repeated_phrases(text), None)


def _repeated_phrases(text: str) -> Iterator[str]:
    words = WORD.findall(text)
    places: dict[tuple[str, ...], list[int]] = {}
    for at, beginning in enumerate(zip(words, words[1:], words[2:], strict=False)):
        places.setdefault(beginning, []).append(at)
    for found in places.values():
        for first, second in pairwise(found if len(found) >= LOOP_TIMES else ()):
            phrase = words[first:second]
            row = words[first : first + LOOP_TIMES * len(phrase)]
            if len(phrase) <= MOST_WORDS and row == phrase * LOOP_TIMES and _is_said(phrase):
                yield " ".join(row)


def has_phrase(text: str, phrase: str) -> bool:
    """Say whether a text has a phrase of :func:`repeated_phrase`."""
    return phrase in " ".join(WORD.findall(text))


def _is_said(phrase: list[str]) -> bool:
    return len({word for word in phrase if word.isalnum() and not word.isdigit()}) >= PHRASE_WORDS

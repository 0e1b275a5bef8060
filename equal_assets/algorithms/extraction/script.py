"""How long a text is, whatever script it is written in."""

from __future__ import annotations

import regex

DENSE = (
    (regex.compile(r"\p{Han}"), 3.0),
    (regex.compile(r"[\p{Hiragana}\p{Katakana}\p{Hangul}]"), 2.0),
    (regex.compile(r"[\p{Arabic}\p{Hebrew}\p{Syriac}]"), 1.5),
)
"""How many letters of English a character is worth, in scripts that take fewer: measured on the
same questions in ten languages (benchmarks/languages.py)."""


def written_length(text: str) -> float:
    """Return the length of a text in characters of English."""
    if text.isascii():
        return len(text)
    return len(text) + sum((worth - 1) * len(letter.findall(text)) for letter, worth in DENSE)

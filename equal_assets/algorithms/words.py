"""Words of a text in any script: what two texts must share to be called alike."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import regex

EAST = r"\p{Han}\p{Hiragana}\p{Katakana}\u30FC"
SOUTHEAST = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
UNSPACED = EAST + SOUTHEAST
"""Scripts without spaces between words, for a character class of `regex`."""

ASCII_WORD = re.compile(r"\w+")
WORD = regex.compile(
    rf"(?V1)(?P<east>[{EAST}]\p{{M}}*)|(?P<southeast>[{SOUTHEAST}]\p{{M}}*)"
    rf"|[[\p{{L}}\p{{M}}\p{{N}}_]--[{UNSPACED}]]+"
)

WHOLE, EAST_PART, SOUTHEAST_PART = 6, 3, 2
"""A word, and what a character counts where words are not set apart: two of Chinese or Japanese and
three of Thai, Lao, Khmer or Burmese make a word, on average."""

OF_ANOTHER_VALUE = regex.compile(r"[^\p{dt=super}\p{dt=sub}\p{dt=fraction}]+")
OPTIONAL_SIGNS = regex.compile(
    r"[\p{Cf}\u0640\u064B-\u0652\u0670\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7]"
)
"""Marks of direction, joiners, and the vowels of Arabic and Hebrew, which most texts leave out."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text.

    Attributes
    ----------
    tokens : list of str
        Words; in scripts without spaces, single characters with their marks.
    is_edge : list of bool
        Whether a word may begin at a token, and at the end: one more than tokens. Inside a run of
        a script without spaces nobody knows.
    """

    tokens: list[str]
    is_edge: list[bool]


def normal(text: str) -> str:
    """Return a text with all forms of a character unified, in lower case.

    Full-width characters, ligatures and composed accents are; powers and fractions are not.

    >>> normal("Ｗｈａｔ　ｉｓ　２³？")
    'what is 2³?'
    """
    if text.isascii():
        return text.lower()
    composed = unicodedata.normalize("NFC", text)
    unified = OF_ANOTHER_VALUE.sub(lambda run: unicodedata.normalize("NFKC", run[0]), composed)
    return OPTIONAL_SIGNS.sub("", unified.replace("\u200b", " ")).casefold()


def cut(text: str) -> Words:
    """Cut a text into words, without case and punctuation."""
    text = normal(text)
    if text.isascii():
        tokens = ASCII_WORD.findall(text)
        return Words(tokens, [True] * (len(tokens) + 1))
    tokens, is_edge = [], []
    end, was_part = -1, False
    for match in WORD.finditer(text):
        is_part = match.lastgroup is not None
        is_edge.append(not (is_part and was_part) or match.start() > end)
        tokens.append(match[0])
        end, was_part = match.end(), is_part
    return Words(tokens, [*is_edge, True])


def words(text: str) -> list[str]:
    """Return the words of a text, lowercase, without punctuation."""
    return cut(text).tokens


def ngrams(text: str, *, n: int) -> set[tuple[str, ...]]:
    """Return the word n-grams of a text; a text with fewer words is a single one.

    In scripts without spaces a gram is as many characters as ``n`` words have.
    """
    tokens = words(text)
    if not tokens:
        return set()
    if "".join(tokens).isascii():
        return {tuple(tokens[i : i + n]) for i in range(max(1, len(tokens) - n + 1))}
    sizes = [_size(token) for token in tokens]
    grams: set[tuple[str, ...]] = set()
    end = size = 0
    for start in range(len(tokens)):
        while size < n * WHOLE and end < len(tokens):
            size += sizes[end]
            end += 1
        if size < n * WHOLE and start:
            break
        grams.add(tuple(tokens[start:end]))
        size -= sizes[start]
    return grams


def n_words(tokens: tuple[str, ...]) -> float:
    """Return how many words tokens make up."""
    return sum(map(_size, tokens)) / WHOLE


def _size(token: str) -> int:
    if token.isascii():
        return WHOLE
    match = WORD.match(token)
    return {"east": EAST_PART, "southeast": SOUTHEAST_PART}.get(match and match.lastgroup, WHOLE)

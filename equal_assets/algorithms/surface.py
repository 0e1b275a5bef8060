"""What can be seen of a text without understanding it: how much of it is questions, code, lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np

READ_CHARACTERS = 20_000
"""Of a text; what is counted in a longer one is counted in its beginning."""

SHORTEST_TEXT = 200
"""Characters that a shorter text is taken to have, so that one mark in it is no high rate."""

PATTERNS = {
    "question marks": r"[?？؟;](?=\s|$)",
    "lines that ask": r"[?？؟]\W*$",
    "lines that announce": r"[:：]\s*$",
    "list items": r"^\s*[-*•·–]\s",
    "numbered items": r"^\s*(?:\(?(?:\d{1,3}|[a-zA-Z])[.):]|[ⓐ-ⓩ①-⑳])\s",
    "headings": r"^\s*#{1,6}\s|^[=-]{4,}\s*$",
    "labels": r"^\s*\W{0,3}\w{1,15}(?: \d+)?\W{0,2}[:：.]",
    "code fences": r"^\s*(?:```|~~~)",
    "indented lines": r"^(?: {4}|\t)",
    "empty lines": r"^\s*$",
    "table cells": r"\|",
    "quotes": r"[\"“”„«»]",
    "parentheses": r"[(（]",
    "formulas": r"\$|\\[a-zA-Z(\[]",
    "equals": r"=",
    "operators": r"[+*/^<>{}_\\]",
    "digits": r"\d",
    "numbers": r"\d+(?:[.,]\d+)*",
    "commas": r"[,，、]",
    "sentence ends": r"[.!。！](?=\s|$)",
    "semicolons": r";",
    "links": r"https?://|\]\(",
    "capitals": r"\b[A-Z]",
    "shouted words": r"\b[A-Z]{2,}\b",
    "words": r"\w+",
    "letters": r"[^\W\d_]",
}
"""What is counted in every text, besides its lines."""

N_BEGINNINGS, N_SHAPES = 96, 64
"""Buckets of the words that lines begin with ("Solution", "Frage", "Q"), and of word shapes."""

SHAPED_WORDS, SHAPED_CHARACTERS = 600, 12
"""Words of a text whose shapes are counted, and characters of each."""

N_FEATURES = 2 + len(PATTERNS) + N_BEGINNINGS + N_SHAPES

_COUNTED = [re.compile(pattern, re.MULTILINE) for pattern in PATTERNS.values()]
_FIRST_WORD = re.compile(r"^[^\w\n]{0,4}(\w{1,20})", re.MULTILINE)
_WORD = re.compile(r"\S+")


def surface_features(texts: Sequence[str]) -> np.ndarray:
    """Return what can be counted in texts, in any language that is written in lines.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    ndarray of shape (n_texts, N_FEATURES), float32
        The logarithm of the length in characters; then ``log(1 + rate)`` of lines, of each of
        :data:`PATTERNS`, of the hashed first words of lines and of the hashed shapes of words,
        each per 1,000 characters. The same text gives the same numbers on every machine.
    """
    features = np.zeros((len(texts), N_FEATURES), dtype=np.float32)
    for row, text in zip(features, texts, strict=True):
        beginning = text[:READ_CHARACTERS]
        row[1:] = np.log1p(_counts(beginning) * (1000.0 / max(len(beginning), SHORTEST_TEXT)))
        row[0] = np.log(max(len(text), 1))
    return features


def _counts(text: str) -> np.ndarray:
    """Return how often each thing occurs, shape (N_FEATURES - 1,)."""
    counted = [text.count("\n") + 1, *(len(pattern.findall(text)) for pattern in _COUNTED)]
    beginnings = [word.lower() for word in _FIRST_WORD.findall(text)]
    shapes = [word_shape(word) for word in _WORD.findall(text)[:SHAPED_WORDS]]
    return np.concatenate([counted, _hashed(beginnings, N_BEGINNINGS), _hashed(shapes, N_SHAPES)])


def _hashed(words: list[str], n_buckets: int) -> np.ndarray:
    buckets = [crc32(word.encode("utf-8", "surrogatepass")) % n_buckets for word in words]
    return np.bincount(np.array(buckets, dtype=np.int64), minlength=n_buckets)


@lru_cache(maxsize=65_536)  # most words are frequent ones
def word_shape(word: str) -> str:
    """Return the kinds of characters of a word, repeats dropped.

    >>> word_shape("Example"), word_shape("3.14"), word_shape("x+1)")
    ('Xx', 'd.d', 'x+d)')
    """
    shape = ""
    for character in word[:SHAPED_CHARACTERS]:
        kind = _kind(character)
        if not shape.endswith(kind):
            shape += kind
    return shape


def _kind(character: str) -> str:
    if character.isdigit():
        return "d"
    if character.isupper():
        return "X"
    return "x" if character.isalpha() else character

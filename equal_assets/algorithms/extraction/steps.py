"""Answers that keep the result of a worked solution, and none of its steps."""

from __future__ import annotations

import re

from equal_assets.algorithms.extraction.arithmetic import bare_result, plain, rounded
from equal_assets.algorithms.extraction.source import DIGITS, Source

MAX_WORDS = 12
"""A longer answer explains something."""

EXPLAINS = re.compile(r"\b(?:because|since|so|by|as)\b|=|\n", re.IGNORECASE)
COMMON = frozenset(["0", "1"])
"""Numbers that are in every solution."""

NAMES = re.compile(r"\b[A-Za-z]\s*=\s*")


def dropped_steps(answer: str, source: Source) -> str | None:
    """Return what a document works out and an answer only states.

    Parameters
    ----------
    answer : str
    source : Source
        The document that it was taken from.

    Returns
    -------
    str or None
        In which way the document reaches the answer; ``None`` if the answer shows steps itself or
        the document has none for it.
    """
    result = NAMES.sub("", plain(answer))
    if len(result.split()) > MAX_WORDS or EXPLAINS.search(result):
        return None
    numbers = set(DIGITS.findall(result))
    if numbers <= COMMON:
        return None
    value = bare_result(result)
    if value is not None and (value in source.results or _as_share(value) in source.results):
        return "calculated in the document"
    is_concluded = any(numbers <= shown for shown in source.conclusions.get(max(numbers), ()))
    return "a worked solution in the document" if is_concluded else None


def _as_share(percent: float) -> float:
    return rounded(percent / 100)

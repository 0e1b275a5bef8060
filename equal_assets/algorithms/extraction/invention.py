"""Numbers of an answer that neither its document nor its question nor a calculation gives."""

from __future__ import annotations

import re
from collections.abc import Set
from itertools import product

from equal_assets.algorithms.extraction.arithmetic import calculations, rounded, stated, values
from equal_assets.algorithms.extraction.source import Source

NUMBERING = re.compile(
    r"^[^\S\n]*(?:\(?\d{1,2}[.)](?=\s)|step \d{1,2}\b)", re.IGNORECASE | re.MULTILINE
)
TRIVIAL = frozenset({0.0, 1.0, 2.0, 100.0})
MAX_ASKED = 8
"""Numbers of a question that are added and multiplied by each other; with more, none are."""

MAX_FOREIGN = 100
"""Lower numbers may be written as words in other languages than English."""


def invented_numbers(question: str, answer: str, source: Source) -> list[float]:
    """Return the numbers of an answer that come from nowhere.

    Parameters
    ----------
    question, answer : str
    source : Source
        The document that they were taken from.

    Returns
    -------
    list of float
        In order. A number may stand in the document or the question, as a percentage or a share,
        rounded, or come out of a right calculation that the answer shows, or of two numbers of the
        question.
    """
    asked = values(question)
    known = (source.values, asked, TRIVIAL)
    numbers = stated(NUMBERING.sub("", answer))
    if not source.is_english:
        numbers = [value for value in numbers if value >= MAX_FOREIGN or value % 1]
    unknown = [value for value in dict.fromkeys(numbers) if not _is_among(value, *known)]
    if not unknown:
        return []
    reached = _derived(asked)
    for calculation in calculations(answer):
        is_known = all(_is_among(value, *known, reached) for value in calculation.operands)
        if calculation.is_right and is_known:
            reached |= set(calculation.results)
    return [v for v in unknown if not _is_among(v, reached, source.roundings)]


def _derived(asked: frozenset[float]) -> set[float]:
    """Return what two numbers of a question come to."""
    found: set[float] = set()
    for one, other in product(asked, repeat=2) if len(asked) <= MAX_ASKED else ():
        found |= {one + other, one - other, one * other, one / other if other else 0.0}
    return set(map(rounded, found))


def _is_among(value: float, *known: Set[float]) -> bool:
    forms = (rounded(value), rounded(value / 100), rounded(value * 100))
    return any(form in some for some in known for form in forms)

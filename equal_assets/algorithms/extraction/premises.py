"""Questions whose premises stayed in the document: numbers, things and symbols they do not name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from equal_assets.algorithms.extraction.arithmetic import (
    NUMBER,
    Calculation,
    bare_result,
    calculations,
    values,
)
from equal_assets.algorithms.extraction.leaning import ASKING, LIGHT, SENTENCES, SHOWS, WORD
from equal_assets.algorithms.extraction.source import Source
from equal_assets.algorithms.extraction.things import ARTICLES, CHANGE, OPENING, undefined_thing

KNOWN = frozenset({0.0, 1.0, 2.0, 7.0, 10.0, 12.0, 24.0, 60.0, 100.0, 1000.0, 3600.0})
"""Numbers that need no premise: units are converted by them."""

LEAST_MISSING = 0.5
"""Share of the numbers of a calculation that a question must lack."""

SYMBOL = re.compile(r"(?<![\w$\\'’.-])\$?([A-Z])(?:\([^()]{1,12}\)|\^\w)?\$?(?![\w'’.-]\w)")
MAX_NEAR = 5
"""How many of the numbers before a result may have led to it."""

MAX_PLACES, REACH = 5, 20
"""Calculations that come to a number, and before each of them, in which its numbers are sought."""

WRITES = re.compile(r"^(?:write|implement|create|define|given)\b|\b(?:that|which) \w+s\b", re.I)
LAST = re.compile(r"\s*[?.]?\s*$")
CALL = re.compile(r"\b([a-z_]\w{2,40})\(")
"""A function that is called; its definition says what it does."""


def missing_premise(question: str, answer: str, source: Source) -> str | None:
    """Return what a question would have to say, but leaves to the document.

    Parameters
    ----------
    question, answer : str
    source : Source
        The document that they were taken from.

    Returns
    -------
    str or None
        The numbers, the thing or the symbol, ``None`` if the question holds what it needs, as far
        as can be seen. Things and symbols are looked for in English questions only.
    """
    if missing := _missing_numbers(question, answer, source):
        return missing
    if SHOWS.search(question) or SENTENCES.search(question):
        return None
    undefined = _undefined_symbol(question, source) or _undefined_call(question, source)
    return undefined or undefined_thing(question, answer, source)


def _missing_numbers(question: str, answer: str, source: Source) -> str | None:
    """Return the numbers that the answer is worked out from and the question does not give."""
    if NUMBER.search(question):
        return None
    given = _given(question)
    needed = _operands(calculations(answer), given)
    if not needed and (result := bare_result(answer)) is not None:
        places = source.results.get(result, [])[-MAX_PLACES:]
        derived = [_derivation(place, source, given) for place in places]
        needed = min(derived, key=lambda leaves: len(leaves - given), default=set())
        if not places and CHANGE.search(question):
            needed = _told_before(result, source)
    known = source.values if source.is_english else source.told
    missing = {value for value in needed - given if value in known}
    if not missing or len(missing) < LEAST_MISSING * len(needed - KNOWN):
        return None
    if not source.is_english and len(missing) < 2:
        return None  # the question may write a number as a word of its language
    return ", ".join(f"{value:g}" for value in sorted(missing)[:4])


def _given(question: str) -> set[float]:
    """Return the numbers that a question gives, and what anybody knows of them."""
    said = set(values(question))
    parts = {round(1 - value, 9) for value in said if value < 1} if "%" in question else set()
    neighbors = {value + step for value in said if value % 1 == 0 for step in (-1.0, 1.0)}
    return said | parts | {100 - value for value in said if value < 100} | neighbors | KNOWN


def _operands(shown: Sequence[Calculation], given: set[float]) -> set[float]:
    """Return the numbers that calculations begin with, without the results of earlier ones."""
    needed: set[float] = set()
    reached: set[float] = set()
    for calculation in shown:
        needed |= set(calculation.operands) - reached
        reached |= set(calculation.results) - given
    return needed


def _derivation(place: int, source: Source, given: set[float]) -> set[float]:
    """Return the numbers that a calculation of the document goes back to."""
    needed = set(source.calculations[place].operands)
    for calculation in reversed(source.calculations[max(0, place - REACH) : place]):
        last = calculation.results[-1]
        if last in needed and last not in given:
            needed = (needed - {last}) | set(calculation.operands)
    return needed


def _told_before(result: float, source: Source) -> set[float]:
    """Return two numbers that stand shortly before a number and come to it."""
    near: list[float] = []
    for value in source.stated:
        if value == result:
            for one, other in combinations(near[-MAX_NEAR:], 2):
                if result in (one + other, abs(one - other), one * other):
                    return {one, other}
        near.append(value)
    return set()


def _undefined_symbol(question: str, source: Source) -> str | None:
    if "=" in question:
        return None
    for match in SYMBOL.finditer(question):
        before = WORD.findall(question[max(0, match.start() - 20) : match.start()])
        introduced = before and before[-1].lower() not in ASKING | LIGHT | ARTICLES | OPENING
        if before[-2:-1] == ["the"] and LAST.match(question[match.end() :]):
            introduced = False  # "of the matrix A?"
        is_word = match[1] in "AI" and not before
        if not introduced and not is_word and match[1] in source.symbols:
            return match[1]
    return None


def _undefined_call(question: str, source: Source) -> str | None:
    if WRITES.search(question):
        return None
    names = (match[1] for match in CALL.finditer(question))
    return next((f"{name}()" for name in names if name in source.functions), None)

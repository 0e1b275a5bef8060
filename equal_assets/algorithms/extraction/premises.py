"""Questions whose premises stayed in the document: numbers, things and symbols they do not name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from equal_assets.algorithms.extraction.arithmetic import (
    MAX_BARE_WORDS,
    NUMBER,
    Calculation,
    bare_result,
    calculations,
    values,
)
from equal_assets.algorithms.extraction.grounding import Source
from equal_assets.algorithms.extraction.leaning import (
    ASKING,
    AUXILIARIES,
    COUNTS,
    FORWARD,
    GENERIC,
    LIGHT,
    NAMED,
    PRONOUNS,
    SENTENCES,
    SHOWS,
    WORD,
    words_of,
)

KNOWN = frozenset({0.0, 1.0, 2.0, 7.0, 10.0, 12.0, 24.0, 60.0, 100.0, 1000.0, 3600.0})
"""Numbers that need no premise: units are converted by them."""

LEAST_MISSING = 0.5
"""Share of the numbers of a calculation that a question must lack."""

CHANGE = re.compile(
    r"\b(?:left|remain(?:s|ing)?|in total|altogether|in all|total (?:number|cost|amount|price)"
    r"|change|earns?|saves?|gains?|more|fewer|less|each|together|at the end)\b",
    re.IGNORECASE,
)
MOMENT = re.compile(
    r"\b(?:(?:last|this|next) (?:year|month|week|season|summer|winter|spring|autumn|quarter)"
    r"|yesterday|tomorrow|tonight)\b",
    re.IGNORECASE,
)
ARTICLES = words_of("the this these those that")
OPENING = words_of(
    """
    of for in on at with to from by about into between than as like without under over through
    during after before against and or a an any every some one each per via when if while
    """
)
"""Words after which a noun without an article says what a question is about."""

SPEAKERS = words_of("i you we one people to")
ALWAYS_KNOWN = words_of(
    """
    sky sun moon earth world universe weather internet body brain heart blood eye eyes skin sea
    ocean air ground past future same most way
    """
)
SYMBOL = re.compile(r"(?<![\w$\\'’.-])\$?([A-Z])(?:\([^()]{1,12}\)|\^\w)?\$?(?![\w'’.-]\w)")
REACH = 20
"""Calculations before one in which its numbers are looked for."""

PARTICIPLE = re.compile(r"(?:ed|en|ing|left|there)$")
SUPERLATIVE = re.compile(r"(?<!lat)est$")
PAST = words_of("did was were had")
PAST_VERB = re.compile(
    r"^(?:\w{2,}ed|wrote|gave|took|came|went|said|saw|found|lost|made|told|cut|ran|sat|put|kept|left"
    r"|sold|bought|brought|thought|knew|got|fell|rang|broke|woke|stood|held)$"
)
NAME = re.compile(r"(?<=[\w,;)] )[A-Z][\w.'’-]+")
DAYS = words_of("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
FOUND = words_of("invented discovered developed introduced evolve evolved")
"""What is asked of things that everybody knows: "When was the telephone invented?"."""

PLURAL = re.compile(r"[^su\W]s$")
WRITES = re.compile(r"^(?:write|implement|create|define|given)\b|\b(?:that|which) \w+s\b", re.I)
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
    words = [word.lower() for word in WORD.findall(question)]
    if not words or words[0] not in ASKING | LIGHT:
        return None
    undefined = _undefined_symbol(question, source) or _undefined_call(question, source)
    if undefined:
        return undefined
    if source.is_story and _is_past(words) and _names_one(question):
        return "what happens in a story"
    return None if NAMED.search(question) else _undefined_thing(words, question, answer, source)


def _missing_numbers(question: str, answer: str, source: Source) -> str | None:
    """Return the numbers that the answer is worked out from and the question does not give."""
    if NUMBER.search(question):
        return None
    given = _given(question)
    needed = _operands(calculations(answer), given)
    if not needed and (result := bare_result(answer)) is not None:
        derived = [_derivation(place, source, given) for place in _places(result, source)]
        needed = min(derived, key=lambda leaves: len(leaves - given), default=set())
    missing = {value for value in needed - given if value in source.values}
    if not missing or len(missing) < LEAST_MISSING * len(needed - KNOWN):
        return None
    if not source.is_english and (len(missing) < 2 or any(map(str.isdigit, question))):
        return None  # the question may write numbers as words of its language
    return ", ".join(f"{value:g}" for value in sorted(missing)[:4])


def _given(question: str) -> set[float]:
    """Return the numbers that a question gives, and what anybody knows of them."""
    said = set(values(question))
    parts = {round(1 - value, 9) for value in said if value < 1} if "%" in question else set()
    neighbors = {value + step for value in said if value == int(value) for step in (-1.0, 1.0)}
    return said | parts | {100 - value for value in said if value < 100} | neighbors | KNOWN


def _operands(shown: Sequence[Calculation], given: set[float]) -> set[float]:
    """Return the numbers that calculations begin with, without the results of earlier ones."""
    needed: set[float] = set()
    reached: set[float] = set()
    for calculation in shown:
        needed |= set(calculation.operands) - reached
        reached |= set(calculation.results) - given
    return needed


def _places(result: float, source: Source) -> list[int]:
    """Return which calculations of the document come to a number."""
    return [
        place
        for place, calculation in enumerate(source.calculations)
        if result in calculation.results
    ]


def _derivation(place: int, source: Source, given: set[float]) -> set[float]:
    """Return the numbers that a calculation of the document goes back to."""
    needed = set(source.calculations[place].operands)
    for calculation in reversed(source.calculations[max(0, place - REACH) : place]):
        last = calculation.results[-1]
        if last in needed and last not in given:
            needed = (needed - {last}) | set(calculation.operands)
    return needed


def _undefined_symbol(question: str, source: Source) -> str | None:
    if "=" in question:
        return None
    for match in SYMBOL.finditer(question):
        before = WORD.findall(question[max(0, match.start() - 20) : match.start()])
        introduced = before and before[-1].lower() not in ASKING | LIGHT | ARTICLES | OPENING
        is_word = match[1] in "AI" and not before
        if not introduced and not is_word and match[1] in source.symbols:
            return match[1]
    return None


def _undefined_call(question: str, source: Source) -> str | None:
    if WRITES.search(question):
        return None
    names = (match[1] for match in CALL.finditer(question))
    return next((f"{name}()" for name in names if name in source.functions), None)


def _undefined_thing(
    words: Sequence[str], question: str, answer: str, source: Source
) -> str | None:
    """Return the thing of a question that only its document knows."""
    if moment := MOMENT.search(question):
        return moment[0].lower()
    things: list[list[str]] = []
    definite = False
    for at, word in enumerate(words):
        announces = word in ("it", "its") and FORWARD.intersection(words[at:])
        if word in PRONOUNS and not announces and not any(things):
            return word
        if word in ARTICLES:
            definite = True
            things.append([])
        elif word in ASKING or word in AUXILIARIES or word in OPENING:
            definite = False
        elif definite:
            things[-1].append(word)
        elif (word not in LIGHT or word in COUNTS) and _is_anchor(
            word, words[at - 1] if at else ""
        ):
            return None
    if (CHANGE.search(question) or words[-1] == "there") and values(answer):
        return " ".join(words[:3])
    own = [thing for thing in things if not ALWAYS_KNOWN.intersection(thing)]
    is_all = words[0] == "what" and len(things) == 1 and len(answer.split()) <= MAX_BARE_WORDS
    for thing in own:
        is_bare = is_all and not any(map(SUPERLATIVE.search, thing))
        if is_bare or _is_past(words) or source.particulars.intersection(thing) - GENERIC:
            return " ".join(["the", *thing[:3]])
    return None


def _is_past(words: Sequence[str]) -> bool:
    """Whether a question is about something that happened once."""
    if FOUND.intersection(words):
        return False
    subject = words[0] in ("who", "what", "which") and any(map(PAST_VERB.search, words[1:3]))
    return subject or bool(PAST.intersection(words))


def _names_one(question: str) -> bool:
    """Whether a question has one name at most, and nothing else that says what it is about."""
    names = NAME.findall(question)
    rest = NAME.sub("", question)
    return len(set(names) - DAYS) <= 1 and not NAMED.search(rest)


def _is_anchor(word: str, before: str) -> bool:
    """Whether a word says what a question is about: a noun without an article."""
    if before in ("was", "were", "be", "been"):
        return not PARTICIPLE.search(word)
    if before in AUXILIARIES:
        return word not in ("left", "there", "missing")
    if before in SPEAKERS or before in ("how", "what", "which", "who", "many", "much"):
        return False
    return before in OPENING or PLURAL.search(word) is not None

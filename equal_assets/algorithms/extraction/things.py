"""Things that a question speaks of as if they were known, and that only its document knows.

English only. A question says what it is about by a name, a number, a quotation, or a noun without
"the"; with none of these, "the shop" is the shop of some document.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from equal_assets.algorithms.extraction.arithmetic import MAX_BARE_WORDS, values
from equal_assets.algorithms.extraction.leaning import (
    ASKING,
    AUXILIARIES,
    COUNTS,
    FORWARD,
    GENERIC,
    LIGHT,
    NAMED,
    PRONOUNS,
    WORD,
    words_of,
)
from equal_assets.algorithms.extraction.source import Source

CHANGE = re.compile(
    r"\b(?:left|remain(?:s|ing)?|in total|altogether|in all|total (?:number|cost|amount|price)"
    r"|change|earns?|saves?|gains?|more|fewer|less|each|together|now|at the end)\b",
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

BETWEEN = ASKING | AUXILIARIES | OPENING
KINDS = words_of("how what which who many much")
ATTRIBUTES = words_of("name title status severity color colour age date address opinion price")
"""What one asks of a thing: with a short answer, the thing is one of its document."""

FIRST_NOUN = 2
SPEAKERS = words_of("i you we one people to")
ALWAYS_KNOWN = words_of(
    """
    sky sun moon earth world universe weather internet body brain heart blood eye eyes skin sea
    ocean air ground past future same most way
    """
)
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


def undefined_thing(question: str, answer: str, source: Source) -> str | None:
    """Return a thing, a person or a moment that a question leaves to its document.

    Parameters
    ----------
    question : str
        A single sentence that shows nothing.
    answer : str
    source : Source
        The document that they were taken from.

    Returns
    -------
    str or None
        ``None`` if the question says what it is about, or anybody knows.
    """
    words = [word.lower() for word in WORD.findall(question)]
    if not words or words[0] not in ASKING:
        return None
    if source.is_story and _is_past(words) and _names_one(question):
        return "what happens in a story"
    if NAMED.search(question):
        return None
    if moment := MOMENT.search(question):
        return moment[0].lower()
    if pronoun := _pronoun(words):
        return pronoun
    things = _things(words)
    if things is None:
        return None
    if (CHANGE.search(question) or words[-1] == "there") and values(answer):
        return " ".join(words[:3])
    is_attribute = bool(things) and (len(things) == 1 or bool(ATTRIBUTES.intersection(things[0])))
    is_all = words[0] == "what" and is_attribute and len(answer.split()) <= MAX_BARE_WORDS
    for thing in things:
        is_bare = is_all and not any(map(SUPERLATIVE.search, thing))
        is_own = is_bare or _is_past(words) or source.particulars.intersection(thing) - GENERIC
        if is_own and not ALWAYS_KNOWN.intersection(thing):
            return " ".join(["the", *thing[:3]])
    return None


def _pronoun(words: Sequence[str]) -> str | None:
    """Return a pronoun before which nothing has been named."""
    for at, word in enumerate(words):
        if word in PRONOUNS and not (word in ("it", "its") and FORWARD.intersection(words[at:])):
            return word
        if word in ARTICLES or _is_anchor(words, at):
            return None
    return None


def _things(words: Sequence[str]) -> list[list[str]] | None:
    """Return the words after each article, ``None`` if a noun has none."""
    things: list[list[str]] = []
    is_open = False
    for at, word in enumerate(words):
        if word in ARTICLES:
            is_open = True
            things.append([])
        elif word in BETWEEN:
            is_open = False
        elif is_open:
            things[-1].append(word)
        elif _is_anchor(words, at):
            return None
    return things


def _is_anchor(words: Sequence[str], at: int) -> bool:
    """Whether a word says what a question is about: a noun without an article."""
    word, before = words[at], words[at - 1] if at else ""
    if word in BETWEEN or word in PRONOUNS or (word in LIGHT and word not in COUNTS):
        return False
    if before in ("was", "were", "be", "been"):
        return not PARTICIPLE.search(word)
    if before in AUXILIARIES:  # "what is knitting", but "who is sitting"
        is_doing = word.endswith("ing") and at > FIRST_NOUN
        return not is_doing and word not in ("left", "there", "missing")
    if before in SPEAKERS or before in KINDS:
        return False
    return before in OPENING or PLURAL.search(word) is not None


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

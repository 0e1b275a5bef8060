"""Checks of extracted pairs without a second model: length, grounding, wording, language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex

from equal_assets.algorithms.extraction.grounding import INFLECTED_SHARE, Source
from equal_assets.algorithms.extraction.grounding import source as source_of
from equal_assets.algorithms.extraction.leaning import dangling_reference
from equal_assets.algorithms.language import is_same_language, language
from equal_assets.records import QAPair

SHORT_QUESTION = "question too short"
LONG_QUESTION = "question too long"
SHORT_ANSWER = "answer too short"
LONG_ANSWER = "answer too long"
NOT_GROUNDED = "not grounded in its document"
LEANS = "question leans on a text"
OTHER_LANGUAGE = "other language than its document"

DENSE = (
    (regex.compile(r"\p{Han}"), 3.0),
    (regex.compile(r"[\p{Hiragana}\p{Katakana}\p{Hangul}]"), 2.0),
    (regex.compile(r"[\p{Arabic}\p{Hebrew}\p{Syriac}]"), 1.5),
)
"""How many letters of English a character is worth, in scripts that take fewer: measured on the
same questions in ten languages (benchmarks/languages.py)."""


@dataclass(frozen=True)
class QualityBounds:
    """What a pair must meet to be kept.

    Attributes
    ----------
    min_question_characters, max_question_characters : int
        Allowed lengths, both inclusive; the least is of English, and less in denser scripts.
    min_answer_characters, max_answer_characters : int
        Allowed lengths, both inclusive, likewise.
    min_grounding : float
        Share of the answer's words that must occur in the document, 0 to 1, in English; in other
        languages 0.6 of it.
    self_contained : bool
        Whether questions that lean on a text are rejected.
    same_language : bool
        Whether pairs in another language than the document are rejected.
    """

    min_question_characters: int
    max_question_characters: int
    min_answer_characters: int
    max_answer_characters: int
    min_grounding: float
    self_contained: bool
    same_language: bool


@dataclass(frozen=True)
class Rejection:
    """Why a pair is not kept: one of a few fixed reasons, and what was found."""

    reason: str
    detail: str


def judge_pairs(
    pairs: Sequence[QAPair], document: str, bounds: QualityBounds
) -> list[Rejection | None]:
    """Say for each pair why it is rejected, or ``None`` where it passes.

    Parameters
    ----------
    pairs : sequence of QAPair
    document : str
        The whole document that they were taken from.
    bounds : QualityBounds

    Returns
    -------
    list of Rejection or None
        The first reason in this order: lengths, grounding, wording, language.
    """
    source = source_of(document)
    return [_rejection(pair, source, bounds) for pair in pairs]


def _rejection(pair: QAPair, source: Source, bounds: QualityBounds) -> Rejection | None:
    asked, answered = len(pair.question), len(pair.answer)
    if _written_length(pair.question) < bounds.min_question_characters:
        return _short(SHORT_QUESTION, asked, bounds.min_question_characters)
    if asked > bounds.max_question_characters:
        return _long(LONG_QUESTION, asked, bounds.max_question_characters)
    if _written_length(pair.answer) < bounds.min_answer_characters:
        return _short(SHORT_ANSWER, answered, bounds.min_answer_characters)
    if answered > bounds.max_answer_characters:
        return _long(LONG_ANSWER, answered, bounds.max_answer_characters)
    if bounds.min_grounding > 0:
        share = source.grounding(pair.answer)
        needed = bounds.min_grounding * (1.0 if source.is_english else INFLECTED_SHARE)
        if share < needed:
            detail = f"{share:.2f} of its words, {needed:.2f} needed"
            return Rejection(NOT_GROUNDED, detail)
    if bounds.self_contained and (phrase := dangling_reference(pair.question)):
        return Rejection(LEANS, phrase)
    if bounds.same_language and source.language:
        found = language(pair.text)
        if found and not is_same_language(found, source.language):
            return Rejection(OTHER_LANGUAGE, f"{found}, document {source.language}")
    return None


def _short(reason: str, length: int, needed: int) -> Rejection:
    return Rejection(reason, f"{length} characters, {needed} needed")


def _long(reason: str, length: int, allowed: int) -> Rejection:
    return Rejection(reason, f"{length} characters, {allowed} allowed")


def _written_length(text: str) -> float:
    """Return the length of a text in characters of English."""
    if text.isascii():
        return len(text)
    return len(text) + sum((worth - 1) * len(letter.findall(text)) for letter, worth in DENSE)

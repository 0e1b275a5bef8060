"""Checks of extracted pairs without a second model, and the reasons why pairs are rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from equal_assets.algorithms.extraction.grounding import INFLECTED_SHARE, support, word_share
from equal_assets.algorithms.extraction.invention import invented_numbers
from equal_assets.algorithms.extraction.leaning import dangling_reference
from equal_assets.algorithms.extraction.premises import missing_premise
from equal_assets.algorithms.extraction.script import written_length
from equal_assets.algorithms.extraction.source import Source
from equal_assets.algorithms.extraction.source import source as source_of
from equal_assets.algorithms.extraction.steps import dropped_steps
from equal_assets.algorithms.language import is_same_language, language
from equal_assets.records import QAPair

SHORT_QUESTION = "question too short"
LONG_QUESTION = "question too long"
SHORT_ANSWER = "answer too short"
LONG_ANSWER = "answer too long"
NOT_GROUNDED = "not grounded in its document"
INVENTED = "number that its document does not have"
LEANS = "question leans on a text"
NO_PREMISE = "question lacks a premise"
NO_STEPS = "answer without the steps of its document"
OTHER_LANGUAGE = "other language than its document"

LEAST_LACKING = 5
"""Words that an answer must have added: the share of two or three says nothing."""


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
        Share of the answer's words that must occur in the document, and of the distinct ones that
        it adds to the question, 0 to 1, in English; in other languages 0.6 of it.
    self_contained : bool
        Whether questions that lean on a text are rejected.
    premises : bool
        Whether questions are rejected whose numbers, things or symbols stayed in the document.
    steps : bool
        Whether answers are rejected that keep only the result of a worked solution.
    numbers : bool
        Whether answers are rejected with numbers that come from nowhere.
    same_language : bool
        Whether pairs in another language than the document are rejected.
    """

    min_question_characters: int
    max_question_characters: int
    min_answer_characters: int
    max_answer_characters: int
    min_grounding: float
    self_contained: bool
    premises: bool
    steps: bool
    numbers: bool
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
        The first reason in this order: lengths, grounding, numbers, wording, premises, steps,
        language.
    """
    source = source_of(document)
    return [_rejection(pair, source, bounds) for pair in pairs]


def _rejection(pair: QAPair, source: Source, bounds: QualityBounds) -> Rejection | None:
    return (
        _of_another_length(pair, bounds)
        or _unfounded(pair, source, bounds)
        or _incomplete(pair, source, bounds)
        or (_in_another_language(pair, source) if bounds.same_language else None)
    )


def _of_another_length(pair: QAPair, bounds: QualityBounds) -> Rejection | None:
    asked, answered = len(pair.question), len(pair.answer)
    if written_length(pair.question) < bounds.min_question_characters:
        return _short(SHORT_QUESTION, asked, bounds.min_question_characters)
    if asked > bounds.max_question_characters:
        return _long(LONG_QUESTION, asked, bounds.max_question_characters)
    if written_length(pair.answer) < bounds.min_answer_characters:
        return _short(SHORT_ANSWER, answered, bounds.min_answer_characters)
    if answered > bounds.max_answer_characters:
        return _long(LONG_ANSWER, answered, bounds.max_answer_characters)
    return None


def _unfounded(pair: QAPair, source: Source, bounds: QualityBounds) -> Rejection | None:
    """Say what of an answer its document does not have."""
    if bounds.min_grounding > 0:
        needed = bounds.min_grounding * (1.0 if source.is_english else INFLECTED_SHARE)
        share = word_share(pair.answer, source)
        if share < needed:
            return Rejection(NOT_GROUNDED, f"{share:.2f} of its words, {needed:.2f} needed")
        share, lacking = support(pair.answer, pair.question, source)
        if share < needed and len(lacking) >= LEAST_LACKING:
            return Rejection(NOT_GROUNDED, f"adds {', '.join(lacking[:5])}")
    if bounds.numbers and (invented := invented_numbers(pair.question, pair.answer, source)):
        return Rejection(INVENTED, ", ".join(f"{value:.15g}" for value in invented[:5]))
    return None


def _incomplete(pair: QAPair, source: Source, bounds: QualityBounds) -> Rejection | None:
    """Say what a pair left to its document."""
    if bounds.self_contained and (phrase := dangling_reference(pair.question)):
        return Rejection(LEANS, phrase)
    if bounds.premises and (lack := missing_premise(pair.question, pair.answer, source)):
        return Rejection(NO_PREMISE, lack)
    if bounds.steps and (lack := dropped_steps(pair.answer, source)):
        return Rejection(NO_STEPS, lack)
    return None


def _in_another_language(pair: QAPair, source: Source) -> Rejection | None:
    found = language(pair.text) if source.language else None
    if found and source.language and not is_same_language(found, source.language):
        return Rejection(OTHER_LANGUAGE, f"{found}, document {source.language}")
    return None


def _short(reason: str, length: int, needed: int) -> Rejection:
    return Rejection(reason, f"{length} characters, {needed} needed")


def _long(reason: str, length: int, allowed: int) -> Rejection:
    return Rejection(reason, f"{length} characters, {allowed} allowed")

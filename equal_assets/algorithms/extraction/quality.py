"""Checks of extracted pairs without a second model: length, grounding, wording, language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import regex

from equal_assets.algorithms.extraction.leaning import dangling_reference
from equal_assets.algorithms.language import is_same_language, language
from equal_assets.algorithms.words import UNSPACED, normal
from equal_assets.records import QAPair

SHORT_QUESTION = "question too short"
LONG_QUESTION = "question too long"
SHORT_ANSWER = "answer too short"
LONG_ANSWER = "answer too long"
NOT_GROUNDED = "not grounded in its document"
LEANS = "question leans on a text"
OTHER_LANGUAGE = "other language than its document"

TOKEN = regex.compile(
    rf"(?V1)(?P<unspaced>(?:[[{UNSPACED}]--[的了是在和]]\p{{M}}*)+)"
    rf"|[[\p{{L}}\p{{M}}\p{{N}}]--[{UNSPACED}]]+"
)
"""Words, and runs of a script without spaces; the commonest function words of Chinese end a run."""

DENSE = (
    (regex.compile(r"\p{Han}"), 3.0),
    (regex.compile(r"[\p{Hiragana}\p{Katakana}\p{Hangul}]"), 2.0),
    (regex.compile(r"[\p{Arabic}\p{Hebrew}\p{Syriac}]"), 1.5),
)
"""How many letters of English a character is worth, in scripts that take fewer: measured on the
same questions in ten languages (benchmarks/languages.py)."""

ARTICLE = regex.compile(r"^[وف]?(?:[بك]?ال|لل)(?=\p{L}{3})")
"""What Arabic joins to the front of a word: "and", "with", "the"."""

HANGUL = regex.compile(r"\p{Hangul}")
CLUSTER = regex.compile(r"\X")
WRITTEN_ALIKE = regex.compile(rf"[\d{UNSPACED}]")
NO_FUNCTION_WORD = regex.compile(rf"[\d{UNSPACED}\p{{Hangul}}]")
MIN_STEM, MAX_STEM = 3, 5
"""Letters by which an inflected word is known: half of them, within these bounds. Shorter words are
mostly function words, of which only those of English are listed."""

INFLECTED_SHARE = 0.6
"""How much of `min_grounding` is needed outside English (benchmarks/languages.py)."""

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be been but by can do does for from had has have he her his how i if
        in is it its not of on or she so that the their them then there these they this to was we
        were what when which who will with would you your""",
    )
)


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


class Source:
    """A document, split into words once for all its pairs."""

    def __init__(self, document: str) -> None:
        self._document = document

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word, and every character of the scripts without spaces."""
        text = normal(self._document)
        unspaced = (run for match in TOKEN.finditer(text) if (run := match["unspaced"]))
        characters = (character for run in unspaced for character in CLUSTER.findall(run))
        return frozenset(_words(text)).union(characters)

    @cached_property
    def beginnings(self) -> frozenset[str]:
        """The beginnings of all words, by which an inflected form is known."""
        stems = map(_stem, self.words)
        return frozenset(
            stem[:length] for stem in stems for length in range(MIN_STEM, MAX_STEM + 1)
        )

    @cached_property
    def characters(self) -> frozenset[str]:
        """Every character."""
        return frozenset(normal(self._document))

    @cached_property
    def language(self) -> str | None:
        """The language, ``None`` where it is uncertain."""
        return language(self._document)

    @cached_property
    def is_english(self) -> bool:
        """Whether words are compared as they are written: English hardly inflects."""
        return self.language == "en" or (self.language is None and self._document.isascii())

    def grounding(self, answer: str) -> float:
        """Return the share of an answer's words that occur in the document."""
        words = _words(normal(answer))
        words = [word for word in words if self._counts(word)] or words
        if words:
            return sum(map(self._holds, words)) / len(words)
        signs = "".join(normal(answer).split())
        return sum(sign in self.characters for sign in signs) / len(signs) if signs else 0.0

    def _counts(self, word: str) -> bool:
        if word in STOP_WORDS:
            return False
        return self.is_english or len(word) > MIN_STEM or bool(NO_FUNCTION_WORD.search(word))

    def _holds(self, word: str) -> bool:
        if word in self.words or self.is_english or WRITTEN_ALIKE.search(word):
            return word in self.words
        stem = _stem(word)
        n_letters = min(max(MIN_STEM, -(-len(stem) // 2)), MAX_STEM)
        return len(stem) >= MIN_STEM and stem[:n_letters] in self.beginnings


@lru_cache(maxsize=64)
def _source(document: str) -> Source:
    """Return a document split into words, from a cache: its chunks are checked one by one."""
    return Source(document)


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
    source = _source(document)
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


def grounding(answer: str, document: str) -> float:
    """Return the share of an answer's words that occur in a document.

    Parameters
    ----------
    answer : str
    document : str

    Returns
    -------
    float
        From 0 to 1. Words count as often as they occur in the answer; English stop words, and in
        other languages words of three letters or fewer, count only if there are no others, and
        characters only if there are no words. Outside English a word occurs if one that begins
        alike does, since it may be inflected. Scripts without spaces are compared by pairs of
        characters.
    """
    return _source(document).grounding(answer)


def _short(reason: str, length: int, needed: int) -> Rejection:
    return Rejection(reason, f"{length} characters, {needed} needed")


def _long(reason: str, length: int, allowed: int) -> Rejection:
    return Rejection(reason, f"{length} characters, {allowed} allowed")


def _written_length(text: str) -> float:
    """Return the length of a text in characters of English."""
    if text.isascii():
        return len(text)
    return len(text) + sum((worth - 1) * len(letter.findall(text)) for letter, worth in DENSE)


def _stem(word: str) -> str:
    """Return a word without what is joined to its front; Korean syllables in their letters."""
    return unicodedata.normalize("NFD", word) if HANGUL.match(word) else ARTICLE.sub("", word)


def _words(text: str) -> list[str]:
    """Return the words of a normal text; in scripts without spaces, pairs of characters."""
    words: list[str] = []
    for match in TOKEN.finditer(text):
        if match["unspaced"]:
            characters = CLUSTER.findall(match[0])
            if len(characters) > 2:
                words += map("".join, pairwise(characters))
                continue
        words.append(match[0])
    return words

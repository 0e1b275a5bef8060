"""Checks of extracted pairs without a second model: length, grounding, wording, language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from equal_assets.records import QAPair

SHORT_QUESTION = "question too short"
LONG_QUESTION = "question too long"
SHORT_ANSWER = "answer too short"
LONG_ANSWER = "answer too long"
NOT_GROUNDED = "not grounded in its document"
LEANS = "question leans on a text"
OTHER_LANGUAGE = "other language than its document"

UNSPACED = "".join(
    (
        "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff",  # Thai, Lao, Burmese, Khmer
        "\u3005-\u3007\u3040-\u30ff",  # Japanese kana
        "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",  # Chinese characters
        "\uac00-\ud7af",  # Korean: spaces, but with particles joined to the words
    )
)
TOKEN = re.compile(rf"(?P<unspaced>[{UNSPACED}]+)|[^\W_{UNSPACED}]+")

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be been but by can do does for from had has have he her his how i if
        in is it its not of on or she so that the their them then there these they this to was we
        were what when which who will with would you your""",
    )
)

NO_PROSE = re.compile(
    r"""
      ```.*?(?:```|\Z) | `[^`\n]*`  # code
    | \$\$.*?\$\$ | \$[^$\n]*\$ | \\\(.*?\\\) | \\\[.*?\\\]  # formulas
    | https?://\S+ | </?[a-zA-Z][^<>\n]*>  # links and tags
    """,
    re.DOTALL | re.VERBOSE,
)
MIN_LETTERS = 60
MIN_PROBABILITY = 0.9
READ_CHARACTERS = 8000
"""Part of a text that is searched for code and formulas: many that never end take long."""

SAMPLE_CHARACTERS = 2000
"""Part of a text used to identify its language; longer parts make the result less certain."""

READING = "(?:text|passage|article|excerpt|document|paragraph|section|chapter|lesson)"
PICTURE = "(?:figure|diagram|picture|illustration|photo|photograph)"
MATERIAL = "(?:code|snippet|table|example|equation|graph|chart|problem|exercise|image)"
SEEN = "(?:as|was|were|is|are) (?:shown|seen|depicted|illustrated|listed|given|defined)"
TOLD = "(?:mentioned|described|discussed|stated|explained|presented|introduced)"
TELLS = "(?:says?|states?|mentions?|describes?|discuss(?:es)?|explains?|claims?|suggests?)"

ELSEWHERE = (
    rf"according to (?:the|this|that) (?:(?:given|provided|above) )?(?:{READING}|authors?)"
    r"(?! (?:of|object|type))",
    rf"according to (?:the|this|that) {PICTURE}(?! of)",
    rf"(?:the|this) {PICTURE} (?:above|below)",
    rf"the (?:following|above|preceding|accompanying) (?:{PICTURE}|passage|article|excerpt)",
    rf"in the (?:passage|article|excerpt|{PICTURE})(?! of)",
    rf"(?:in|of|from|by) this (?:section|chapter|lesson|{PICTURE})",
    rf"the (?:given|provided) {PICTURE}",
    rf"the (?:{READING}|author) {TELLS}",
    rf"{TOLD} (?:earlier|previously|in (?:the|this) {READING})",
)
"""Phrases by which a question leans on a text that is elsewhere."""

SHOWN = (
    rf"(?:the|this) (?:{MATERIAL}|{READING}) (?:above|below)",
    rf"the (?:following|above|given|provided) (?:{MATERIAL}|{READING})",
    rf"(?:in|of|from|by) this (?:{MATERIAL}|{READING})",
    r"this (?:passage|excerpt)",
    rf"{TOLD} above",
    rf"{SEEN} (?:above|below)(?! (?:a|an|the|zero|\d+))",
)
"""Phrases that may also point at something the question itself shows."""

SHOWS = re.compile(r"\n|`|\$[^$]+\$|:\s*\S")


def _any_of(phrases: Sequence[str]) -> re.Pattern[str]:
    together = "|".join(phrases).replace(" ", r"\s+")
    return re.compile(rf"\b(?:{together})\b", re.IGNORECASE)


LEANS_ELSEWHERE, LEANS_UNLESS_SHOWN = _any_of(ELSEWHERE), _any_of((*ELSEWHERE, *SHOWN))


@dataclass(frozen=True)
class QualityBounds:
    """What a pair must meet to be kept.

    Attributes
    ----------
    min_question_characters, max_question_characters : int
        Allowed lengths, both inclusive.
    min_answer_characters, max_answer_characters : int
        Allowed lengths, both inclusive.
    min_grounding : float
        Share of the answer's words that must occur in the document, 0 to 1.
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
        text = _normal(self._document)
        unspaced = (run for match in TOKEN.finditer(text) if (run := match["unspaced"]))
        return frozenset(_words(text)).union(*unspaced)

    @cached_property
    def characters(self) -> frozenset[str]:
        """Every character."""
        return frozenset(_normal(self._document))

    @cached_property
    def language(self) -> str | None:
        """The language, ``None`` where it is uncertain."""
        return language(self._document)

    def grounding(self, answer: str) -> float:
        """Return the share of an answer's words that occur in the document."""
        words = _words(_normal(answer))
        words = [word for word in words if word not in STOP_WORDS] or words
        if words:
            return sum(word in self.words for word in words) / len(words)
        signs = "".join(_normal(answer).split())
        return sum(sign in self.characters for sign in signs) / len(signs) if signs else 0.0


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
    if asked < bounds.min_question_characters:
        return _short(SHORT_QUESTION, asked, bounds.min_question_characters)
    if asked > bounds.max_question_characters:
        return _long(LONG_QUESTION, asked, bounds.max_question_characters)
    if answered < bounds.min_answer_characters:
        return _short(SHORT_ANSWER, answered, bounds.min_answer_characters)
    if answered > bounds.max_answer_characters:
        return _long(LONG_ANSWER, answered, bounds.max_answer_characters)
    if bounds.min_grounding > 0:
        share = source.grounding(pair.answer)
        if share < bounds.min_grounding:
            detail = f"{share:.2f} of its words, {bounds.min_grounding:.2f} needed"
            return Rejection(NOT_GROUNDED, detail)
    if bounds.self_contained and (phrase := dangling_reference(pair.question)):
        return Rejection(LEANS, phrase)
    if bounds.same_language and source.language:
        found = language(pair.text)
        if found and found != source.language:
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
        From 0 to 1. Words count as often as they occur in the answer; English stop words count only
        if there are no others, and characters only if there are no words. Scripts without spaces
        are compared by pairs of characters.
    """
    return _source(document).grounding(answer)


def dangling_reference(question: str) -> str | None:
    """Return the phrase by which a question leans on a text that its reader does not have.

    English only. A question may point at something it shows itself, in lines, code, formulas or
    after a colon.
    """
    pattern = LEANS_ELSEWHERE if SHOWS.search(question) else LEANS_UNLESS_SHOWN
    found = pattern.search(question)
    return " ".join(found[0].lower().split()) if found else None


def language(text: str) -> str | None:
    """Return the ISO 639 code of the language of a text, ``None`` where it is uncertain.

    Code, formulas and markup are left out; what remains must have enough letters.
    """
    prose = NO_PROSE.sub(" ", text[:READ_CHARACTERS])[:SAMPLE_CHARACTERS]
    if sum(map(str.isalpha, prose)) < MIN_LETTERS:
        return None
    found, probability = _identifier().classify(prose)
    return found if probability >= MIN_PROBABILITY and found != "zxx" else None  # zxx: no language


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _short(reason: str, length: int, needed: int) -> Rejection:
    return Rejection(reason, f"{length} characters, {needed} needed")


def _long(reason: str, length: int, allowed: int) -> Rejection:
    return Rejection(reason, f"{length} characters, {allowed} allowed")


def _normal(text: str) -> str:
    """Return a text with different forms of the same character unified."""
    return unicodedata.normalize("NFKC", text).lower()


def _words(text: str) -> list[str]:
    """Return the words of a normal text; in scripts without spaces, pairs of characters."""
    words: list[str] = []
    for match in TOKEN.finditer(text):
        run = match[0]
        if match["unspaced"] and len(run) > 2:
            words += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            words.append(run)
    return words

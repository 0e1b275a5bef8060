"""How far an answer stands in its document: words, numbers, and the span where it stands best."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import pairwise

import regex

from equal_assets.algorithms.extraction.arithmetic import (
    Calculation,
    calculations,
    plain,
    rounded,
    values,
)
from equal_assets.algorithms.language import language
from equal_assets.algorithms.words import UNSPACED, normal

TOKEN = regex.compile(
    rf"(?V1)(?P<unspaced>(?:[[{UNSPACED}]--[的了是在和]]\p{{M}}*)+)"
    rf"|[[\p{{L}}\p{{M}}\p{{N}}]--[{UNSPACED}]]+"
)
"""Words, and runs of a script without spaces; the commonest function words of Chinese end a run."""

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


SYMBOL = re.compile(
    r"\b([A-Z])(?:\([^()\n]{1,12}\))?\s?=|\b(?:[Ll]et|[Cc]all|where|[Ss]uppose) \$?([A-Z])\b"
)
FUNCTION = re.compile(r"\b(?:def|func|function|fn|void|int|long|double|static) +(\w+)\(")
PARTICULAR = re.compile(
    r"\b(?:[Aa]n?|[Oo]ne|[Mm]y|[Oo]ur|[Aa]nother)(?: [a-z][\w-]*){1,3}"
    r"|\b[A-Z][a-z]+(?: [A-Z][a-z]+)+"
)
MAX_DIGITS = 15
MAX_ROUNDED = 4
PEOPLE = re.compile(r"\b(?:I|[Hh]e|[Ss]he|[Mm]y|[Hh]is|[Hh]er|me|him|said)\b")
LEAST_PEOPLE, STORY_SHARE = 8, 0.04
THEREFORE = re.compile(
    r"\b(?:hence|therefore|thus|so|consequently|it follows|gives|we get|we obtain|the answer is"
    r"|answer:|daher|somit|folglich|donc|ainsi|alors|por (?:lo )?tanto|así que|luego|quindi|dunque"
    r"|perciò|portanto|logo|dus|więc|zatem|dlatego|поэтому|следовательно|значит|итак)\b"
    r"|所以|因此|故|よって|したがって|따라서|그러므로|إذن|لذلك|לכן",
    re.IGNORECASE,
)
"""What stands before the result of a worked solution, in the languages of the tests."""

EQUATION = re.compile(r"(?<![=<>!:])=(?![=>])|≤|≥|\\[lg]eq?\b|\\iff|⟺|⇔")
BEFORE = 700
LEAST_EQUATIONS = 2
"""How far before a result its steps are looked for, in characters, and how many make a solution."""

LONGEST = 200
"""How long a conclusion may be, in characters."""
DIGITS = re.compile(r"\d+")
STOP = re.compile(r"(?<=[.!?])\s|\n\s*\n|[。！？]")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+|(?<=[。！？])")
ENDING = re.compile(r"(?<=\w{3})(?:ies|es|s|ed|ing|ly|y|e)$")
"""What an English word is inflected by; what is left need not be a word."""

DENSITY = 0.5
"""How densely the words of an answer must stand in a span, of their mean in the document."""


class Source:
    """A document, taken apart once for all its pairs."""

    def __init__(self, document: str) -> None:
        self._document = document

    @cached_property
    def text(self) -> str:
        """The document."""
        return self._document

    @cached_property
    def plain(self) -> str:
        """The document with its formulas in plain signs."""
        return plain(self._document)

    @cached_property
    def values(self) -> frozenset[float]:
        """The numbers that it names."""
        return values(self._document)

    @cached_property
    def calculations(self) -> list[Calculation]:
        """The calculations that it shows."""
        return calculations(self._document)

    @cached_property
    def results(self) -> dict[float, list[int]]:
        """Which of its calculations come to a number."""
        found: dict[float, list[int]] = defaultdict(list)
        for place, calculation in enumerate(self.calculations):
            found[calculation.results[-1]].append(place)
        return found

    @cached_property
    def roundings(self) -> frozenset[float]:
        """What its numbers are, rounded to fewer digits."""
        return frozenset(
            rounded(round(value, digits))
            for value in self.values
            if value % 1
            for digits in range(MAX_ROUNDED)
        )

    @cached_property
    def told(self) -> frozenset[float]:
        """The numbers that it names outside its calculations."""
        text, begin = "", 0
        for shown in self.calculations:
            text += self.plain[begin : shown.begin] + " "
            begin = shown.end
        return values(text + self.plain[begin:])

    @cached_property
    def conclusions(self) -> dict[str, set[frozenset[str]]]:
        """The numbers of each sentence that concludes something from equations, by each of them."""
        found: dict[str, set[frozenset[str]]] = defaultdict(set)
        equations = [match.start() for match in EQUATION.finditer(self.plain)]
        for match in THEREFORE.finditer(self.plain):
            end = match.start()
            if bisect(equations, end) - bisect(equations, end - BEFORE) >= LEAST_EQUATIONS:
                sentence = STOP.split(self.plain[end : end + LONGEST], maxsplit=1)[0]
                shown = frozenset(DIGITS.findall(sentence))
                for number in shown:
                    found[number].add(shown)
        return found

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The capital letters that it defines."""
        return frozenset(a or b for a, b in SYMBOL.findall(self._document))

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions that it defines."""
        return frozenset(FUNCTION.findall(self._document))

    @cached_property
    def particulars(self) -> frozenset[str]:
        """The things that it introduces as one of many, or by a name: English only."""
        found = (match[0].lower().split()[1:] for match in PARTICULAR.finditer(self._document))
        return frozenset(word for words in found for word in words if len(word) >= MIN_STEM)

    @cached_property
    def is_story(self) -> bool:
        """Whether it tells of people, in English: "he", "said" and "my" are common in it."""
        n_people = len(PEOPLE.findall(self._document))
        return n_people >= LEAST_PEOPLE and n_people > STORY_SHARE * self._document.count(" ")

    @cached_property
    def stems(self) -> frozenset[str]:
        """The English words without their endings."""
        return frozenset(ENDING.sub("", word) for word in self.words)

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

    def support(self, answer: str, question: str) -> tuple[float, list[str]]:
        """Return how much of what an answer adds to its question the document has.

        Parameters
        ----------
        answer, question : str

        Returns
        -------
        share : float
            Of the distinct words that the question does not have, in any inflection; 1 if there
            are none. Numbers are left to
            :func:`~equal_assets.algorithms.extraction.invention.invented_numbers`.
        lacking : list of str
            The words that the document does not have, in order.
        """
        asked = {ENDING.sub("", word) for word in _words(normal(question))}
        words = dict.fromkeys(_words(normal(answer)))
        added = [
            word
            for word in words
            if self._counts(word) and not word.isdecimal() and ENDING.sub("", word) not in asked
        ]
        lacking = [
            word
            for word in added
            if not self._holds(word) and ENDING.sub("", word) not in self.stems
        ]
        return (1 - len(lacking) / len(added) if added else 1.0), lacking

    @cached_property
    def _sentences(self) -> list[tuple[int, int, frozenset[str], int]]:
        """Begin, end, words and their number, of each sentence or line."""
        ends = [match.end() for match in SENTENCE_END.finditer(self._document)]
        found = []
        for begin, end in pairwise([0, *ends, len(self._document)]):
            words = _words(normal(self._document[begin:end]))
            found.append((begin, end, frozenset(words), len(words)))
        return found

    def span(self, answer: str) -> tuple[int, int] | None:
        """Return where in the document an answer stands best: begin and end, in characters.

        The run of sentences whose words are the answer's more densely than elsewhere; a word counts
        less, the more sentences have it. ``None`` if none of its words occurs.
        """
        wanted = {word for word in _words(normal(answer)) if self._counts(word)}
        found = [(begin, end, wanted & words, n) for begin, end, words, n in self._sentences]
        spread = Counter(word for *_, words, _ in found for word in words)
        gains = [sum(1 / spread[word] for word in words) for *_, words, _ in found]
        if not spread:
            return None
        mean = DENSITY * sum(gains) / max(sum(n for *_, n in found), 1)
        first, last = _densest([g - mean * n for g, (*_, n) in zip(gains, found, strict=True)])
        return found[first][0], found[last][1]

    def _counts(self, word: str) -> bool:
        if word in STOP_WORDS:
            return False
        return self.is_english or len(word) > MIN_STEM or bool(NO_FUNCTION_WORD.search(word))

    def _holds(self, word: str) -> bool:
        if word.isdecimal() and len(word) <= MAX_DIGITS and float(word) in self.values:
            return True
        if word in self.words or self.is_english or WRITTEN_ALIKE.search(word):
            return word in self.words
        stem = _stem(word)
        n_letters = min(max(MIN_STEM, -(-len(stem) // 2)), MAX_STEM)
        return len(stem) >= MIN_STEM and stem[:n_letters] in self.beginnings


@lru_cache(maxsize=64)
def source(document: str) -> Source:
    """Return a document split into words, from a cache: its chunks are checked one by one."""
    return Source(document)


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
    return source(document).grounding(answer)


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


def _densest(scores: Sequence[float]) -> tuple[int, int]:
    """Return the first and the last place of the run with the greatest sum."""
    best, bounds = float("-inf"), (0, 0)
    total, first = 0.0, 0
    for place, score in enumerate(scores):
        if total <= 0:
            total, first = 0.0, place
        total += score
        if total > best:
            best, bounds = total, (first, place)
    return bounds

"""What a document holds that its pairs are compared with: words, numbers, calculations, names."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections import defaultdict
from functools import cached_property, lru_cache
from itertools import pairwise

import regex

from equal_assets.algorithms.extraction.arithmetic import (
    Calculation,
    calculations,
    plain,
    rounded,
    stated,
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
MIN_STEM, MAX_STEM = 3, 5
"""Letters by which an inflected word is known: half of them, within these bounds. Shorter words are
mostly function words, of which only those of English are listed."""

SYMBOL = re.compile(
    r"\b([A-Z])(?:\([^()\n]{1,12}\))?\s?=|\b(?:[Ll]et|[Cc]all|where|[Ss]uppose) \$?([A-Z])\b"
)
FUNCTION = re.compile(r"\b(?:def|func|function|fn|void|int|long|double|static) +(\w+)\(")
PARTICULAR = re.compile(
    r"\b(?:[Aa]n?|[Oo]ne|[Mm]y|[Oo]ur|[Aa]nother)(?: [a-z][\w-]*){1,3}"
    r"|\b[A-Z][a-z]+(?: [A-Z][a-z]+)+"
)
MAX_ROUNDED = 4
"""Digits after the point to which a number may be rounded."""

OTHERS = re.compile(r"\b(?:[Hh]e|[Ss]he|[Hh]is|[Hh]er|him)\b")
VOICES = re.compile(r"\b(?:I|[Mm]y|me|said|asked)\b|[\"“”](?=\w)")
LEAST_OTHERS, LEAST_VOICES, STORY_SHARE = 3, 4, 0.04
"""How often a story says "he" or "she", "I" or "said", and both together, of its words."""

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


class Source:
    """A document, taken apart once for all its pairs."""

    def __init__(self, document: str) -> None:
        self._document = document

    @cached_property
    def plain(self) -> str:
        """The document with its formulas in plain signs."""
        return plain(self._document)

    @cached_property
    def values(self) -> frozenset[float]:
        """The numbers that it names."""
        return values(self._document)

    @cached_property
    def stated(self) -> list[float]:
        """The numbers that it states, in order."""
        return stated(self._document)

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
        places = [(shown.begin, shown.end) for shown in self.calculations]
        ends = [0, *(end for _, end in places)]
        begins = [*(begin for begin, _ in places), len(self.plain)]
        between = zip(ends, begins, strict=True)
        return values(" ".join(self.plain[end:begin] for end, begin in between))

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
        """Whether it tells in English what people did and said; lives and histories do not."""
        n_others = len(OTHERS.findall(self._document))
        n_voices = len(VOICES.findall(self._document))
        is_dense = n_others + n_voices > STORY_SHARE * self._document.count(" ")
        return n_others >= LEAST_OTHERS and n_voices >= LEAST_VOICES and is_dense

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
        return frozenset(words_in(text)).union(characters)

    @cached_property
    def beginnings(self) -> frozenset[str]:
        """The beginnings of all words, by which an inflected form is known."""
        stems = map(stem_of, self.words)
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

    @cached_property
    def sentences(self) -> list[tuple[int, int, frozenset[str], int]]:
        """Begin, end, words and their number, of each sentence or line."""
        ends = [match.end() for match in SENTENCE_END.finditer(self._document)]
        found = []
        for begin, end in pairwise([0, *ends, len(self._document)]):
            words = words_in(normal(self._document[begin:end]))
            found.append((begin, end, frozenset(words), len(words)))
        return found


@lru_cache(maxsize=64)
def source(document: str) -> Source:
    """Return a document split into words, from a cache: its chunks are checked one by one."""
    return Source(document)


def stem_of(word: str) -> str:
    """Return a word without what is joined to its front; Korean syllables in their letters."""
    return unicodedata.normalize("NFD", word) if HANGUL.match(word) else ARTICLE.sub("", word)


def words_in(text: str) -> list[str]:
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

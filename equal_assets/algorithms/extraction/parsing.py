"""LLM replies: text in; QA pairs, rejected pairs and named failures out. Nothing is guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from equal_assets.records import QAPair, RejectedPair

EMPTY = "empty reply"
NO_JSON = "no JSON in the reply"
SEVERAL = "several JSON answers in the reply"
OTHER_SHAPE = "JSON of another shape"

EMPTY_HALF = "empty question or answer"
REPEATED = "repeats another pair"

THOUGHT = re.compile(r"\A\s*<think>.*?(</think>|\Z)", re.DOTALL)
"""The thoughts a reasoning model writes before its reply; without an end there is no reply."""

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: JSON can name them, UTF-8 text and databases cannot hold them."""

MAX_INTEGER_DIGITS = 18
"""Longer integers are read as floats: ``int`` refuses a few thousand digits with an error."""

BRACKET = re.compile(r"[{\[]")
MAX_PASSED_OVER = 4096
"""Characters passed over before they are dropped: each JSON error counts the lines before it."""


T = TypeVar("T")


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else float(digits)


# models leave line breaks and tabs in strings as they are
DECODER = json.JSONDecoder(strict=False, parse_int=_integer)


class UnusableReplyError(ValueError):
    """A reply from which nothing can be read; ``reason`` is one of four fixed phrases."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class ParsedReply:
    """The usable pairs of a reply, and the others."""

    pairs: tuple[QAPair, ...]
    rejected: tuple[RejectedPair, ...]


def parse_pairs(reply: str) -> ParsedReply:
    """Read the pairs of a reply.

    Parameters
    ----------
    reply : str
        One JSON value, ``{"pairs": [{"question": ..., "answer": ...}, ...]}`` or the list alone;
        text around it, a code fence and a thought before it are skipped.

    Returns
    -------
    ParsedReply

    Raises
    ------
    UnusableReplyError
        If there is no such value, more than one, or it is cut off.
    """
    found = _only(reply, _pairs_of)
    return _sorted_out(QAPair(_clean(question), _clean(answer)) for question, answer in found)


def parse_scores(reply: str, *, n_pairs: int) -> list[int]:
    """Read a judge's reply, ``{"scores": [5, 3]}``: a score from 1 to 5 for each pair.

    Raises
    ------
    UnusableReplyError
        As for :func:`parse_pairs`, and if there are more or fewer scores than pairs.
    """

    def scores_of(value: Any) -> list[int] | None:
        scores = value.get("scores") if isinstance(value, dict) else None
        if not isinstance(scores, list) or len(scores) != n_pairs:
            return None
        is_valid = all(type(score) is int and 1 <= score <= 5 for score in scores)
        return scores if is_valid else None

    return _only(reply, scores_of)


def parse_rating(reply: str) -> int:
    """Read the rating of a document, ``{"rating": 4}``: from 1 to 5.

    Raises
    ------
    UnusableReplyError
        As for :func:`parse_pairs`.
    """

    def rating_of(value: Any) -> int | None:
        rating = value.get("rating") if isinstance(value, dict) else None
        return rating if type(rating) is int and 1 <= rating <= 5 else None

    return _only(reply, rating_of)


def merge_replies(replies: Iterable[ParsedReply]) -> ParsedReply:
    """Return the pairs of the chunks of a document, in order, each once.

    Chunks overlap: if a later one repeats a question, the longer answer is kept, in the first
    place. A single reply may ask a question twice, with different answers.
    """
    kept: list[QAPair] = []
    rejected: list[RejectedPair] = []
    places: dict[str, int] = {}  # of the questions of the replies before
    seen: set[tuple[str, str]] = set()
    for reply in replies:
        rejected += reply.rejected
        new_places: dict[str, int] = {}
        for pair in reply.pairs:
            key = _identity(pair)
            place = places.get(key[0])
            if key in seen:
                rejected.append(_rejected(pair, REPEATED))
            elif place is None:
                new_places.setdefault(key[0], len(kept))
                kept.append(pair)
            else:
                shorter, kept[place] = sorted((pair, kept[place]), key=lambda p: len(p.answer))
                rejected.append(_rejected(shorter, REPEATED))
            seen.add(key)
        places |= new_places
    return ParsedReply(tuple(kept), tuple(rejected))


def _sorted_out(pairs: Iterable[QAPair]) -> ParsedReply:
    kept: dict[tuple[str, str], QAPair] = {}
    rejected = []
    for pair in pairs:
        key = _identity(pair)
        if not all(key):
            rejected.append(_rejected(pair, EMPTY_HALF))
        elif key in kept:
            rejected.append(_rejected(pair, REPEATED))
        else:
            kept[key] = pair
    return ParsedReply(tuple(kept.values()), tuple(rejected))


def _rejected(pair: QAPair, reason: str) -> RejectedPair:
    return RejectedPair(pair.question, pair.answer, reason)


def _only(reply: str, read: Callable[[Any], T | None]) -> T:
    """Return what is read from the only JSON value of a reply with the right shape."""
    text = THOUGHT.sub("", reply)
    if not reply.strip():
        raise UnusableReplyError(EMPTY)
    values = list(_json_values(text))
    readings = [reading for value in values if (reading := read(value)) is not None]
    if not readings:
        raise UnusableReplyError(OTHER_SHAPE if values else NO_JSON)
    if any(reading != readings[0] for reading in readings):
        raise UnusableReplyError(SEVERAL)
    return readings[0]


def _json_values(text: str) -> Iterator[Any]:
    """Yield the outermost objects and lists of a text.

    A broken value is skipped up to the break: the values inside are parts of a broken reply, not
    a reply.
    """
    at = 0
    while match := BRACKET.search(text, at):
        try:
            value, at = DECODER.raw_decode(text, match.start())
        except json.JSONDecodeError as error:
            if error.msg.startswith("Unterminated string"):
                return  # the string runs to the end of a cut-off reply
            at = max(error.pos, match.start() + 1)
        except RecursionError:
            return
        else:
            yield value
        if at > MAX_PASSED_OVER:
            text, at = text[at:], 0


def _pairs_of(value: Any) -> list[tuple[str, str]] | None:
    """Return the pairs of an object or of a list alone, ``None`` for any other shape."""
    rows = value.get("pairs") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        return None
    pairs = []
    for row in rows:
        match row:
            case {"question": str(question), "answer": str(answer)}:
                pairs.append((question, answer))
            case _:
                return None
    return pairs if pairs or isinstance(value, dict) else None  # "[]" may be anything


def _clean(text: str) -> str:
    return UNSTORABLE.sub("\ufffd", text).strip()


def _identity(pair: QAPair) -> tuple[str, str]:
    """Return what makes two pairs the same: question and answer up to case and white space."""
    return _folded(pair.question), _folded(pair.answer)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())

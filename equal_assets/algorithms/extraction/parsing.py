"""LLM replies: text in; QA pairs, rejected pairs and named failures out. Nothing is guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from equal_assets.algorithms.extraction.backslashes import doubled
from equal_assets.records import QAPair, RejectedPair

EMPTY = "empty reply"
NO_JSON = "no JSON in the reply"
SEVERAL = "several JSON answers in the reply"
OTHER_SHAPE = "JSON of another shape"

EMPTY_HALF = "empty question or answer"
NO_TEXT = "question or answer that is no text"
REPEATED = "repeats another pair"
CUT_AT_QUOTE = "cut off at a quotation mark"

THOUGHT_TAG = r"[\w:]*(?:think|thinking|thought|thoughts|reasoning)"
THOUGHT = re.compile(
    rf"\s*(?:<{THOUGHT_TAG}>|\[THINK\]|◁think▷|(?:<\|start\|>assistant)?<\|channel\|>(?!final))"
)
"""How the thoughts of a reasoning model begin; without an end there is no reply."""

END_OF_THOUGHT = re.compile(
    rf"</{THOUGHT_TAG}>|\[/THINK\]|◁/think▷"
    r"|<\|channel\|>final[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>"
)
"""What stands between thoughts and reply; the beginning of the thoughts is not always sent."""

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: JSON can name them, UTF-8 text and databases cannot hold them."""

MAX_INTEGER_DIGITS = 18
"""Longer integers are read as floats: ``int`` refuses a few thousand digits with an error."""

BRACKET = re.compile(r"[{\[]")

LIST, BARE_LIST = re.compile(r'"pairs"\s*:\s*\[', re.IGNORECASE), re.compile(r"\[(?=\s*\{)")
"""How the list of a reply begins, in an object and alone."""

OPENED = re.compile(r'(?<![\w.,;:!?)\]}])"(?![\s.,;:!?)\]}])')
"""A quotation mark that begins a quotation, or a string of code."""

MOST_LAST_CHARACTERS = 100
"""Of the two words before such a mark."""

NEXT_OBJECT = re.compile(r"[\s,]*(\{)")

SPACE = re.compile(r"\s+")

MAX_PASSED_OVER = 4096
"""Characters passed over before they are dropped: each JSON error counts the lines before it."""


T = TypeVar("T")


class WrittenNumber(float):
    """A number that knows how it was written: ``0.10`` is an answer, ``0.1`` another."""

    def __new__(cls, literal: str) -> WrittenNumber:
        """Read a literal, and keep it."""
        number = super().__new__(cls, literal)
        number.literal = literal
        return number

    literal: str


def _integer(digits: str) -> int | WrittenNumber:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else WrittenNumber(digits)


# models leave line breaks and tabs in strings as they are
DECODER = json.JSONDecoder(strict=False, parse_int=_integer, parse_float=WrittenNumber)


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


def parse_pairs(reply: str, *, document: str = "") -> ParsedReply:
    """Read the pairs of a reply.

    Parameters
    ----------
    reply : str
        One JSON value, ``{"pairs": [{"question": ..., "answer": ...}, ...]}`` or the list alone;
        text around it, a code fence and thoughts before it are skipped.
    document : str
        What it is about: commands of LaTeX that it has are known where the reply does not double
        their backslash, and a text that ends where it opens a quotation is known to be cut off.

    Returns
    -------
    ParsedReply
        A pair that is none does not take the others with it: it is rejected.

    Raises
    ------
    UnusableReplyError
        If there is no such value, more than one, or it is cut off.
    """
    return _sorted_out(_only(doubled(_unquoted(reply), document), _rows_of), document)


def complete_pairs(reply: str, *, document: str = "") -> ParsedReply | None:
    """Read the pairs that are complete in a reply that was cut off.

    Parameters
    ----------
    reply : str
        As for :func:`parse_pairs`, without its end.
    document : str

    Returns
    -------
    ParsedReply or None
        ``None`` if no pair is complete; a draft in a thought is none.
    """
    reply = doubled(reply, document)
    ends = [m.end() for m in END_OF_THOUGHT.finditer(reply) if BARE_LIST.search(reply, m.end())]
    if not ends and THOUGHT.match(reply):
        return None
    begin = ends[-1] if ends else 0
    opening = LIST.search(reply, begin) or BARE_LIST.search(reply, begin)
    at, pairs = opening.end() if opening else len(reply), []
    while item := NEXT_OBJECT.match(reply, at):
        try:
            pair, at = DECODER.raw_decode(reply, item.start(1))
        except (json.JSONDecodeError, RecursionError):
            break
        pairs.append(pair)
    rows = _rows_of(pairs) if pairs else None
    return _sorted_out(rows, document) if rows else None


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
            key = identity(pair)
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


def _sorted_out(rows: Iterable[Row], document: str) -> ParsedReply:
    before_quotes = _before_quotes(document)
    kept: dict[tuple[str, str], QAPair] = {}
    rejected = []
    for question, answer, is_text in rows:
        pair = QAPair(_clean(question), _clean(answer))
        key = identity(pair)
        if not is_text:
            rejected.append(_rejected(pair, NO_TEXT))
        elif not all(key):
            rejected.append(_rejected(pair, EMPTY_HALF))
        elif any(_is_cut_at_quote(half, before_quotes) for half in (question, answer)):
            rejected.append(_rejected(pair, CUT_AT_QUOTE))
        elif key in kept:
            rejected.append(_rejected(pair, REPEATED))
        else:
            kept[key] = pair
    return ParsedReply(tuple(kept.values()), tuple(rejected))


def _before_quotes(document: str) -> frozenset[str]:
    """Return the words before each quotation of a document; white space counts as one blank."""
    spaced = SPACE.sub(" ", document) if '"' in document else ""
    ends = (mark.start() for mark in OPENED.finditer(spaced))
    return frozenset(_last_words(spaced[max(0, end - MOST_LAST_CHARACTERS) : end]) for end in ends)


def _is_cut_at_quote(half: str, before_quotes: frozenset[str]) -> bool:
    """Tell a text that ends where the document opens a quotation, in the middle of a sentence.

    The model wrote the mark as it is, which ended the string; a grammar then let it end the pair.
    """
    return _last_words(SPACE.sub(" ", half)) in before_quotes


def _last_words(text: str) -> str:
    """Return the last two words, with the blank after them."""
    words = text[-MOST_LAST_CHARACTERS:].split(" ")
    return " ".join(words[-3:] if words[-1] == "" else words[-2:])


def _rejected(pair: QAPair, reason: str) -> RejectedPair:
    return RejectedPair(pair.question, pair.answer, reason)


def _only(reply: str, read: Callable[[Any], T | None]) -> T:
    """Return what is read from the only JSON value of a reply with the right shape."""
    if not reply.strip():
        raise UnusableReplyError(EMPTY)
    text = _unquoted(reply)
    found = list(_json_values(text))
    readings = [(part, reading) for part in found if (reading := read(part.value)) is not None]
    begin = _end_of_thought(text, [part for part, _ in readings])
    if begin or THOUGHT.match(text):  # after broken JSON in a thought, the reply is found alone
        found = list(_json_values(text[begin:])) if begin else []
        readings = [(part, reading) for part in found if (reading := read(part.value)) is not None]
    if not readings:
        raise UnusableReplyError(OTHER_SHAPE if found else NO_JSON)
    if any(reading != readings[0][1] for _, reading in readings):
        raise UnusableReplyError(SEVERAL)
    return readings[0][1]


def _unquoted(reply: str) -> str:
    """Return a reply without the quotes of one that was written as JSON twice."""
    if not reply.lstrip().startswith('"'):
        return reply
    try:
        inner = json.loads(reply)
    except ValueError:
        return reply
    return inner if isinstance(inner, str) else reply


def _end_of_thought(text: str, answers: list[Part]) -> int:
    """Return where the last thought ends; what stands within an answer ends none."""
    ends = [
        mark.end()
        for mark in END_OF_THOUGHT.finditer(text)
        if not any(answer.begin < mark.start() < answer.end for answer in answers)
    ]
    return ends[-1] if ends else 0


@dataclass(frozen=True)
class Part:
    """A JSON value in a text, and where it stands."""

    value: Any
    begin: int
    end: int


def _json_values(text: str) -> Iterator[Part]:
    """Yield the outermost objects and lists of a text.

    A broken value is skipped up to the break: the values inside are parts of a broken reply, not
    a reply. A comma after the last item breaks none: there is one way to read it.
    """
    at = dropped = 0
    while match := BRACKET.search(text, at):
        try:
            value, at = DECODER.raw_decode(text, match.start())
        except json.JSONDecodeError as error:
            if error.msg.startswith("Unterminated string"):
                return  # the string runs to the end of a cut-off reply
            if (comma := _comma_after_last(text, error.pos)) is not None:
                text = f"{text[:comma]} {text[comma + 1 :]}"
                continue
            at = max(error.pos, match.start() + 1)
        except RecursionError:
            return
        else:
            yield Part(value, dropped + match.start(), dropped + at)
        if at > MAX_PASSED_OVER:
            text, at, dropped = text[at:], 0, dropped + at


def _comma_after_last(text: str, at: int) -> int | None:
    """Return the place of a comma between the last item and the bracket where JSON breaks."""
    before = text[:at].rstrip() if text[at : at + 1] in ("]", "}") else ""
    comma = len(before) - 1
    if text[at : at + 1] == "," and text[at + 1 :].lstrip()[:1] in ("]", "}"):  # from Python 3.13
        comma = at
    elif not before.endswith(","):
        return None
    return comma if text[:comma].rstrip()[-1:] not in ("", "[", "{", ",") else None


Row = tuple[str, str, bool]
"""Question, answer, and whether both are text."""


def _rows_of(value: Any) -> list[Row] | None:
    """Return the pairs of an object or of a list alone, ``None`` for any other shape.

    A pair that is none is kept as it was written, as long as another one is sound.
    """
    pairs = _lowered(value).get("pairs") if isinstance(value, dict) else value
    if not isinstance(pairs, list):
        return None
    rows = [_row(pair) for pair in pairs]
    if rows and not any(is_text for _, _, is_text in rows):
        return None
    return rows if rows or isinstance(value, dict) else None  # "[]" may be anything


def _row(pair: Any) -> Row:
    match _lowered(pair) if isinstance(pair, dict) else None:
        case {"question": str(question), "answer": answer}:
            text = _answer(answer)
            return question, _shown(answer) if text is None else text, text is not None
        case {"question": question, "answer": answer}:
            return _shown(question), _shown(answer), False
        case _:
            return _shown(pair), "", False


def _lowered(pair: dict[str, Any]) -> dict[str, Any]:
    """Return an object with its keys as the schema writes them."""
    return {key.casefold(): value for key, value in pair.items()}


def _answer(value: Any) -> str | None:
    """Return an answer as text: a number as it is written, a truth value by its word."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case WrittenNumber():
            return value.literal
        case int() | str():
            return str(value)
        case _:
            return None


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _clean(text: str) -> str:
    return UNSTORABLE.sub("\ufffd", text).strip()


def identity(pair: QAPair | RejectedPair) -> tuple[str, str]:
    """Return what makes two pairs the same: question and answer up to case and white space."""
    return _folded(pair.question), _folded(pair.answer)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())

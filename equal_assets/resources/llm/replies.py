"""What servers send back, whatever they are: a body becomes a completion, or a named failure."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from equal_assets import secrets
from equal_assets.algorithms.extraction.parsing import EMPTY, NO_JSON, OTHER_SHAPE, SEVERAL
from equal_assets.resources.llm.llm import CUT_OFF, Completion, NextStep, TryFailedError

NO_COMPLETION = "response is no completion"
NO_CHOICES = "no choices in the response"
NO_MESSAGE = "no message in the response"
REASONING = "the reply came as reasoning, its content is empty"
NO_THOUGHTS = " (turn thinking off in extractor.extra_body, or the server's reasoning parser)"
CUT_THOUGHT = ", while it was reasoning (raise it, or turn thinking off in extractor.extra_body)"
REFUSED = "the model refuses"
FILTERED = "the server's content filter stopped the reply"
ENDED_BY_ERROR = "the server ended the reply with an error"
TOOL_CALL = "the model calls a tool instead of replying"

OF_REPLY = (
    *(EMPTY, NO_JSON, SEVERAL, OTHER_SHAPE, CUT_OFF),
    *(NO_CHOICES, NO_MESSAGE, REASONING, REFUSED, FILTERED, TOOL_CALL),
)
"""Failures that are paid for: a model replied, but not with what was asked for."""

PLACE = re.compile(r"(?:^|; )chunk \d+ of \d+: ")
STEP = re.compile(r"^(refinement|judge): ")
"""Where of a document, and in which request, something failed."""

CUT_OFF_REASONS = frozenset({"length", "max_tokens", "model_length"})
FILTER_REASONS = frozenset({"content_filter", "safety", "recitation", "prohibited_content"})
THOUGHTS = ("thinking", "reasoning", "redacted_thinking", "reasoning_content")
"""Types of the parts of a content that are no part of the reply."""

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
SHOWN_CHARACTERS = 200
"""Of what a server says."""

SPENT = re.compile(
    r"insufficient.{0,20}(quota|balance|credit|funds)|credit balance is too low"
    r"|exceeded_current_quota|billing_hard_limit|billing_not_active|arrearage|payment.required"
    r"|余额不足|欠费",
    re.IGNORECASE,
)
"""How servers say that nothing is left to pay with; waiting does not help."""

WRONG_KEY = re.compile(
    r"api.?key.{0,10}(not valid|invalid|incorrect|expired)"
    r"|(invalid|incorrect|expired).{0,10}api.?key",
    re.IGNORECASE,
)
"""How servers refuse a key with a status that says nothing of it."""

BUSY = re.compile(r"rate.?limit|too many requests|overloaded", re.IGNORECASE)
"""How servers ask to wait in a response that states no status."""

SPENT_FOR_TODAY = re.compile(r'"quotaId"\s*:\s*"[^"]*PerDay')
"""Google's limits: those of a minute are waited for."""

WAIT = re.compile(
    r"(?:try again|retry) (?:in|after) (?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?) ?s)?"
    r'|"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"',
    re.IGNORECASE,
)
"""How servers say in words when to ask again."""

MARKUP = re.compile(r"<(script|style)\b.*?(?:</\1>|\Z)|<[^<>]*>", re.IGNORECASE | re.DOTALL)
WORDS_IN = ("message", "msg", "detail", "error", "errors", "reason", "title", "description")
"""Keys under which servers put what they have to say, most telling first."""

HALVES = re.compile("[\ud800-\udfff]")
MOST_TOKENS = 10**12
"""A larger count is none."""

DEEPEST = 5
"""Levels of a body that are looked through for it."""

Hide = Callable[[str], str]
"""Replaces the secrets in a text; given what is read of a body, as a body can escape anything."""


@dataclass(frozen=True)
class Refusal:
    """An error as a server states it.

    Attributes
    ----------
    status : int
        Of HTTP, or as the body states it.
    said : str
        The server's words, short.
    is_out_of_money : bool
        Whether nothing is left to pay with.
    wait_seconds : float or None
        Until it may be asked again, as far as its words say so.
    """

    status: int
    said: str
    is_out_of_money: bool
    wait_seconds: float | None = None

    @property
    def is_of_key(self) -> bool:
        """Whether no request with this key is let through."""
        if self.status == 400:
            return bool(WRONG_KEY.search(self.said))
        return self.status == 401 or (self.status == 403 and not self.is_moderation)

    @property
    def is_moderation(self) -> bool:
        """Whether it is this one prompt that is not let through."""
        return bool(re.search("moderation|flagged", self.said, re.IGNORECASE))


def is_of_reply(reason: str) -> bool:
    """Say whether all that failed of a document failed by a reply, which would come again."""
    return all(STEP.sub("", part).startswith(OF_REPLY) for part in PLACE.split(reason) if part)


def refusal(status: int, text: str, *, hide: Hide = secrets.hide) -> Refusal:
    """Return the error in the body of a response that is none of success."""
    body = _json(text)
    codes = " ".join(
        str(found.get(key, "")) for found in _objects(body) for key in ("code", "type")
    )
    said = words(text, hide=hide)
    if status == 200 and BUSY.search(f"{codes} {said}"):
        status = 429
    is_out = status == 402 or bool(SPENT.search(f"{codes} {said}") or SPENT_FOR_TODAY.search(text))
    return Refusal(status, said, is_out, _wait_seconds(text))


def _wait_seconds(text: str) -> float | None:
    """Return the longest wait that a body asks for."""
    waits = [
        3600 * float(hours or 0) + 60 * float(minutes or 0) + float(seconds or delay or 0)
        for hours, minutes, seconds, delay in WAIT.findall(text)
    ]
    return max(waits, default=0.0) or None


def words(text: str, *, hide: Hide = secrets.hide) -> str:
    """Return what a body says, on one line of bounded length: JSON, a page or plain text."""
    body = _json(text)
    if body is None:
        said = html.unescape(MARKUP.sub(" ", hide(text)))  # a key may hold what looks like a tag
    else:
        said = "; ".join(dict.fromkeys(_said(body))) or json.dumps(body, ensure_ascii=False)
    return _in_short(hide(_storable(said)))


def read_response(
    status: int, text: str, content_type: str, *, hide: Hide = secrets.hide
) -> Completion | Refusal:
    """Return the completion in the body of a response of success, or the error in it.

    Raises
    ------
    TryFailedError
        If it is neither; nobody knows what was charged.
    """
    body = _stream(text) if content_type.startswith("text/event-stream") else _json(text)
    choices = body.get("choices") if isinstance(body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (body, first):
        if isinstance(holder, dict) and holder.get("error"):
            return refusal(_status(holder["error"], status), json.dumps(holder), hide=hide)
    if not isinstance(body, dict) or not isinstance(choices, list):
        page = " (a web page)" if "<html" in text[:1000].lower() else ""
        said = words(text, hide=hide) or "empty"
        raise TryFailedError(f"{NO_COMPLETION}{page}: {said}", outcome="lost", next_step="again")
    tokens = _tokens(body.get("usage"))
    if first is None:
        return Completion("", False, *tokens, failure=_unusable(NO_CHOICES, "again"))
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(message, dict):
        keys = ", ".join(first) if isinstance(first, dict) else type(first).__name__
        failure = _unusable(f"{NO_MESSAGE}: its choice has {_in_short(hide(keys))}", "give up")
        return Completion("", False, *tokens, failure=failure)
    ended = str(first.get("finish_reason")).lower()
    written = hide(_storable(_content(message.get("content"))))
    is_cut_off = ended in CUT_OFF_REASONS
    failed = _failure(message, written, ended, hide)
    return Completion(written, is_cut_off, *tokens, failure=failed)


def _failure(
    message: dict[str, Any], written: str, ended: str, hide: Hide
) -> TryFailedError | None:
    """Return why a message is no reply, as far as its fields say so."""
    content = message.get("content")
    parts = (
        [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    )
    has_reasoned = any(message.get(name) for name in REASONING_FIELDS) or any(
        part.get("type") in THOUGHTS for part in parts
    )
    refusals = [holder["refusal"] for holder in (message, *parts) if holder.get("refusal")]
    if ended in CUT_OFF_REASONS:
        is_thought = has_reasoned and not written
        return _unusable(f"{CUT_OFF}{CUT_THOUGHT if is_thought else ''}", "give up", reply=written)
    if ended in FILTER_REASONS:
        return _unusable(FILTERED, "give up")
    if ended == "error":
        return _unusable(ENDED_BY_ERROR, "again")
    if written.strip():
        return None
    if refusals:
        said = words(str(refusals[0]), hide=hide)
        return _unusable(f"{REFUSED}: {said}", "again", reply=said)
    if calls := message.get("tool_calls") or message.get("function_call"):
        named = _in_short(hide(", ".join(_names(calls)))) or "unnamed"
        return _unusable(f"{TOOL_CALL}: {named}", "again", reply=named)
    return _unusable(f"{REASONING}{NO_THOUGHTS}", "give up") if has_reasoned else None


def _unusable(reason: str, next_step: NextStep, reply: str | None = None) -> TryFailedError:
    return TryFailedError(reason, outcome="unusable", next_step=next_step, reply=reply)


def _content(content: Any) -> str:
    """Return the text of a content: a string, parts of a text, or JSON that is already read."""
    match content:
        case None:
            return ""
        case str():
            return content
        case {"text": str(text)}:
            return text
        case list() if all(isinstance(part, str) or _is_part(part) for part in content):
            return "".join(_part(part) for part in content)
        case _:
            return json.dumps(content, ensure_ascii=False)


def _in_short(said: str) -> str:
    said = " ".join(said.split())
    return said if len(said) <= SHOWN_CHARACTERS else f"{said[:SHOWN_CHARACTERS]}..."


def _storable(text: str) -> str:
    """Return a text without halves of characters, which JSON can name and no file can hold."""
    return HALVES.sub("\ufffd", text)


def _is_part(part: Any) -> bool:
    return isinstance(part, dict) and ("type" in part or "text" in part)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    text = part.get("text")
    if isinstance(text, dict):
        text = text.get("value")
    return text if isinstance(text, str) and part.get("type") not in THOUGHTS else ""


def _tokens(usage: Any) -> tuple[int | None, int | None]:
    """Return the tokens read and written, as numbers or numerals; ``None`` if it is not said."""
    stated = usage if isinstance(usage, dict) else {}
    read = _count(stated.get("prompt_tokens", stated.get("input_tokens")))
    written = _count(stated.get("completion_tokens", stated.get("output_tokens")))
    total = _count(stated.get("total_tokens"))
    if total is not None and read is not None and written is None:
        written = max(0, total - read)
    elif total is not None and written is not None and read is None:
        read = max(0, total - written)
    return read, written


def _count(stated: Any) -> int | None:
    if isinstance(stated, bool) or not isinstance(stated, (int, float, str)):
        return None
    try:
        count = float(stated)
    except (ValueError, OverflowError):
        return None
    return int(count) if 0 <= count <= MOST_TOKENS and count.is_integer() else None


def _stream(text: str) -> dict[str, Any] | None:
    """Return the completion whose pieces a server has streamed unasked."""
    lines = (line.removeprefix("data:").strip() for line in text.splitlines() if "data:" in line)
    pieces = [piece for line in lines if isinstance(piece := _json(line), dict)]
    if not any("choices" in piece or "error" in piece for piece in pieces):
        return None
    message: dict[str, Any] = {}
    choice: dict[str, Any] = {"message": message}
    whole: dict[str, Any] = {"choices": [choice]}
    for piece in pieces:
        whole |= {key: piece[key] for key in ("usage", "error") if piece.get(key)}
        for part in _choices(piece):
            choice |= {key: part[key] for key in ("finish_reason", "error") if part.get(key)}
            said = part.get("delta") or part.get("message")
            for key, value in said.items() if isinstance(said, dict) else ():
                if key in ("content", "refusal", *REASONING_FIELDS) and value:
                    message[key] = message.get(key, "") + _content(value)
    return whole


def _choices(piece: dict[str, Any]) -> list[dict[str, Any]]:
    choices = piece.get("choices")
    return [c for c in choices if isinstance(c, dict)] if isinstance(choices, list) else []


def _json(text: str) -> Any:
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None


def _objects(body: Any, depth: int = DEEPEST) -> Iterator[dict[str, Any]]:
    """Yield the objects of a body down to the error in it."""
    if isinstance(body, dict) and depth:
        yield body
        yield from _objects(body.get("error"), depth - 1)
    elif isinstance(body, list) and depth:
        for part in body[:3]:
            yield from _objects(part, depth - 1)


def _said(body: Any, depth: int = DEEPEST) -> Iterator[str]:
    """Yield what an error says, wherever servers put it; of a wrong field, where it stands."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, list) and depth:
        for part in body[:3]:
            yield from _said(part, depth - 1)
    elif isinstance(body, dict) and depth:
        where = body.get("loc")
        prefix = f"{'.'.join(map(str, where))}: " if isinstance(where, list) else ""
        for key in WORDS_IN:
            if found := list(_said(body.get(key), depth - 1)):
                yield from (f"{prefix}{said}" for said in found)
                return


def _status(error: Any, status: int) -> int:
    """Return the status that an error in a body states, if any."""
    stated = [error.get("code"), error.get("status")] if isinstance(error, dict) else []
    counts = (_count(value) for value in stated)
    return next((count for count in counts if count and 400 <= count < 600), status)


def _names(calls: Any) -> list[str]:
    listed = calls if isinstance(calls, list) else [{"function": calls}]
    functions = [call.get("function") for call in listed if isinstance(call, dict)]
    return [str(f["name"]) for f in functions if isinstance(f, dict) and f.get("name")]

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
from equal_assets.resources.llm.bodies import (
    REASONING_FIELDS,
    THOUGHTS,
    content_text,
    count_of,
    read_json,
    storable,
    tokens_of,
)
from equal_assets.resources.llm.llm import CUT_OFF, STOPPED, Completion, NextStep, TryFailedError
from equal_assets.resources.llm.streams import EVENTS, Stream

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
    *(EMPTY, NO_JSON, SEVERAL, OTHER_SHAPE, CUT_OFF, STOPPED),
    *(NO_CHOICES, NO_MESSAGE, REASONING, REFUSED, FILTERED, TOOL_CALL),
)
"""Failures that are paid for: a model replied, but not with what was asked for."""

PLACE = re.compile(r"(?:^|; )chunk \d+ of \d+: ")
STEP = re.compile(r"^(refinement|judge): ")
"""Where of a document, and in which request, something failed."""

CUT_OFF_REASONS = frozenset({"length", "max_tokens", "model_length"})
FILTER_REASONS = frozenset({"content_filter", "safety", "recitation", "prohibited_content"})
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
    body = read_json(text)
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
    body = read_json(text)
    if body is None:
        said = html.unescape(MARKUP.sub(" ", hide(text)))  # a key may hold what looks like a tag
    else:
        said = "; ".join(dict.fromkeys(_said(body))) or json.dumps(body, ensure_ascii=False)
    return _in_short(hide(storable(said)))


def read_response(
    status: int, text: str, content_type: str, *, hide: Hide = secrets.hide
) -> Completion | Refusal:
    """Return the completion in the body of a response of success, or the error in it.

    Raises
    ------
    TryFailedError
        If it is neither; nobody knows what was charged.
    """
    if not content_type.startswith(EVENTS):
        return read_body(status, read_json(text), text, hide=hide)
    stream = Stream()
    stream.add(text)
    stream.end()
    return read_body(status, stream.body, text, hide=hide)


def read_body(
    status: int, body: Any, text: str, *, hide: Hide = secrets.hide
) -> Completion | Refusal:
    """Return the completion, or the error, in a body that is read or put together.

    Parameters
    ----------
    status : int
    body : Any
        ``None`` if it is no JSON.
    text : str
        The body as it came, for what it says if it is none of both.
    hide : callable

    Raises
    ------
    TryFailedError
        As :func:`read_response`.
    """
    choices = body.get("choices") if isinstance(body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (body, first):
        if isinstance(holder, dict) and holder.get("error"):
            return refusal(_status(holder["error"], status), json.dumps(holder), hide=hide)
    if not isinstance(body, dict) or not isinstance(choices, list):
        page = " (a web page)" if "<html" in text[:1000].lower() else ""
        said = words(text, hide=hide) or "empty"
        raise TryFailedError(f"{NO_COMPLETION}{page}: {said}", outcome="lost", next_step="again")
    tokens = tokens_of(body.get("usage"))
    if first is None:
        return Completion("", False, *tokens, failure=_unusable(NO_CHOICES, "again"))
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(message, dict):
        keys = ", ".join(first) if isinstance(first, dict) else type(first).__name__
        failure = _unusable(f"{NO_MESSAGE}: its choice has {_in_short(hide(keys))}", "give up")
        return Completion("", False, *tokens, failure=failure)
    ended = str(first.get("finish_reason")).lower()
    written = hide(storable(content_text(message.get("content"))))
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


def _in_short(said: str) -> str:
    said = " ".join(said.split())
    return said if len(said) <= SHOWN_CHARACTERS else f"{said[:SHOWN_CHARACTERS]}..."


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
    counts = (count_of(value) for value in stated)
    return next((count for count in counts if count and 400 <= count < 600), status)


def _names(calls: Any) -> list[str]:
    listed = calls if isinstance(calls, list) else [{"function": calls}]
    functions = [call.get("function") for call in listed if isinstance(call, dict)]
    return [str(f["name"]) for f in functions if isinstance(f, dict) and f.get("name")]

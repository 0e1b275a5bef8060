"""LLM backend `openai`: any OpenAI-compatible servers, with as much load as they take."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from equal_assets.algorithms.extraction.prompts import Chat
from equal_assets.errors import ExtractionError
from equal_assets.progress import warn
from equal_assets.resources.llm.following import CUT, TIME_OUT, Following
from equal_assets.resources.llm.llm import CUT_OFF, LLM, Completion, SoFar, TryFailedError
from equal_assets.resources.llm.replies import Refusal, read_response, refusal
from equal_assets.resources.llm.streams import EVENTS
from equal_assets.settings import OpenAISettings, filled_address

if TYPE_CHECKING:
    import openai

LOG = logging.getLogger(__name__)

DEFAULT_PAUSE_SECONDS = 1.0
"""After a 429 without Retry-After, or if a server does not answer at all."""

LONGEST_PAUSE_SECONDS = 120.0

RESPONSE_FORMATS = ("json_schema", "json_object", "text")

UNREACHED = frozenset({"ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol"})
UNSENT = frozenset({"LocalProtocolError", "PoolTimeout", "InvalidURL", "UnicodeEncodeError"})
"""Errors of the connection after which a server has nothing to charge."""

TOO_LONG = re.compile(
    r"context.{0,20}(?:length|window|size)|(?:prompt|input|message|text)s? (?:is|are) too long"
    r"|too many (?:input )?tokens|input token count|reduce (?:the|your) (?:length|prompt|input)",
    re.IGNORECASE,
)
"""How servers say that prompt and reply do not fit into what the model can hold."""

STREAMED = {
    "stream": True,
    "stream_options": {"include_usage": True, "continuous_usage_stats": True},
}
COUNTED = {"timings_per_token": True}
"""How vLLM and llama.cpp are asked to tell with each piece what it has taken so far."""

OF_STREAMS = re.compile(r"stream|timings_per_token|usage_stats", re.IGNORECASE)

WITHOUT_KEY = "none"
"""Sent if the settings name no key: servers without one take any."""


@dataclass
class Endpoint:
    """One server and the load that it takes: halved when it refuses, raised while it does not."""

    url: str
    client: openai.AsyncOpenAI
    most: int
    limit: float
    streams: bool = False
    has_streamed: bool = False
    in_flight: int = 0
    resume_at: float = 0.0

    @property
    def load(self) -> float:
        """Requests in flight, divided by how many it takes."""
        return self.in_flight / self.limit

    def pause(self, seconds: float) -> None:
        """Send nothing for a while, and less after that; requests refused together count once."""
        now = time.monotonic()
        if now >= self.resume_at:
            self.limit = max(1.0, self.limit / 2)
        self.resume_at = max(self.resume_at, now + min(seconds, LONGEST_PAUSE_SECONDS))

    def succeeded(self) -> None:
        """Take one more at a time after a round of successes."""
        self.limit = min(float(self.most), self.limit + 1.0 / self.limit)


class OpenAIClient(LLM[Endpoint]):
    """Spreads requests over servers with the official client; its retries are off, ours count."""

    def __init__(self, settings: OpenAISettings) -> None:
        self._settings = settings
        self._endpoints: list[Endpoint] = []
        self._released = asyncio.Condition()

    async def start(self) -> None:
        """Make a client for each server."""
        import openai

        settings = self._settings
        most = max(1, -(-settings.concurrency // len(settings.base_urls)))
        for url in settings.base_urls:
            client = make_client(
                settings, url, openai.AsyncOpenAI, timeout=settings.timeout_seconds
            )
            limit, streams = float(most), settings.streams_from(url)
            self._endpoints.append(Endpoint(url, client, most, limit, streams=streams))

    async def close(self) -> None:
        """Close the connections."""
        for endpoint in self._endpoints:
            await endpoint.client.close()

    async def complete(
        self,
        place: Endpoint,
        messages: Chat,
        schema: dict[str, Any],
        *,
        seed: int | None,
        idempotency_key: str | None = None,
        so_far: SoFar | None = None,
    ) -> Completion:
        """Ask a server that has room; one of its own by a stream, which ends with a loop."""
        headers = sent_headers(self._settings)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        options = _options(self._settings, schema, seed)
        if place.streams:
            try:
                return await self._streamed(place, messages, headers, options, so_far or SoFar())
            except NoStreamError as error:
                if place.streams:  # of requests that are refused together, the first one tells
                    warn(
                        LOG,
                        f"{place.url} refuses to stream ({error}): replies that go round in a loop "
                        "are not stopped there",
                    )
                place.streams = False
        response = await self._ask(place, messages, headers, options)
        return self._succeeded(place, self._read(response), response.headers)

    def _read(self, response: Any) -> Completion | Refusal:
        kind = response.headers.get("content-type", "")
        return read_response(response.status_code, response.text, kind, hide=self._settings.hide)

    def _succeeded(self, place: Endpoint, answer: Completion | Refusal, headers: Any) -> Completion:
        if isinstance(answer, Refusal):
            raise self._refused(place, answer, headers, label="error in the response")
        place.succeeded()
        return answer

    async def _streamed(
        self,
        place: Endpoint,
        messages: Chat,
        headers: dict[str, Any],
        options: dict[str, Any],
        so_far: SoFar,
    ) -> Completion:
        """Return the reply to a chat, read while it is written, up to a loop in it."""
        following = Following(messages, so_far, hide=self._settings.hide)
        if place.has_streamed:
            so_far.tell(0)
        asked = {**options, **STREAMED, "extra_body": {**COUNTED, **options.get("extra_body", {})}}
        async with following.within(self._settings.timeout_seconds):
            response = await self._ask(place, messages, headers, asked)
            async with aclosing(response):
                if response.headers.get("content-type", "").startswith(EVENTS):
                    answer = await following.read(response)
                    place.has_streamed = True
                else:
                    await response.aread()
                    answer = self._read(response)
        return self._succeeded(place, answer, response.headers)

    async def _ask(
        self, endpoint: Endpoint, messages: Chat, headers: dict[str, Any], options: dict[str, Any]
    ) -> Any:
        """Return the response of success, as it came."""
        import openai

        sent: Any = list(messages)
        try:
            raw = await endpoint.client.chat.completions.with_raw_response.create(
                model=self._settings.model,
                messages=sent,
                extra_headers=headers,
                **options,
            )
        except openai.APIStatusError as error:
            # no cause: the server's words may hold the key
            raise self._answered(endpoint, error.response, "stream" in options) from None
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, ElsewhereError):
                raise ExtractionError(str(error.__cause__)) from None
            raise _cut(endpoint, error) from None
        return raw.http_response

    def _answered(self, endpoint: Endpoint, response: Any, is_streamed: bool) -> Exception:
        """Return what a response that is none of success means."""
        found = refusal(response.status_code, response.text, hide=self._settings.hide)
        is_first = is_streamed and not endpoint.has_streamed
        if is_first and found.status in (400, 422) and OF_STREAMS.search(found.said):
            return NoStreamError(found.said)
        return self._refused(endpoint, found, response.headers)

    def _refused(
        self, endpoint: Endpoint, found: Refusal, headers: Any, *, label: str | None = None
    ) -> Exception:
        """Return what a refusal means for the request, or for the run."""
        settings, status = self._settings, found.status
        reason = f"{label}{_with_words(found)}" if label else f"HTTP {status}"
        if found.is_out_of_money:
            return ExtractionError(
                f"{endpoint.url} takes no more requests, the account has no quota or money left "
                f"(HTTP {status}): {found.said}; raise its quota or name another key in "
                "extractor.api_key_variable, then `equal run` continues. Earlier extractions are "
                "stored"
            )
        said = found.said if label is None else ""  # after a label, the reason holds it
        if status == 429:
            endpoint.pause(found.wait_seconds or _retry_after(headers))
            return _failed(reason, "refused", "wait", said=said)
        if status == 400 and "output limit was reached" in found.said:
            return _failed(CUT_OFF, "lost", "give up")
        if found.is_of_key:
            return key_refused(settings, endpoint.url, found)
        if status == 404:
            return ExtractionError(
                f"{endpoint.url} has no model {settings.model!r} or no chat completions (HTTP 404)"
                f"{_with_words(found)}"
            )
        if status >= 500:
            if status in (503, 529):
                endpoint.pause(_retry_after(headers))
            return _failed(reason, "refused", "again", said=said)
        if label is None:
            advice = _advice(settings, found) if status in (400, 422) else ""
            reason = f"{reason}{_with_words(found)}{advice}"
        next_step = "again" if status in (200, 408, 409) else "give up"
        return _failed(reason, "refused", next_step)

    @asynccontextmanager
    async def room(self, before: Endpoint | None = None) -> AsyncIterator[Endpoint]:
        """Wait until a server has room, and take a place at the one before, or that with the most.

        The one before has read the chat already.
        """
        async with self._released:
            while (endpoint := self._roomiest(before)) is None:
                now = time.monotonic()
                pauses = [e.resume_at - now for e in self._endpoints if e.resume_at > now]
                try:
                    await asyncio.wait_for(
                        self._released.wait(), timeout=min(pauses) + 0.001 if pauses else None
                    )
                except TimeoutError:
                    continue  # a pause is over
            endpoint.in_flight += 1
        try:
            yield endpoint
        finally:
            endpoint.in_flight -= 1
            async with self._released:
                self._released.notify()

    def _roomiest(self, before: Endpoint | None) -> Endpoint | None:
        now = time.monotonic()
        free = [e for e in self._endpoints if e.in_flight + 1 <= e.limit and e.resume_at <= now]
        if before in free:
            return before
        return min(free, key=lambda endpoint: endpoint.load, default=None)


def make_client(settings: OpenAISettings, url: str, kind: Any, *, timeout: float) -> Any:
    """Return a client of the official package for a server; ``kind`` is its class."""
    import openai

    address, _, query = filled_address(url).partition("?")
    key = settings.api_key or WITHOUT_KEY
    is_async = kind is openai.AsyncOpenAI
    http = openai.DefaultAsyncHttpxClient if is_async else openai.DefaultHttpxClient
    try:
        return kind(
            base_url=address,
            default_query=dict(parse_qsl(query)),
            api_key=key,
            timeout=timeout,
            max_retries=0,
            http_client=http(event_hooks={"response": [_astay if is_async else _stay]}),
        )
    except (ValueError, ImportError) as error:  # of a proxy that the environment names, for one
        raise ExtractionError(f"no client can be made for {url}: {error}") from None


class NoStreamError(Exception):
    """A server refuses what a stream is asked for with."""


class ElsewhereError(Exception):
    """A server sends its requests, with their headers, to another one."""


def _stay(response: Any) -> None:
    """Follow a redirection on the same host only: the next one would get all secrets, too."""
    if not response.has_redirect_location:
        return
    here = response.request.url
    there = here.join(response.headers["location"])
    if there.host != here.host or (there.scheme != "https" and there.origin != here.origin):
        raise ElsewhereError(
            f"{here.origin} sends its requests on to {there.origin}, which is given no key: if "
            "that is right, name it in extractor.base_urls"
        )


async def _astay(response: Any) -> None:
    _stay(response)


def sent_headers(settings: OpenAISettings) -> dict[str, Any]:
    """Return the headers of a request beyond the client's own.

    Where they are set and no key is, one of them holds it: an invented one would contradict it.
    """
    import openai

    headers = settings.sent_headers()
    if headers and settings.api_key_variable is None:
        return {"Authorization": openai.Omit(), **headers}
    return {**headers}


def key_refused(settings: OpenAISettings, url: str, found: Refusal) -> ExtractionError:
    """Return the error of a server that takes no request with this key."""
    variable = settings.api_key_variable
    stated = f"the key in {variable}" if variable else "a request without a key"
    return ExtractionError(
        f"{url} refuses {stated} (HTTP {found.status}){_with_words(found)}; "
        "extractor.api_key_variable names the environment variable that holds it"
    )


def unreachable(url: str, error: Exception) -> str:
    """Say that a server cannot be reached, and why where that is not plain."""
    if isinstance(error.__cause__, ElsewhereError):
        return str(error.__cause__)
    why = str(error.__cause__ or "")
    is_plain = not why or "connection attempts failed" in why or "Connection refused" in why
    return f"{url} cannot be reached" + ("" if is_plain else f" ({why[:200]})")


def _cut(endpoint: Endpoint, error: Exception) -> TryFailedError:
    """Return what a connection that failed means: what was never sent costs nothing."""
    cause = type(error.__cause__).__name__
    if cause in UNREACHED:
        endpoint.pause(DEFAULT_PAUSE_SECONDS)
        return _failed(unreachable(endpoint.url, error), "refused", "unreachable")
    if cause in UNSENT:
        return _failed(f"the request cannot be sent: {error.__cause__}", "refused", "give up")
    is_late = type(error).__name__ == "APITimeoutError"
    return _failed(TIME_OUT if is_late else CUT, "lost", "again")


def _with_words(found: Refusal) -> str:
    return f": {found.said}" if found.said else ""


def _advice(settings: OpenAISettings, found: Refusal) -> str:
    """Return which key to change, if the server's words name what it does not take."""
    other = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
    limit = f"limit_field: {other[settings.limit_field]}"
    lower = "a lower max_reply_tokens or chunk_characters"
    if TOO_LONG.search(found.said):
        return f" (under `extractor`, set {lower})"
    if re.search(r"too large|at most|exceed|maximum|less than|<=", found.said):
        limit = lower
    formats = [name for name in RESPONSE_FORMATS if name != settings.response_format]
    enforced = f"response_format: {', or '.join(formats)}"
    advice = {
        settings.limit_field: limit,
        **dict.fromkeys(("response_format", "response format", "json_schema"), enforced),
        **{name: f"{name}: null" for name in ("temperature", "top_p", "seed")},
    }
    for name, change in advice.items():
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", found.said):
            return f" (under `extractor`, set {change})"
    return ""


def _options(settings: OpenAISettings, schema: dict[str, Any], seed: int | None) -> dict[str, Any]:
    """Return the parameters in which servers differ; what is ``None`` is not sent."""
    options: dict[str, Any] = {settings.limit_field: settings.max_reply_tokens}
    sampling = {"temperature": settings.temperature, "top_p": settings.top_p, "seed": seed}
    options |= {name: value for name, value in sampling.items() if value is not None}
    if settings.response_format == "json_object":
        options["response_format"] = {"type": "json_object"}
    elif settings.response_format != "text":
        enforced = {"name": "reply", "schema": schema, "strict": True}
        options["response_format"] = {"type": "json_schema", "json_schema": enforced}
    return {**options, "extra_body": settings.sent_body()} if settings.extra_body else options


def _failed(reason: str, outcome: Any, next_step: Any, *, said: str = "") -> TryFailedError:
    return TryFailedError(reason, outcome=outcome, next_step=next_step, said=said)


def _retry_after(headers: Any) -> float:
    """Return the seconds that a server asks to wait: a number, a date, or a default."""
    stated = headers.get("retry-after")
    if stated is None:
        return DEFAULT_PAUSE_SECONDS
    try:
        return max(0.0, float(stated))
    except ValueError:
        pass
    try:  # by the server's clock, since the one here may be wrong
        until, now = (parsedate_to_datetime(date) for date in (stated, headers["date"]))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, KeyError, TypeError):
        return DEFAULT_PAUSE_SECONDS

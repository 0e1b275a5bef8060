"""LLM backend `openai`: any OpenAI-compatible servers, with as much load as they take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from equal_assets.errors import ExtractionError
from equal_assets.resources.llm.llm import LLM, Completion, TryFailedError
from equal_assets.settings import OpenAISettings

if TYPE_CHECKING:
    import openai

DEFAULT_PAUSE_SECONDS = 1.0
"""After a 429 without Retry-After, or if a server does not answer at all."""

LONGEST_PAUSE_SECONDS = 120.0
CHECK_SECONDS = 10.0
WITHOUT_KEY = "none"
"""Sent if the settings name no key: servers without one take any."""


@dataclass
class Endpoint:
    """One server and the load that it takes: halved when it refuses, raised while it does not."""

    url: str
    client: openai.AsyncOpenAI
    most: int
    limit: float
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
            client = openai.AsyncOpenAI(
                base_url=url,
                api_key=settings.api_key or WITHOUT_KEY,
                timeout=settings.timeout_seconds,
                max_retries=0,
            )
            self._endpoints.append(Endpoint(url=url, client=client, most=most, limit=float(most)))

    async def close(self) -> None:
        """Close the connections."""
        for endpoint in self._endpoints:
            await endpoint.client.close()

    async def complete(
        self, place: Endpoint, prompt: str, schema: dict[str, Any], *, seed: int
    ) -> Completion:
        """Ask a server that has room."""
        response = await self._ask(place, prompt, schema, seed)
        place.succeeded()
        return _completion(response)

    async def _ask(
        self, endpoint: Endpoint, prompt: str, schema: dict[str, Any], seed: int
    ) -> openai.types.chat.ChatCompletion:
        import openai

        settings = self._settings
        try:
            return await endpoint.client.chat.completions.create(
                model=settings.model,
                messages=[{"role": "user", "content": prompt}],
                temperature=settings.temperature,
                top_p=settings.top_p,
                seed=seed,
                **_options(settings, schema),
            )
        except openai.APITimeoutError as error:
            raise _failed("time-out", "lost", "again") from error
        except openai.RateLimitError as error:
            endpoint.pause(_retry_after(error.response.headers))
            raise _failed("HTTP 429", "refused", "wait") from error
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise _key_refused(settings, endpoint.url, error.status_code) from error
        except openai.NotFoundError as error:
            raise ExtractionError(
                f"{endpoint.url} has no model {settings.model!r} or no chat completions (HTTP 404)"
            ) from error
        except openai.InternalServerError as error:
            if error.status_code in (503, 529):
                endpoint.pause(_retry_after(error.response.headers))
            raise _failed(f"HTTP {error.status_code}", "refused", "again") from error
        except openai.APIStatusError as error:
            detail = " ".join(str(error.message).split())[:200]
            next_step = "again" if error.status_code in (408, 409) else "give up"
            raise _failed(f"HTTP {error.status_code}: {detail}", "refused", next_step) from error
        except openai.APIConnectionError as error:
            if type(error.__cause__).__name__ == "ConnectError":
                endpoint.pause(DEFAULT_PAUSE_SECONDS)
                raise _failed(
                    f"{endpoint.url} cannot be reached", "refused", "unreachable"
                ) from error
            raise _failed("connection cut", "lost", "again") from error
        except (openai.APIError, ValueError) as error:  # a body that is no JSON, or no completion
            raise _failed("response is no completion", "lost", "again") from error

    @asynccontextmanager
    async def room(self) -> AsyncIterator[Endpoint]:
        """Wait until a server has room, and take a place at the one with the most."""
        async with self._released:
            while (endpoint := self._roomiest()) is None:
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

    def _roomiest(self) -> Endpoint | None:
        now = time.monotonic()
        free = [e for e in self._endpoints if e.in_flight + 1 <= e.limit and e.resume_at <= now]
        return min(free, key=lambda endpoint: endpoint.load, default=None)


def check_server(settings: OpenAISettings, url: str) -> str:
    """Ask a server for its models, which is free; return what it says about the model.

    Raises
    ------
    EqualError
        If the server cannot be reached, refuses the key, or has no such model.
    """
    import openai

    client = openai.OpenAI(
        base_url=url,
        api_key=settings.api_key or WITHOUT_KEY,
        timeout=CHECK_SECONDS,
        max_retries=0,
    )
    try:
        with client:
            listed = {model.id for model in client.models.list()}
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        raise _key_refused(settings, url, error.status_code) from error
    except openai.APIConnectionError as error:
        raise ExtractionError(f"{url} cannot be reached") from error
    except (openai.APIError, ValueError, TypeError) as error:  # it answers, but lists no models
        return f"{url} answers, but does not list its models ({type(error).__name__})"
    if listed and not listed & {settings.model, f"{settings.model}:latest"}:
        shown = ", ".join(sorted(listed)[:5]) + (", ..." if len(listed) > 5 else "")
        raise ExtractionError(f"{url} has no model {settings.model!r}; it has: {shown}")
    return f"{url} has {settings.model}"


def _key_refused(settings: OpenAISettings, url: str, status: int) -> ExtractionError:
    variable = settings.api_key_variable
    stated = f"the key in {variable}" if variable else "a request without a key"
    return ExtractionError(
        f"{url} refuses {stated} (HTTP {status}); extractor.api_key_variable names the "
        "environment variable that holds it"
    )


def _options(settings: OpenAISettings, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters in which servers differ: name of the limit, and what they enforce."""
    options: dict[str, Any] = {settings.limit_field: settings.max_reply_tokens}
    if settings.response_format == "json_object":
        options["response_format"] = {"type": "json_object"}
    elif settings.response_format != "text":
        enforced = {"name": "reply", "schema": schema, "strict": True}
        options["response_format"] = {"type": "json_schema", "json_schema": enforced}
    return options


def _completion(response: Any) -> Completion:
    choices = getattr(response, "choices", None)
    usage = getattr(response, "usage", None)
    if choices is None:  # the client passes on what is no JSON as a string
        raise _failed("response is no completion", "lost", "again")
    return Completion(
        text=(choices[0].message.content or "") if choices else "",
        is_cut_off=bool(choices) and choices[0].finish_reason == "length",
        prompt_tokens=usage.prompt_tokens if usage else None,
        completion_tokens=usage.completion_tokens if usage else None,
    )


def _failed(reason: str, outcome: Any, next_step: Any) -> TryFailedError:
    return TryFailedError(reason, outcome=outcome, next_step=next_step)


def _retry_after(headers: Any) -> float:
    """Return the seconds that a server asks to wait: a number, a date, or a default."""
    stated = headers.get("retry-after")
    if stated is None:
        return DEFAULT_PAUSE_SECONDS
    try:
        return max(0.0, float(stated))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(stated).timestamp() - time.time())
    except ValueError:
        return DEFAULT_PAUSE_SECONDS

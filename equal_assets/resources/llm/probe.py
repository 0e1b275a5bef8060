"""What `equal check` asks of a server: which models it has, and a request that it answers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from equal_assets.algorithms.extraction.parsing import parse_pairs
from equal_assets.algorithms.extraction.prompts import chat, pairs_schema
from equal_assets.algorithms.extraction.recipe import Request
from equal_assets.errors import ExtractionError
from equal_assets.records import Document, Usage
from equal_assets.resources.llm.capacity import capacity, strains
from equal_assets.resources.llm.journal import RequestJournal, request_key
from equal_assets.resources.llm.llm import CUT_OFF, STOPPED, TryFailedError
from equal_assets.resources.llm.openai_client import (
    OpenAIClient,
    key_refused,
    make_client,
    sent_headers,
    unreachable,
)
from equal_assets.resources.llm.replies import NO_COMPLETION, refusal
from equal_assets.resources.llm.requests import LLMRequests
from equal_assets.resources.llm.spending import NOTHING, Allowance, Meter
from equal_assets.settings import OpenAISettings, filled_address

PAYER = "check"
LIST_SECONDS = 10.0
REPLY_TOKENS = 64
SHOWN_MODELS = 5
SHOWN_CHARACTERS = 500

SAMPLE = Document(
    document_id="check",
    text="Question: At how many degrees Celsius does water boil at sea level?\n"
    "Answer: Water boils at 100 degrees Celsius at sea level.",
    source="check",
    file="check",
    row=1,
)


@dataclass(frozen=True)
class Told:
    """What a server has or does; a warning if it can take less than the settings ask of it."""

    text: str
    is_warning: bool = False


def probe(settings: OpenAISettings, url: str, journal_path: Path | None) -> Iterator[Told]:
    """Yield what a server has and does, as far as it works.

    Parameters
    ----------
    settings : OpenAISettings
    url : str
        One of its servers.
    journal_path : Path or None
        Where the request is entered; ``None``: none is sent, and the list of models decides.

    Raises
    ------
    EqualError
        If it cannot be reached, refuses the key, has no such model, or gives no usable reply; the
        message says what to do.
    """
    listed = _list(settings, url)
    models = _ids(listed)
    is_listed = models is None or _is_among(settings.model, models)
    if not is_listed and journal_path is None:
        raise _no_model(settings, url, models or [])
    if journal_path is None:
        yield Told(_listed(settings, url, models))
        yield from _capacity(settings, url, listed, None)
        return
    try:
        answered, usage = asyncio.run(_ask(settings, url, journal_path))
    except ExtractionError as error:
        if "(HTTP 404)" in str(error):
            if not is_listed:
                raise _no_model(settings, url, models or []) from error
            raise ExtractionError(f"{error}{_hint(settings, url)}") from error
        raise
    except TryFailedError as error:
        is_no_api = error.reason.startswith((NO_COMPLETION, "HTTP 405"))
        hint = _hint(settings, url) if is_no_api else ""
        raise ExtractionError(
            f"{url} gives no usable reply to a small request: {error.told}{hint}"
        ) from error
    has_it = _listed(settings, url, models) if is_listed else f"{url} answers as {settings.model}"
    yield Told(has_it)
    yield Told(answered)
    yield from _capacity(settings, url, listed, usage)


def _capacity(
    settings: OpenAISettings, url: str, listed: Any, took: Usage | None
) -> Iterator[Told]:
    """Yield what a server says that it can take, and what of the settings is more."""
    entries = [entry for entry in _entries(listed) or [] if isinstance(entry, dict)]
    named = [entry for entry in entries if _is_among(settings.model, [str(entry.get("id"))])]
    if not named and len(entries) == 1:
        named = entries  # servers of one model let it be called as people like
    entry = named[0] if named else {}
    found = capacity(settings.model, url, entry, partial(_asked, settings, url))
    if str(found):
        yield Told(f"{url} {found}")
    for strain in strains(settings, url, found, took):
        yield Told(strain, is_warning=True)


def _asked(settings: OpenAISettings, url: str, path: str, body: Any = None) -> Any:
    """Return what a server answers on a path of its own; None if it does not know it."""
    import openai

    address = f"{filled_address(url).partition('?')[0].rstrip('/').removesuffix('/v1')}{path}"
    with make_client(settings, url, openai.OpenAI, timeout=LIST_SECONDS) as client:
        method = client.get if body is None else partial(client.post, body=body)
        try:
            return method(address, cast_to=object, options={"headers": sent_headers(settings)})
        except (openai.APIError, ValueError):
            return None


def _listed(settings: OpenAISettings, url: str, models: list[str] | None) -> str:
    if models is None:
        return f"{url} answers, but does not list its models"
    return f"{url} has {settings.model}"


def _no_model(settings: OpenAISettings, url: str, models: list[str]) -> ExtractionError:
    shown = settings.hide(", ".join(models[:SHOWN_MODELS]))[:SHOWN_CHARACTERS]
    more = ", ..." if len(models) > SHOWN_MODELS else ""
    return ExtractionError(f"{url} has no model {settings.model!r}; it has: {shown}{more}")


def _is_among(model: str, listed: list[str]) -> bool:
    """Say whether a model is listed; servers write the same one in several ways."""
    return not listed or bool({model, f"{model}:latest", f"models/{model}"} & set(listed))


def _list(settings: OpenAISettings, url: str) -> Any:
    """Return the list of models as a server gives it, which is free; ``None`` if it gives none."""
    import openai

    with make_client(settings, url, openai.OpenAI, timeout=LIST_SECONDS) as client:
        try:
            response = client.models.with_raw_response.list(
                extra_headers=sent_headers(settings)
            ).http_response
        except openai.APIStatusError as error:
            found = refusal(error.status_code, error.response.text, hide=settings.hide)
            if found.is_of_key:
                raise key_refused(settings, url, found) from None
            return None
        except openai.APIConnectionError as error:
            raise ExtractionError(unreachable(url, error)) from None
    try:
        return response.json()
    except ValueError:
        return None


def _entries(body: Any) -> list[Any] | None:
    """Return the models in a list: OpenAI's, Ollama's, or the list alone."""
    listed = body.get("data", body.get("models")) if isinstance(body, dict) else body
    return listed if isinstance(listed, list) else None


def _ids(body: Any) -> list[str] | None:
    """Return the names in a list of models."""
    if (listed := _entries(body)) is None:
        return None
    named = (
        model.get("id") or model.get("name") if isinstance(model, dict) else model
        for model in listed
    )
    return sorted(str(name) for name in named if name)


def _hint(settings: OpenAISettings, url: str) -> str:
    """Return the address that was meant, where the one below /v1 lists models."""
    address, mark, query = url.partition("?")
    meant = f"{address.rstrip('/')}/v1{mark}{query}"
    try:
        is_there = (
            not address.rstrip("/").endswith("/v1") and _ids(_list(settings, meant)) is not None
        )
    except ExtractionError:
        is_there = False
    if is_there:
        return f"; {meant} lists models: write that in extractor.base_urls"
    return "; extractor.base_urls must hold the address of the API, which mostly ends with /v1"


async def _ask(settings: OpenAISettings, url: str, journal_path: Path) -> tuple[str, Usage]:
    """Have a small document extracted, and return what that took, in words and numbers."""
    small = settings.model_copy(
        update={
            "base_urls": [url],
            "max_reply_tokens": min(REPLY_TOKENS, settings.max_reply_tokens),
        }
    )
    messages = chat(small.prompts.template("extract"), document=SAMPLE.text, max_pairs=1)
    longest = None
    if small.response_format == "bounded_json_schema":
        longest = small.quality.max_answer_characters
    request = Request(messages, pairs_schema(max_pairs=1, max_characters=longest), parse_pairs)
    llm, journal = OpenAIClient(small), RequestJournal(journal_path)
    await llm.start()
    try:
        meter = Meter(Allowance(), NOTHING)
        requests = LLMRequests(small, llm, journal, payer=PAYER, run=PAYER, allowance=Allowance())
        key = request_key(check=messages, number=uuid.uuid4().hex)  # answered before or not
        try:
            await requests.send(request, key, SAMPLE, meter)
        except TryFailedError as error:
            if not error.reason.startswith((CUT_OFF, STOPPED)):
                raise
            told = f"{_answered(url, meter.usage)}; cut off, as this check asks for few tokens"
            return told, meter.usage
    finally:
        await llm.close()
        journal.close()
    return _answered(url, meter.usage), meter.usage


def _answered(url: str, usage: Usage) -> str:
    tokens = usage.prompt_tokens + usage.completion_tokens
    cost = f", cost {usage.cost:.4f}" if usage.cost else ""
    seconds = f" in {usage.request_seconds:.1f} s"
    return f"{url} answered one request, which took {tokens:,} tokens{cost}{seconds}"

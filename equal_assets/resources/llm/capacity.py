"""What a server can take: requests at once, tokens of each, and how long the longest takes it.

Servers tell this each in their own way, beside the list of models that all have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from equal_assets.records import CHARACTERS_PER_TOKEN, Usage
from equal_assets.settings import OpenAISettings

OLLAMA_PORT = ":11434"
ENOUGH = 1.5
"""Times what the longest request is expected to take."""

Ask = Callable[..., Any]
"""Given a path below the address of the server, and maybe a JSON body: what it answers, or None."""


@dataclass(frozen=True)
class Capacity:
    """What a server says of itself; ``None`` where it does not.

    Attributes
    ----------
    slots : int or None
        Requests that it works on at once.
    context_tokens : int or None
        Of prompt and reply of a request.
    """

    slots: int | None = None
    context_tokens: int | None = None

    def __str__(self) -> str:
        told = []
        if self.slots is not None:
            told.append(f"works on {self.slots} requests at once")
        if self.context_tokens is not None:
            told.append(f"holds {self.context_tokens:,} tokens of each request and its reply")
        return ", ".join(told)


def capacity(model: str, url: str, entry: dict[str, Any], ask: Ask) -> Capacity:
    """Return what a server can take.

    Parameters
    ----------
    model, url : str
    entry : dict
        Of the model, in the server's list.
    ask : callable
    """
    owner = entry.get("owned_by")
    if owner == "llamacpp":
        props = _object(ask("/props"))
        context = _object(props.get("default_generation_settings")).get("n_ctx")
        return Capacity(_count(props.get("total_slots")), _count(context))
    if owner == "library" or OLLAMA_PORT in url:
        return Capacity(None, _of_ollama(model, ask))
    if owner == "organization_owner":
        return _of_lm_studio(model, ask)
    named = ("max_model_len", "context_length", "max_context_length")
    return Capacity(None, next(filter(None, (_count(entry.get(name)) for name in named)), None))


def strains(settings: OpenAISettings, url: str, can: Capacity, took: Usage | None) -> Iterator[str]:
    """Yield what of the settings is more than a server can take, with the numbers.

    Parameters
    ----------
    settings : OpenAISettings
    url : str
    can : Capacity
    took : Usage or None
        Of a small request that it answered.
    """
    at_once = math.ceil(settings.concurrency / len(settings.base_urls))
    if can.slots is not None and at_once > can.slots:
        share = f", {at_once:,} of them there" if len(settings.base_urls) > 1 else ""
        yield (
            f"extractor.concurrency = {settings.concurrency:,}{share}: {url} works on {can.slots} "
            "requests at once, the others wait while their time runs; set "
            f"{can.slots * len(settings.base_urls)}, or start the server with more slots"
        )
    longest = settings.longest_chat(CHARACTERS_PER_TOKEN)
    if can.context_tokens is not None and longest > can.context_tokens:
        yield (
            f"extractor.chunk_characters = {settings.chunk_characters:,} and max_reply_tokens = "
            f"{settings.max_reply_tokens:,} come to about {longest:,} tokens with the prompts: "
            f"{url} holds {can.context_tokens:,} of a request and its reply; lower them, or start "
            "the server with a larger context"
        )
    if took is None or not took.completion_tokens:
        return
    at_once = min(at_once, can.slots or 1)
    prompt = settings.longest_chat(CHARACTERS_PER_TOKEN) - settings.max_reply_tokens
    factor = max(
        prompt / max(1, took.prompt_tokens), settings.max_reply_tokens / took.completion_tokens
    )
    seconds = took.request_seconds * factor * at_once
    if seconds > settings.timeout_seconds:
        together = f", {at_once} at once" if at_once > 1 else ""
        yield (
            f"extractor.timeout_seconds = {settings.timeout_seconds:g}: {url} took "
            f"{took.request_seconds:.1f} s to read {took.prompt_tokens:,} tokens and write "
            f"{took.completion_tokens:,}, so the longest request may take {seconds:,.0f} s"
            f"{together}; set {_round(ENOUGH * seconds):,}, or lower max_reply_tokens"
        )


def _of_ollama(model: str, ask: Ask) -> int | None:
    """Return the context that a model is loaded with, or is to be loaded with."""
    loaded = _object(ask("/api/ps")).get("models")
    for entry in map(_object, loaded if isinstance(loaded, list) else []):
        if {entry.get("name"), entry.get("model")} & {model, f"{model}:latest"}:
            return _count(entry.get("context_length"))
    stated = _object(ask("/api/show", {"model": model})).get("parameters")
    words = str(stated or "").split()
    return _count(words[words.index("num_ctx") + 1 :][0]) if "num_ctx" in words[:-1] else None


def _of_lm_studio(model: str, ask: Ask) -> Capacity:
    """Return the slots and the context that a model is loaded with."""
    listed = _object(ask("/api/v1/models")).get("models")
    for entry in map(_object, listed if isinstance(listed, list) else []):
        for instance in map(_object, entry.get("loaded_instances") or []):
            if model in (instance.get("id"), entry.get("key")):
                config = _object(instance.get("config"))
                return Capacity(
                    _count(config.get("parallel")), _count(config.get("context_length"))
                )
    return Capacity()


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    """Return a number of something; None if it is none."""
    try:
        return int(value) if int(value) > 0 else None
    except (TypeError, ValueError):
        return None


def _round(seconds: float) -> int:
    """Return seconds, rounded up to two digits."""
    unit = 10 ** max(0, len(str(math.ceil(seconds))) - 2)
    return math.ceil(seconds / unit) * unit

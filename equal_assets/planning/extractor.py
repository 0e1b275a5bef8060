"""What `equal check` finds of the extractor: packages, models, servers and what they can take."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from equal_assets.errors import EqualError, ModelError
from equal_assets.extras import install_command
from equal_assets.planning.finding import Finding, of_hub
from equal_assets.resources.extraction.extractors import JOURNAL_FILE
from equal_assets.resources.llm.gguf import read_head
from equal_assets.settings import (
    ExtractorSettings,
    LlamaCppSettings,
    OpenAISettings,
    VLLMSettings,
    state_folder,
)


def extractor_findings(
    settings: ExtractorSettings, *, is_plan: bool, is_free: bool
) -> Iterator[Finding]:
    """Yield what is found of an extractor; of a plan, what needs no server."""
    if isinstance(settings, VLLMSettings):
        yield from _vllm(settings)
    elif isinstance(settings, LlamaCppSettings):
        yield from _llama_cpp(settings, is_free=is_free or is_plan)
    elif isinstance(settings, OpenAISettings) and is_plan:
        servers = ", ".join(settings.base_urls)
        yield Finding(True, f"extractor: {settings.model} will be requested from {servers}")
    elif isinstance(settings, OpenAISettings):
        for url in settings.base_urls:
            yield from _server(settings, url, is_free=is_free)
    else:
        yield Finding(True, f"extractor: {settings.backend} needs no model")


def _server(settings: OpenAISettings, url: str, *, is_free: bool) -> Iterator[Finding]:
    from equal_assets.resources.llm.probe import probe

    try:
        for told in probe(settings, url, None if is_free else state_folder() / JOURNAL_FILE):
            yield Finding(True, f"extractor: {told.text}", is_warning=told.is_warning)
    except EqualError as error:
        yield Finding(False, f"extractor: {error}")


def _vllm(settings: VLLMSettings) -> Iterator[Finding]:
    from equal_assets.resources.llm.model_folder import check_model, in_cache

    is_installed = importlib.util.find_spec("vllm") is not None
    if not is_installed:
        needed = f"extractor: vllm is not installed: `{install_command('vllm')}`"
        yield Finding(False, needed, is_to_be_fetched=True)
    folder = Path(settings.model)
    try:
        check_model(settings)
    except ModelError as error:
        is_to_come = folder.is_absolute() and not folder.exists()  # of a plan: a run elsewhere
        yield Finding(False, f"extractor: {error}", is_to_be_fetched=is_to_come)
        return
    if not is_installed:
        return
    has = "extractor: vllm is installed; the model"
    if folder.is_dir():
        yield Finding(True, f"{has} {folder} is there")
    elif in_cache(settings.model):
        yield Finding(True, f"{has} {settings.model} is in the cache of the hub")
    else:
        yield of_hub("extractor", f"the model {settings.model}")


def _llama_cpp(settings: LlamaCppSettings, *, is_free: bool) -> Iterator[Finding]:
    try:
        head = read_head(Path(settings.model))
    except ModelError as error:
        is_to_come = not Path(settings.model).exists()  # of a plan: a run elsewhere
        yield Finding(False, f"extractor: {error}", is_to_be_fetched=is_to_come)
        return
    size = f"{head.architecture}, {head.parameters / 1e9:.2f} billion parameters"
    yield Finding(True, f"extractor: {settings.model} is there: {size}")
    if not head.has_chat_template:
        yield Finding(
            True,
            f"extractor.model = {settings.model}: it has no chat template, as base models have "
            "none, and llama.cpp takes a usual one; a variant for chats (Instruct, Chat, it) "
            "follows prompts better",
            is_warning=True,
        )
    if head.context_tokens is not None and settings.slot_tokens > head.context_tokens:
        yield Finding(
            True,
            f"extractor.context_tokens = {settings.slot_tokens:,}: the model was trained for "
            f"{head.context_tokens:,}, and llama.cpp holds no more; lower chunk_characters or "
            "max_reply_tokens",
            is_warning=True,
        )
    yield from _own_server(settings, is_free=is_free)


def _own_server(settings: LlamaCppSettings, *, is_free: bool) -> Iterator[Finding]:
    """Start the server as a run does, and have it answer; unless free, which loads nothing."""
    from equal_assets.resources.llm.llama_server import LOG_FILE, LlamaServer, require, served

    try:
        require()
    except EqualError as error:
        yield Finding(False, f"extractor: {error}", is_to_be_fetched=True)
        return
    if is_free:
        yield Finding(True, "extractor: llama.cpp is installed; the model was not loaded")
        return
    server = LlamaServer(settings, state_folder() / LOG_FILE)
    try:
        url = f"{server.start()}/v1"
        yield from _server(served(settings, url), url, is_free=False)
    except EqualError as error:
        yield Finding(False, f"extractor: {error}")
    finally:
        server.stop()

"""LLM backend `llama-cpp`: llama.cpp's server in a child process, asked as any other server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from equal_assets.algorithms.extraction.prompts import Chat
from equal_assets.errors import ExtractionError
from equal_assets.extras import install_command
from equal_assets.resources.llm.gguf import read_head
from equal_assets.resources.llm.openai_client import Endpoint, OpenAIClient
from equal_assets.settings import LlamaCppSettings, OpenAISettings

CHILD = "equal_assets.resources.llm.llama_child"
LOG_FILE = "llama-cpp.log"
LOG_BYTES = 10_000_000
"""A log of more is begun anew."""

START_SECONDS = 900.0
"""A model that fills the memory takes long to come from a slow disk."""

WARNINGS = 2
"""Of llama.cpp's levels of what is logged: a line a request would be more."""

PROMPT_CACHE_MIB = 1024
"""In memory, for prompts whose slot was needed; llama.cpp takes up to 8 GiB if it may."""

ERROR = re.compile(r"[\d.]+ E (?:\S+ +(?=\S+:))?(.+)")
"""A line of the log: time, level, now and then a part, then what is said."""

SHOWN_LINES = 3
ASK_SECONDS = 5.0
JSON = {"Content-Type": "application/json"}


class LlamaServer:
    """The child process.

    Parameters
    ----------
    settings : LlamaCppSettings
    log : Path
        What it says goes there.
    """

    def __init__(self, settings: LlamaCppSettings, log: Path) -> None:
        self._settings = settings
        self._log = log
        self._from = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._error: ExtractionError | None = None

    def start(self) -> str:
        """Start the process, and return the server's address once the model is loaded.

        Raises
        ------
        EqualError
            If the package or the model is missing, or the model cannot be loaded.
        """
        require()
        read_head(Path(self._settings.model))
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            if log.tell() > LOG_BYTES:
                log.truncate(0)
            self._from = log.seek(0, os.SEEK_END)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C lets replies in flight come in
            )
        self._send(json.dumps(server_fields(self._settings)).encode() + b"\n")
        line = self._first_line()
        if not line:
            raise self.ended()
        return line.decode().strip()

    def check(self) -> None:
        """Raise ExtractionError if the process has ended by itself."""
        if self._error is not None:
            raise self._error
        if self._process is not None and self._process.poll() is not None:
            raise self.ended()

    def ended(self) -> ExtractionError:
        """Return the error of a server that does not start or has ended, with what it said."""
        status = None if self._process is None else self._process.poll()
        self.stop()
        how = "is not ready in time" if status is None else f"ended with status {status}"
        if status == -signal.SIGKILL:
            how = "was killed, as systems do when memory is full"
        self._error = ExtractionError(
            f"llama.cpp's server for extractor.model = {self._settings.model} {how}: "
            f"{self._said() or 'it says nothing'}; its log is {self._log}. Earlier extractions "
            "are stored"
        )
        return self._error

    def stop(self) -> None:
        """End the process, if there is one; it has nothing to store."""
        if self._process is not None:
            with self._process as process:
                process.kill()
            self._process = None

    def _send(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self.ended() from None

    def _first_line(self) -> bytes:
        """Return the line with the address; empty if the process ends or is too slow."""
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(START_SECONDS):
                return b""
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
        return line

    def _said(self) -> str:
        """Return the first errors in the log since the start, else its last lines."""
        with self._log.open("rb") as log:
            log.seek(self._from)
            lines = log.read().decode("utf-8", "replace").splitlines()
        errors = [found[1] for line in lines if (found := ERROR.match(line))]
        kept = list(dict.fromkeys(errors)) or [line.strip() for line in lines][-SHOWN_LINES:]
        return "; ".join(kept[:SHOWN_LINES])


class LlamaCpp(OpenAIClient):
    """A client of a server of its own, which lives as long as the client."""

    def __init__(self, settings: LlamaCppSettings, log: Path) -> None:
        super().__init__(served(settings, "http://127.0.0.1/v1"))
        self._server = LlamaServer(settings, log)
        self._own = settings

    async def start(self) -> None:
        """Start the server and its client."""
        address = await asyncio.to_thread(self._server.start)
        self._settings = served(self._own, f"{address}/v1")
        await super().start()

    def count(self, messages: Chat) -> int | None:
        """Return the tokens of a chat, its chat template among them, as the server counts."""
        try:
            text = self._ask_now("/apply-template", {"messages": list(messages)})["prompt"]
            whole = {"content": text, "add_special": True, "parse_special": True}
            return len(self._ask_now("/tokenize", whole)["tokens"])
        except OSError:  # a request will tell why
            return None

    def _ask_now(self, path: str, body: dict[str, Any]) -> Any:
        """Return what the server answers at once: it asks no model."""
        url = f"{self._endpoints[0].url.removesuffix('/v1')}{path}"
        asked = urllib.request.Request(url, json.dumps(body).encode(), JSON)
        with urllib.request.urlopen(asked, timeout=ASK_SECONDS) as response:
            return json.load(response)

    @asynccontextmanager
    async def room(self, before: Endpoint | None = None) -> AsyncIterator[Endpoint]:
        """Wait for a place, as long as there is a server."""
        async with super().room(before) as endpoint:
            self._server.check()
            yield endpoint

    async def close(self) -> None:
        """Close the connections, and end the server."""
        self._server.stop()
        await super().close()


def require() -> None:
    """Raise ExtractionError if the package that has the server is missing."""
    if find_spec("xllamacpp") is None:
        raise ExtractionError(
            f"extractor.backend llama-cpp needs a package: `{install_command('llama-cpp')}`"
        )


def server_fields(settings: LlamaCppSettings) -> dict[str, Any]:
    """Return the fields of xllamacpp's CommonParams that are set."""
    threads = {} if settings.threads is None else {"cpuparams.n_threads": settings.threads}
    return {
        "model.path": settings.model,
        "hostnames": ["127.0.0.1"],
        "port": 0,  # any that is free
        "n_parallel": settings.concurrency,
        "n_ctx": settings.concurrency * -(-settings.slot_tokens // 256) * 256,  # its unit
        "kv_unified": False,
        "cache_ram_mib": PROMPT_CACHE_MIB,
        "verbosity": WARNINGS,
        "ui": False,
        "cors_origins": "",  # no page in a browser may ask it
        **threads,
        **settings.engine,
    }


def served(settings: LlamaCppSettings, url: str) -> OpenAISettings:
    """Return how a server of its own is asked."""
    shared = {
        name: getattr(settings, name)
        for name in LlamaCppSettings.model_fields.keys() & OpenAISettings.model_fields.keys()
    }
    return OpenAISettings(**{**shared, "backend": "openai", "base_urls": [url], "stream": True})

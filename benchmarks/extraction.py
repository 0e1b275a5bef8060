"""Extraction against the bare engine, and the client under load.

    python benchmarks/extraction.py vllm      pipeline against vLLM's own LLM.chat, same prompts
    python benchmarks/extraction.py server    pipeline against the bare client, same server
    python benchmarks/extraction.py client    64 requests at once and memory over 10,000 documents

The first two need vLLM (`make test-vllm` makes the environment) and run a small model with random
weights, made on the spot, on docstrings of networkx; replies are bounded by the schema, their pairs
are checked and stored in the journal as always, and there is no second request. The last
runs against the test server of the repository, which answers at once after a fixed time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from equal_assets.algorithms.extraction.prompts import Chat, chat, pairs_schema
from equal_assets.records import Document
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.extraction.extractors import Order, build_extractor
from equal_assets.resources.extraction.llm_extraction import recipe
from equal_assets.resources.llm.journal import journal
from equal_assets.resources.llm.spending import Allowance
from equal_assets.settings import (
    InstalledPackagesSettings,
    LLMExtractionSettings,
    OpenAISettings,
    QualitySettings,
    VLLMSettings,
    quiet_libraries,
)
from equal_assets_tests import llm_server, tiny_llm

STRING_CHARACTERS = 300
SHARED: dict[str, Any] = {
    "max_pairs": 4,
    "max_reply_tokens": 700,
    "temperature": 1.0,
    "refine": False,
    "quality": QualitySettings(
        max_question_characters=200, max_answer_characters=STRING_CHARACTERS
    ),
}
MAX_MODEL_LEN = 4096
ON_CPU = {"enforce_eager": True, "enable_chunked_prefill": False}
"""Seeded prompts that are read in chunks end the CPU build: its generators know no offset."""

STRUCTURED_OUTPUTS = {"backend": "guidance", "disable_any_whitespace": True}


def docstrings(n_documents: int) -> list[Document]:
    """Return real documents of 300 to 3,000 characters."""
    corpus = InstalledPackagesSettings(source="installed-packages", packages=["networkx"])
    found = [row for row in read_corpus(corpus) if isinstance(row, Document)]
    return [row for row in found if 300 <= len(row.text) <= 3000][:n_documents]


def pipeline(settings: LLMExtractionSettings, documents: Sequence[Document]) -> tuple[float, int]:
    """Return seconds and completion tokens of the pipeline, its backend warm."""
    with tempfile.TemporaryDirectory() as folder:
        extractor = build_extractor(settings, Path(folder))
        with contextlib.closing(extractor):
            order = Order(payer="warm-up", run="benchmark", allowance=Allowance())
            warm = [d for _, d in zip(range(8), documents, strict=False)]
            for _ in extractor.extract(warm, order):
                pass
            started = time.perf_counter()
            found = list(extractor.extract(documents[8:], order))
            seconds = time.perf_counter() - started
    return seconds, sum(e.usage.completion_tokens for e in found)


def chats_of(settings: LLMExtractionSettings, documents: Sequence[Document]) -> list[Chat]:
    """Return the chats that the pipeline sends."""
    template = recipe(settings).extract
    return [chat(template, document=d.text, max_pairs=settings.max_pairs) for d in documents]


def schema_of(settings: LLMExtractionSettings) -> dict[str, Any]:
    """Return the schema that the pipeline sends."""
    made = recipe(settings)
    return pairs_schema(max_pairs=made.max_pairs, max_characters=made.max_characters)


def bare_engine(settings: VLLMSettings, documents: Sequence[Document]) -> tuple[float, int]:
    """Return seconds and completion tokens of `LLM.chat` over all prompts at once."""
    from vllm import LLM, SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    engine = LLM(
        model=settings.model,
        max_model_len=MAX_MODEL_LEN,
        structured_outputs_config=STRUCTURED_OUTPUTS,
        **settings.engine,
    )
    chats = [list(messages) for messages in chats_of(settings, documents)]
    sampling = [
        SamplingParams(
            max_tokens=settings.max_reply_tokens,
            temperature=settings.temperature,
            seed=number,
            structured_outputs=StructuredOutputsParams(json=schema_of(settings)),
        )
        for number in range(len(chats))
    ]
    engine.chat(chats[:8], sampling[:8], use_tqdm=False)
    started = time.perf_counter()
    outputs = engine.chat(chats[8:], sampling[8:], use_tqdm=False)
    seconds = time.perf_counter() - started
    return seconds, sum(len(output.outputs[0].token_ids) for output in outputs)


def bare_client(settings: OpenAISettings, documents: Sequence[Document]) -> tuple[float, int]:
    """Return seconds and completion tokens of the official client, 64 requests at once."""
    import openai

    schema = {"name": "reply", "schema": schema_of(settings), "strict": True}

    async def ask_all(chats: Sequence[Chat]) -> int:
        room = asyncio.Semaphore(settings.concurrency)
        async with openai.AsyncOpenAI(base_url=settings.base_urls[0], api_key="none") as client:

            async def ask(number: int, messages: Chat) -> int:
                async with room:
                    response = await client.chat.completions.create(
                        model=settings.model,
                        messages=list(messages),
                        max_tokens=settings.max_reply_tokens,
                        temperature=settings.temperature,
                        seed=number,
                        response_format={"type": "json_schema", "json_schema": schema},
                    )
                return response.usage.completion_tokens

            return sum(await asyncio.gather(*(ask(*row) for row in enumerate(chats))))

    chats = chats_of(settings, documents)
    asyncio.run(ask_all(chats[:8]))
    started = time.perf_counter()
    n_tokens = asyncio.run(ask_all(chats[8:]))
    return time.perf_counter() - started, n_tokens


@contextlib.contextmanager
def vllm_server(model: str) -> Iterator[str]:
    """Run vLLM's server on loopback; yield its base URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    if not torch.cuda.is_available():
        command += ["--enforce-eager", "--no-enable-chunked-prefill"]
    command += ["--max-model-len", str(MAX_MODEL_LEN), "--structured-outputs-config"]
    command += ['{"backend": "guidance", "disable_any_whitespace": true}']
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
                break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)


def against_vllm(kind: str, n_documents: int, n_runs: int) -> None:
    """Print tokens per second of the pipeline and of the bare engine or client, in turn."""
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    documents = docstrings(n_documents)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        model = str(tiny_llm.make(Path(folder)))
        settings: LLMExtractionSettings
        if kind == "vllm":
            engine = {} if torch.cuda.is_available() else ON_CPU
            settings = VLLMSettings(
                backend="vllm", model=model, max_model_len=MAX_MODEL_LEN, engine=engine, **SHARED
            )
            bare = bare_engine
        else:
            url = stack.enter_context(vllm_server(model))
            settings = OpenAISettings(
                backend="openai",
                model=model,
                base_urls=[url],
                response_format="bounded_json_schema",
                **SHARED,
            )
            bare = bare_client
        print(f"{len(documents) - 8} documents")
        print("| run | bare, tokens/s | pipeline, tokens/s | ratio |")
        print("| --- | ---: | ---: | ---: |")
        for number in range(n_runs):
            rates = []
            for work in (bare, pipeline):
                seconds, n_tokens = work(settings, documents)
                rates.append(n_tokens / seconds)
            print(f"| {number + 1} | {rates[0]:.0f} | {rates[1]:.0f} | {rates[1] / rates[0]:.2f} |")


def under_load(n_documents: int, latency: float) -> None:
    """Print throughput, requests in flight and memory as documents go through the client."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "requests.jsonl"
        with llm_server.running(log, faults=0, latency=latency) as server:
            settings = OpenAISettings(
                backend="openai", model="test-model", base_urls=[server.url], refine=False
            )
            extractor = build_extractor(settings, Path(folder))
            print("| documents | requests/s | memory now, MiB |")
            print("| ---: | ---: | ---: |")
            with contextlib.closing(extractor):
                order = Order(payer="warm-up", run="benchmark", allowance=Allowance())
                documents = [
                    Document(str(n), llm_server.document_text(n), source="s", file="f", row=n)
                    for n in range(n_documents)
                ]
                started = at = time.perf_counter()
                for number, _ in enumerate(extractor.extract(documents, order), 1):
                    if number % (n_documents // 5) == 0:
                        now = time.perf_counter()
                        rate = n_documents / 5 / (now - at)
                        print(f"| {number:,} | {rate:.0f} | {_memory():.0f} |", flush=True)
                        at = now
                seconds = time.perf_counter() - started
            in_progress = sorted(row["in_progress"] for row in server.requests())
            with journal(Path(folder) / "requests.sqlite") as opened:
                tokens = opened.spent().tokens
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        middle = in_progress[len(in_progress) // 2]
        print(
            f"{n_documents / seconds:.0f} requests/s of {64 / latency:.0f} that 64 at once may "
            f"reach; in flight at the server: median {middle}, most {in_progress[-1]}; "
            f"{tokens:,} tokens; peak {peak:.0f} MiB"
        )


def _memory() -> float:
    import psutil

    return psutil.Process().memory_info().rss / 2**20


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["vllm", "server", "client"])
    parser.add_argument("--documents", type=int)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.5)
    options = parser.parse_args()
    quiet_libraries()
    if options.kind == "client":
        under_load(options.documents or 10_000, options.latency)
    else:
        against_vllm(options.kind, options.documents or 136, options.runs)


if __name__ == "__main__":
    main()

"""A real vLLM engine, in the process and behind its server, with a model made on the spot."""

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psutil
import pytest

from equal_assets.algorithms.extraction.parsing import parse_pairs
from equal_assets.records import Document
from equal_assets.resources.extraction.extractors import Order, build_extractor
from equal_assets.resources.llm.spending import Allowance
from equal_assets.settings import OpenAISettings, VLLMSettings
from equal_assets_tests import tiny_llm

pytestmark = pytest.mark.vllm

N_DOCUMENTS = 200
"""Each takes a request, and a second one where it has pairs."""

ORDER = Order(payer="warm-up", run="test", allowance=Allowance())
QUALITY = {
    "min_question_characters": 1,
    "max_question_characters": 40,
    "max_answer_characters": 40,
    "min_grounding": 0.0,
    "self_contained": False,
    "premises": False,
    "steps": False,
    "numbers": False,
    "same_language": False,
}
SHARED = {
    "max_pairs": 3,
    "max_reply_tokens": 600,
    "temperature": 1.0,  # random weights repeat themselves without
    "quality": QUALITY,
}
ENGINE = {"enforce_eager": True, "enable_chunked_prefill": False}
"""Seeded prompts that are read in chunks end the CPU build: its generators know no offset."""

SERVER_CONFIG = '{"backend": "guidance", "disable_any_whitespace": true}'
READY_SECONDS = 300


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    return tiny_llm.make(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    """`vllm serve`, as its module: the command of the CPU build does not start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(model), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--enforce-eager", "--no-enable-chunked-prefill", "--max-model-len", "4096"]
    command += ["--structured-outputs-config", SERVER_CONFIG]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(timeout=60)


def documents(n_documents, *, start=0):
    return [
        Document(
            document_id=f"d{number:03}",
            text=f"Number {number} is followed by {number + 1}. Its double is {2 * number}.",
            source="s",
            file="f",
            row=number,
        )
        for number in range(start, start + n_documents)
    ]


def extract(settings, folder, asked):
    with contextlib.closing(build_extractor(settings, folder)) as extractor:
        return list(extractor.extract(asked, ORDER))


def engines():
    """Return the engines that this process has started and that still run."""
    processes = psutil.Process().children(recursive=True)
    return [p for p in processes if p.status() != psutil.STATUS_ZOMBIE and "VLLM" in p.name()]


def journal_rows(folder):
    with contextlib.closing(sqlite3.connect(folder / "requests.sqlite")) as journal:
        return journal.execute(
            "select outcome, reason, reply, prompt_tokens from requests"
        ).fetchall()


def check(folder, extractions):
    """Each document came back once; each request was answered by valid JSON, or says why not."""
    assert sorted(e.content_hash for e in extractions) == sorted(
        document.content_hash for document in documents(N_DOCUMENTS)
    )
    assert all(e.reason for e in extractions if e.status == "failed")
    rows = journal_rows(folder)
    assert len(rows) >= 200
    for outcome, reason, reply, prompt_tokens in rows:
        assert prompt_tokens > 0
        if outcome == "answered":
            parse_pairs(reply)
        else:
            assert (outcome, reason) == ("unusable", "reply cut off at max_reply_tokens")
    answered = [row for row in rows if row[0] == "answered"]
    assert len(answered) >= 0.9 * len(rows)
    assert sum(e.status == "pairs" for e in extractions) > N_DOCUMENTS / 4
    assert any("refinement" in (e.reason or "") or e.usage.n_requests == 2 for e in extractions)


def test_engine_in_the_process_extracts_each_document_and_is_not_asked_twice(model, tmp_path):
    settings = VLLMSettings(
        backend="vllm", model=str(model), max_model_len=4096, engine=ENGINE, **SHARED
    )
    extractions = extract(settings, tmp_path, documents(N_DOCUMENTS))
    check(tmp_path, extractions)
    n_sent = len(journal_rows(tmp_path))
    with contextlib.closing(build_extractor(settings, tmp_path)) as extractor:
        again = list(extractor.extract(documents(N_DOCUMENTS)[:20], ORDER))
        started = engines()
    assert started
    _, left = psutil.wait_procs(started, timeout=30)
    assert left == []  # a GPU is free for what comes after
    sent_again = [row for row in journal_rows(tmp_path)[n_sent:] if row[0] == "answered"]
    assert not sent_again
    assert len(again) == 20


def test_prompt_longer_than_the_model_reads_fails_its_document_alone(model, tmp_path):
    settings = VLLMSettings(
        backend="vllm", model=str(model), max_model_len=2048, engine=ENGINE, **SHARED
    )
    long = Document("long", "word and number 17. " * 500, source="s", file="f", row=1)
    found = extract(settings, tmp_path, [long, *documents(2)])
    by_hash = {extraction.content_hash: extraction for extraction in found}
    assert len(by_hash) == 3
    assert by_hash[long.content_hash].status == "failed"
    assert by_hash[long.content_hash].reason.startswith("vLLM: ")


def test_server_extracts_each_document(model, server, tmp_path):
    settings = OpenAISettings(
        backend="openai",
        model=str(model),
        base_urls=[server],
        response_format="bounded_json_schema",
        **SHARED,
    )
    check(tmp_path, extract(settings, tmp_path, documents(N_DOCUMENTS)))


def _wait_until_ready(url, process, log):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the server ended: {log.read_text()[-2000:]}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.5)
    pytest.fail(f"the server was not ready after {READY_SECONDS} s: {log.read_text()[-2000:]}")

"""llama.cpp's server with a model made on the spot: it starts, answers, ends, says why not."""

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from equal_assets.errors import ExtractionError, ModelError
from equal_assets.records import Document
from equal_assets.resources.extraction.extractors import Order, build_extractor
from equal_assets.resources.llm.gguf import read_head
from equal_assets.resources.llm.llama_server import LOG_FILE, LlamaCpp, LlamaServer
from equal_assets.resources.llm.spending import Allowance
from equal_assets.settings import LlamaCppSettings
from equal_assets_tests import tiny_gguf

ORDER = Order(payer="warm-up", run="test", allowance=Allowance())
START_AND_SAY = """
import sys, time
from pathlib import Path
from equal_assets.resources.llm.llama_server import LlamaServer
from equal_assets.settings import LlamaCppSettings
server = LlamaServer(LlamaCppSettings.model_validate_json(sys.argv[1]), Path(sys.argv[2]))
server.start()
print(server._process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_gguf.make(tmp_path_factory.mktemp("model"))


@pytest.fixture
def settings(model):
    return made(model)


def made(model, **keys):
    shared = {"concurrency": 2, "max_reply_tokens": 300, "chunk_characters": 1000, "threads": 1}
    return LlamaCppSettings(
        **{"backend": "llama-cpp", "model": str(model), "temperature": 1.0, **shared, **keys}
    )


def documents(n_documents):
    return [
        Document(f"d{n}", f"Number {n} is followed by {n + 1}.", source="s", file="f", row=n)
        for n in range(n_documents)
    ]


def children():
    return [p for p in psutil.Process().children() if "llama_child" in " ".join(p.cmdline())]


def test_documents_are_extracted_by_a_server_of_its_own_which_then_ends(settings, tmp_path):
    with contextlib.closing(build_extractor(settings, tmp_path)) as extractor:
        found = list(extractor.extract(documents(6), ORDER))
        started = children()
    assert len(started) == 1
    assert psutil.wait_procs(started, timeout=5)[1] == []
    assert len(found) == 6
    assert {e.status for e in found} <= {"pairs", "no pairs", "failed"}
    with contextlib.closing(sqlite3.connect(tmp_path / "requests.sqlite")) as journal:
        rows = journal.execute("select outcome, reply, completion_tokens from requests").fetchall()
    assert len(rows) >= 6
    assert {outcome for outcome, _, _ in rows} <= {"answered", "unusable"}
    answered = [json.loads(reply) for outcome, reply, _ in rows if outcome == "answered"]
    assert len(answered) >= 4
    assert all(isinstance(reply["pairs"], list) for reply in answered)  # the schema is enforced
    assert (tmp_path / LOG_FILE).is_file()


def test_slots_are_as_many_as_requests_at_once_and_each_holds_a_chunk_with_its_replies(
    settings, tmp_path
):
    server = LlamaServer(settings, tmp_path / "log")
    try:
        with urllib.request.urlopen(f"{server.start()}/props", timeout=10) as response:
            told = json.load(response)
    finally:
        server.stop()
    assert told["total_slots"] == 2
    asked = sum(map(len, settings.asked().values()))
    assert told["default_generation_settings"]["n_ctx"] >= (1000 + asked) / 4 + 2 * 300
    assert made("m.gguf", context_tokens=777).slot_tokens == 777


def test_server_ends_when_its_parent_is_killed(settings, tmp_path):
    command = [sys.executable, "-c", START_AND_SAY, settings.model_dump_json(), tmp_path / "log"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
    assert psutil.wait_procs([child], timeout=10)[1] == []


def test_server_that_ends_by_itself_ends_the_run_and_names_its_log(settings, tmp_path):
    async def ask():
        llm = LlamaCpp(settings, tmp_path / "log")
        await llm.start()
        try:
            (child,) = children()
            os.kill(child.pid, signal.SIGKILL)
            async with asyncio.timeout(10):
                while True:  # until the last of its threads has ended
                    async with llm.room():
                        await asyncio.sleep(0.01)
        finally:
            await llm.close()

    with pytest.raises(
        ExtractionError, match=r"was killed, as .* full: .*; its log is .*/log\. Ear"
    ):
        asyncio.run(ask())


def started(settings, folder):
    server = LlamaServer(settings, folder / "log")
    try:
        return server.start()
    finally:
        server.stop()


def test_model_that_cannot_be_loaded_is_told_in_the_words_of_llama_cpp(model, tmp_path):
    data = model.read_bytes()
    wrong = tmp_path / "wrong.gguf"
    # an architecture of the same length, with nothing that llama.cpp knows of it
    wrong.write_bytes(data.replace(b"qwen2", b"qwen9"))
    with pytest.raises(ExtractionError, match="unknown model architecture: 'qwen9'"):
        started(made(wrong), tmp_path)


@pytest.mark.parametrize(
    ("engine", "wrong"),
    [
        ({"n_gpus": 1}, "n_gpus = 1: must be a field of xllamacpp's CommonParams"),
        ({"cpuparams.threads": 1}, r"cpuparams.threads = 1: must be a field"),
        ({"n_batch": "many"}, "n_batch = 'many': must be of its type"),
    ],
)
def test_wrong_field_of_the_engine_is_told_with_its_value(model, tmp_path, engine, wrong):
    with pytest.raises(ExtractionError, match=wrong):
        started(made(model, engine=engine), tmp_path)


def test_missing_package_is_told_with_its_command(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "equal_assets.resources.llm.llama_server.find_spec", lambda name: None, raising=True
    )
    assert importlib.util.find_spec("xllamacpp")
    with pytest.raises(ExtractionError, match=r"needs a package: `.*pip install 'xllamacpp\b"):
        started(settings, tmp_path)


def test_head_of_a_file_tells_its_model(model, tmp_path):
    head = read_head(model)
    assert (head.architecture, head.context_tokens) == ("qwen2", 8192)
    assert head.has_chat_template
    assert head.is_dense
    assert head.parameters == pytest.approx(820_000, rel=0.01)
    config = json.loads((model.parent / "source" / "config.json").read_text())
    width = config["hidden_size"] // config["num_attention_heads"]
    cached = 2 * config["num_hidden_layers"] * config["num_key_value_heads"] * width
    assert head.cached_values == cached
    assert head.n_vocabulary == config["vocab_size"]
    extractor = build_extractor(made(model), tmp_path)
    assert extractor.flops_per_token() == 2 * head.parameters


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda data: b"", "cannot mmap an empty file"),
        (lambda data: b"PK" + data, "its first bytes are not GGUF"),
        (lambda data: data[:100], "it is cut off"),
        (lambda data: data[: len(data) // 2], "it is cut off"),
        (lambda data: data[:4] + bytes([9]) + data[5:], "version 9"),
        (lambda data: data[:8] + bytes(8) + data[16:], "no weights in it"),
    ],
)
def test_file_that_is_no_model_is_told(model, tmp_path, change, wrong):
    file = tmp_path / "m.gguf"
    file.write_bytes(change(model.read_bytes()))
    with pytest.raises(ModelError, match=f"must be a GGUF file .*{wrong}.*get it again"):
        read_head(file)


def test_missing_file_is_told(tmp_path):
    with pytest.raises(ModelError, match="must be a GGUF file; there is none: name one, relative"):
        read_head(tmp_path / "m.gguf")


def test_log_does_not_grow_for_ever(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("equal_assets.resources.llm.llama_server.LOG_BYTES", 10)
    log = tmp_path / "log"
    log.write_text("an earlier start\n")
    started(settings, tmp_path)
    assert "an earlier start" not in log.read_text()


def journaled(folder, what):
    with contextlib.closing(sqlite3.connect(folder / "requests.sqlite")) as journal:
        return journal.execute(f"select {what} from requests order by id").fetchall()


def test_requests_are_reserved_at_the_tokens_that_the_server_counts(settings, tmp_path):
    with contextlib.closing(build_extractor(settings, tmp_path)) as extractor:
        list(extractor.extract(documents(4), ORDER))
    rows = journaled(tmp_path, "most_prompt_tokens, prompt_tokens")
    assert len(rows) >= 4
    assert all(reserved == charged > 0 for reserved, charged in rows)


def test_request_that_is_stopped_costs_what_the_server_has_written_by_then(model, tmp_path):
    long = made(model, max_reply_tokens=6000, response_format="text", concurrency=1)
    with contextlib.closing(build_extractor(long, tmp_path)) as extractor:
        stream = extractor.extract(documents(2), ORDER)
        next(stream)  # cut off; the next one is being written
        time.sleep(0.3)
        stream.close()
    (first, second) = journaled(tmp_path, "outcome, reason, prompt_tokens, completion_tokens")
    assert first[1].startswith("reply cut off")
    assert second[:2] == ("unusable", "CancelledError")
    assert second[2] == first[2]  # a prompt of the same length
    assert 0 < second[3] < 6000

"""Extraction through the store from a server that fails, by processes that are killed."""

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from equal_assets.progress import silent
from equal_assets.records import Document
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.extraction.store import extract_through_store
from equal_assets.resources.llm.journal import journal
from equal_assets.resources.llm.spending import Amount, caps
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import OpenAISettings
from equal_assets_tests.llm_server import MODEL, REPOSITORY, document_text, running

CONCURRENCY = 32
FAULTS = 0.3
MAX_TRIES = 16
"""By chance faults, kills and a busy machine meet in one document."""

CUT_OFF = "reply cut off at max_reply_tokens"


def document(number: int) -> Document:
    """Return a document with two pairs; every tenth has none, every tenth is cut off."""
    text = document_text(number, n_pairs=0 if number % 10 == 3 else 2)
    if number % 10 == 7:
        text += "\n\nLONG\n"
    return Document(f"d{number}", text, "s", "f", number)


def extract_all(folder: Path, url: str, n_documents: int, *, budget_tokens=None, payer="demo"):
    """Extract so many documents into the store of a folder; return what it has of them."""
    settings = OpenAISettings(
        backend="openai",
        base_urls=[url],
        model=MODEL,
        max_reply_tokens=400,
        concurrency=CONCURRENCY,
        timeout_seconds=2.0,
        max_tries=MAX_TRIES,
    )
    extractor = build_extractor(settings, folder)
    used = extractor.paid_by(payer)
    with closing(extractor):
        return extract_through_store(
            Warehouse(database=str(folder / "warehouse.duckdb")),
            extractor,
            [document(number) for number in range(n_documents)],
            asked_by=f"{payer}|round-001",
            run="run",
            caps=caps("campaigns.demo.budget_", "campaign", used, tokens=budget_tokens),
            progress=silent,
        )


def spent(folder: Path) -> Amount:
    with journal(folder / "requests.sqlite") as opened:
        opened.close_lost()
        return opened.spent()


def outcomes(folder: Path) -> Counter:
    with closing(sqlite3.connect(folder / "requests.sqlite")) as opened:
        return Counter(opened.execute("select outcome, reason from requests").fetchall())


def rows(folder: Path, query: str) -> list:
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        return connection.sql(query).fetchall()


RESULT = (
    "select content_hash, status, reason, n_pairs, n_rejected from extractions order by all",
    "select content_hash, position, question, answer from extracted_qa order by all",
    "select content_hash, position, question, reason from rejected_qa order by all",
)


def result(folder: Path) -> list:
    """Return everything that was extracted, without what it took."""
    return [rows(folder, query) for query in RESULT]


def answered_twice(requests: list[dict]) -> int:
    """Return how often the server answered, whole and right, what it had answered before."""
    good = Counter(r["digest"] for r in requests if r["fault"] in (None, "slow"))
    return sum(good.values()) - len(good)


def check_accounts(folder: Path, requests: list[dict], *, n_documents: int, n_killed: int = 0):
    """Each document has one outcome; each request was answered once and paid as it was billed."""
    hashes = {document(number).content_hash for number in range(n_documents)}
    stored = rows(folder, "select content_hash, status, reason, n_tries from extractions")
    assert len(stored) == n_documents
    assert {row[0] for row in stored} == hashes
    statuses = Counter(row[1] for row in stored)
    assert statuses == {
        "pairs": n_documents * 8 // 10,
        "no pairs": n_documents // 10,
        "failed": n_documents // 10,
    }
    assert {row[2:3] for row in stored if row[1] == "failed"} == {(CUT_OFF,)}
    assert all(row[3] >= 1 for row in stored if row[1] == "failed")
    entries = outcomes(folder)
    assert ("open", None) not in entries
    n_timed_out = sum(n for (_, reason), n in entries.items() if reason == "time-out")
    n_held = sum(request["fault"] == "timeout" for request in requests)
    # a busy machine may time out by itself; what a killed process waited for is asked again
    assert answered_twice(requests) <= n_timed_out - n_held + n_killed * CONCURRENCY
    with closing(sqlite3.connect(folder / "requests.sqlite")) as opened:
        answered = opened.execute("select key from requests where outcome = 'answered'").fetchall()
    assert len(answered) == len(set(answered))
    billed = sum(r["prompt_tokens"] + r["completion_tokens"] for r in requests if r["billed"])
    assert billed <= spent(folder).tokens


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return a function that gives what documents come to without any fault."""

    def extract(n_documents):
        folder = tmp_path_factory.mktemp("undisturbed")
        with running(folder / "log.jsonl") as server:
            extract_all(folder, server.url, n_documents)
            check_accounts(folder, server.requests(), n_documents=n_documents)
        return result(folder)

    return extract


@pytest.mark.parametrize(
    "n_documents", [100, pytest.param(2000, marks=pytest.mark.slow)], ids=["100", "2000"]
)
def test_every_document_is_accounted_for_though_a_third_of_the_requests_fail(
    tmp_path, undisturbed, n_documents
):
    with running(tmp_path / "log.jsonl", faults=FAULTS) as server:
        found = extract_all(tmp_path, server.url, n_documents)
        assert len(found) == n_documents
        requests = server.requests()
        check_accounts(tmp_path, requests, n_documents=n_documents)
        assert result(tmp_path) == undisturbed(n_documents)
        faults = Counter(request["fault"] for request in requests)
        assert len(faults) == 9  # every kind, and none
        # again: everything is stored, nothing is sent
        assert len(extract_all(tmp_path, server.url, n_documents)) == n_documents
        assert len(server.requests()) == len(requests)


@pytest.mark.parametrize(
    ("n_documents", "limit"),
    [(100, 50_000), pytest.param(2000, 1_000_000, marks=pytest.mark.slow)],
    ids=["100", "2000"],
)
def test_budget_is_never_exceeded_though_requests_fail(tmp_path, n_documents, limit):
    with running(tmp_path / "log.jsonl", faults=FAULTS) as server:
        found = extract_all(tmp_path, server.url, n_documents, budget_tokens=limit)
        billed = sum(
            r["prompt_tokens"] + r["completion_tokens"] for r in server.requests() if r["billed"]
        )
        assert billed <= spent(tmp_path).tokens <= limit
        assert 0 < len(found) < n_documents
        assert ("open", None) not in outcomes(tmp_path)
        # what is left of the budget has room for no document: nothing more is sent
        n_sent = len(server.requests())
        again = extract_all(tmp_path, server.url, n_documents, budget_tokens=limit)
        assert spent(tmp_path).tokens <= limit
        assert len(again) - len(found) <= 3
        assert len(server.requests()) - n_sent <= 3 * 2 * MAX_TRIES


def kill_at_random(folder: Path, url: str, n_documents: int, *, seconds: float, rng) -> None:
    """Start the extraction, and kill it in the middle of its requests."""
    script = (
        "import sys; from pathlib import Path\n"
        "from equal_assets_tests.test_extraction_faults import extract_all\n"
        "extract_all(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))"
    )
    n_before = sum(outcomes(folder).values()) if (folder / "requests.sqlite").exists() else 0
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder), url, str(n_documents)], cwd=REPOSITORY
    )
    try:
        deadline = time.monotonic() + 60
        while not _has_sent(folder, n_before):
            assert process.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline, "it sends nothing"
            time.sleep(0.02)
        time.sleep(rng.uniform(0, seconds))
        assert process.poll() is None, "it was done before it could be killed"
    finally:
        process.kill()
        process.wait()


def _has_sent(folder: Path, n_before: int) -> bool:
    try:
        return sum(outcomes(folder).values()) > n_before
    except sqlite3.OperationalError:
        return False  # there is no journal yet


@pytest.mark.parametrize(
    ("n_documents", "n_kills", "latency"),
    [(150, 3, 0.1), pytest.param(2000, 10, 0.2, marks=pytest.mark.slow)],
    ids=["150-3", "2000-10"],
)
def test_killed_at_random_moments_it_comes_to_the_same(
    tmp_path, undisturbed, n_documents, n_kills, latency
):
    rng = random.Random(n_kills)
    with running(tmp_path / "log.jsonl", faults=FAULTS, latency=latency) as server:
        for _ in range(n_kills):
            kill_at_random(tmp_path, server.url, n_documents, seconds=1.0, rng=rng)
        extract_all(tmp_path, server.url, n_documents)
        check_accounts(tmp_path, server.requests(), n_documents=n_documents, n_killed=n_kills)
    killed = [n for (_, reason), n in outcomes(tmp_path).items() if reason == "process was killed"]
    assert sum(killed) > 0
    assert result(tmp_path) == undisturbed(n_documents)


@pytest.mark.slow
def test_killed_with_a_budget_it_does_not_spend_more(tmp_path):
    limit = 60_000
    script = (
        "import sys; from pathlib import Path\n"
        "from equal_assets_tests.test_extraction_faults import extract_all\n"
        f"extract_all(Path(sys.argv[1]), sys.argv[2], 100, budget_tokens={limit})"
    )
    with running(tmp_path / "log.jsonl", faults=FAULTS, latency=0.2) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), server.url], cwd=REPOSITORY
        )
        try:
            while len(server.requests()) < 30:
                assert process.poll() is None
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()
        extract_all(tmp_path, server.url, 100, budget_tokens=limit)
        billed = sum(
            r["prompt_tokens"] + r["completion_tokens"] for r in server.requests() if r["billed"]
        )
        assert billed <= spent(tmp_path).tokens <= limit

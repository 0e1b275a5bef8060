"""Ratings by an LLM: stored as they come, never paid twice, within caps, whatever is killed."""

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from equal_assets.algorithms.extraction.rating import RatingTask
from equal_assets.progress import silent
from equal_assets.records import Document
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.extraction.rating_store import rate_through_store
from equal_assets.resources.llm.journal import journal
from equal_assets.resources.llm.spending import Cap
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import OpenAISettings, PromptsSettings
from equal_assets_tests.llm_server import MODEL, REPOSITORY, document_text, running

N_DOCUMENTS = 60
TASK = RatingTask(
    template=PromptsSettings().template("rate"),
    questions=("What is the square of the integer 1000?",),
    document_characters=2000,
)


def rate(folder: Path, url: str, *, campaign="c", limit=None, n_documents=N_DOCUMENTS, max_tries=8):
    """Rate documents into the store of a folder; return what it has of the campaign."""
    settings = OpenAISettings(
        backend="openai",
        base_urls=[url],
        model=MODEL,
        max_reply_tokens=50,
        concurrency=8,
        timeout_seconds=2.0,
        max_tries=max_tries,
    )
    extractor = build_extractor(settings, folder)
    warehouse = Warehouse(database=str(folder / "warehouse.duckdb"))
    answered = warehouse.query("answered_before", campaign=campaign)["tokens"].item()
    used = extractor.paid_by(campaign).tokens + answered
    with closing(extractor):
        rate_through_store(
            warehouse,
            extractor,
            [
                Document(f"d{n}", document_text(n, n_pairs=n % 5), "s", "f", n)
                for n in range(n_documents)
            ],
            TASK,
            campaign=campaign,
            run="run",
            caps=[] if limit is None else [Cap("cap", "campaign", "tokens", limit, used)],
            progress=silent,
        )
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        return connection.sql(
            f"select * from document_ratings where campaign = '{campaign}' order by content_hash"
        ).pl()


def spent(folder: Path, **who) -> int:
    with journal(folder / "requests.sqlite") as opened:
        opened.close_lost()
        return opened.spent(**who).tokens


def expected_ratings() -> dict[str, int]:
    documents = [(document_text(n, n_pairs=n % 5), n) for n in range(N_DOCUMENTS)]
    return {Document("d", text, "s", "f", 1).content_hash: 1 + n % 5 for text, n in documents}


def test_rating_that_was_refused_is_asked_again(tmp_path):
    with running(tmp_path / "log.jsonl", faults=1, kinds="error") as server:
        failed = rate(tmp_path, server.url, n_documents=5, max_tries=1)
    assert failed["rating"].null_count() == 5
    assert {reason[:8] for reason in failed["reason"]} == {"HTTP 500"}
    with running(tmp_path / "mended.jsonl") as server:
        for _ in range(2):
            rated = rate(tmp_path, server.url, n_documents=5)
            assert (len(rated), rated["rating"].null_count()) == (5, 0)
        assert len(server.requests()) == 5


def test_every_document_has_its_rating_though_requests_fail(tmp_path):
    kinds = ["error", "garbage", "shape", "empty", "cut"]
    with running(tmp_path / "log.jsonl", faults=0.3, kinds=kinds) as server:
        rows = rate(tmp_path, server.url)
        assert dict(rows.select("content_hash", "rating").rows()) == expected_ratings()
        assert rows["reason"].null_count() == N_DOCUMENTS
        assert rows["n_tries"].sum() == len(server.requests()) > N_DOCUMENTS
        assert (rows["seconds"] > 0).all()
        # again, nothing is sent
        assert rate(tmp_path, server.url).equals(rows)
        assert rows["n_tries"].sum() == len(server.requests())


def test_rating_that_cannot_be_had_is_recorded_with_its_reason(tmp_path):
    with running(tmp_path / "log.jsonl", faults=1.0, kinds=["shape"]) as server:
        rows = rate(tmp_path, server.url, n_documents=5, max_tries=2)
    assert rows["rating"].null_count() == 5
    assert set(rows["reason"]) == {"JSON of another shape"}
    assert (rows["n_tries"] == 2).all()
    assert rows["paid_prompt_tokens"].min() > 0


def test_what_another_campaign_has_paid_is_asked_for_and_not_paid(tmp_path):
    with running(tmp_path / "log.jsonl") as server:
        first = rate(tmp_path, server.url, campaign="a")
        second = rate(tmp_path, server.url, campaign="b")
        assert len(server.requests()) == N_DOCUMENTS
    columns = ["content_hash", "rating", "prompt_tokens", "completion_tokens"]
    assert second.select(columns).equals(first.select(columns))
    assert (first["paid_prompt_tokens"] == first["prompt_tokens"]).all()
    assert second.select(pl.col("^paid_.*$").sum()).row(0) == (0, 0, 0.0)
    warehouse = Warehouse(database=str(tmp_path / "warehouse.duckdb"))
    asked = int(second["prompt_tokens"].sum() + second["completion_tokens"].sum())
    assert warehouse.query("answered_before", campaign="b")["tokens"].item() == asked
    assert warehouse.query("answered_before", campaign="a")["tokens"].item() == 0


@pytest.mark.parametrize("paid_before", [False, True], ids=["paid", "answered before"])
def test_cap_is_not_exceeded_and_what_has_no_room_is_left_out(tmp_path, paid_before):
    limit = 12_000
    with running(tmp_path / "log.jsonl") as server:
        if paid_before:
            rate(tmp_path, server.url, campaign="another")
        rows = rate(tmp_path, server.url, limit=limit)
        asked = int(rows["prompt_tokens"].sum() + rows["completion_tokens"].sum())
        assert 0.5 * limit < asked <= limit
        assert 10 < len(rows) < N_DOCUMENTS
        assert spent(tmp_path, payer="c") == (0 if paid_before else asked)
        assert rate(tmp_path, server.url, limit=limit).equals(rows)  # there is no room left


def test_killed_in_the_middle_it_goes_on_and_pays_for_nothing_again(tmp_path):
    script = (
        "import sys; from pathlib import Path\n"
        "from equal_assets_tests.resources.extraction.test_rating_store import rate\n"
        "rate(Path(sys.argv[1]), sys.argv[2])"
    )
    with running(tmp_path / "log.jsonl", latency=0.1) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), server.url], cwd=REPOSITORY
        )
        try:
            while len(server.requests()) < 20:
                assert process.poll() is None, "it ended before it could be killed"
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()
        rows = rate(tmp_path, server.url)
        requests = server.requests()
    assert dict(rows.select("content_hash", "rating").rows()) == expected_ratings()
    assert N_DOCUMENTS <= len(requests) <= N_DOCUMENTS + 8  # those that were in flight
    billed = sum(r["prompt_tokens"] + r["completion_tokens"] for r in requests if r["billed"])
    assert billed <= spent(tmp_path)

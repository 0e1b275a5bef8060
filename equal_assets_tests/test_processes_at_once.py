"""Several processes that send requests on one journal: no cap is passed, nothing is paid twice."""

import random
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from equal_assets.errors import ExtractionError
from equal_assets.progress import silent
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.extraction.store import extract_through_store
from equal_assets.resources.llm.spending import caps
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import OpenAISettings
from equal_assets_tests.command import FORKED
from equal_assets_tests.llm_server import MODEL, running
from equal_assets_tests.test_extraction_faults import (
    answered_twice,
    document,
    outcomes,
    rows,
    spent,
)

PROMPT_TOKENS, REPLY_TOKENS = 300, 300
"""Of the longest prompt by the server's count, and of a reply at most."""


class Extraction:
    """An extraction in a process of its own, which waits until it is told to begin."""

    def __init__(self, folder: Path, url: str, **more):
        told = {
            "warehouse": "warehouse.duckdb",
            "numbers": [0, 30],
            "payer": "a",
            "run": "run",
            "caps": {},
            "settings": {},
            **more,
        }
        self._pipe, its_end = FORKED.Pipe()
        self.process = FORKED.Process(target=extract, args=(its_end, folder, url, told))
        self.process.start()
        its_end.close()

    def begin(self) -> None:
        assert self._pipe.recv() == "ready"
        self._pipe.send("begin")

    def result(self) -> int | str:
        """Return how many documents it has got, or what stopped it."""
        assert self._pipe.poll(120)
        found = self._pipe.recv()
        self.process.join()
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


def extract(pipe, folder: Path, url: str, told: dict) -> None:
    """Extract documents into a warehouse of a folder; all processes have one journal."""
    settings = OpenAISettings(
        backend="openai",
        base_urls=[url],
        model=MODEL,
        max_reply_tokens=REPLY_TOKENS,
        concurrency=8,
        timeout_seconds=20.0,
        **told["settings"],
    )
    extractor = build_extractor(settings, folder)
    pipe.send("ready")
    pipe.recv()
    try:
        with closing(extractor):
            found = extract_through_store(
                Warehouse(database=str(folder / told["warehouse"])),
                extractor,
                [document(number) for number in range(*told["numbers"])],
                asked_by=f"{told['payer']}|round-001",
                run=told["run"],
                caps=caps(
                    "campaigns.a.budget_",
                    "campaign",
                    extractor.paid_by(told["payer"]),
                    **told["caps"],
                ),
                progress=silent,
            )
        pipe.send(len(found))
    except ExtractionError as error:
        pipe.send(str(error))


@contextmanager
def at_once(extractions: list[Extraction]):
    """Let processes begin together; kill at the end what still runs."""
    try:
        for extraction in extractions:
            extraction.begin()
        yield
    finally:
        for extraction in extractions:
            extraction.kill()


def results(extractions: list[Extraction]) -> list[int | str]:
    """Return what each of some processes has got, once all are done."""
    return [extraction.result() for extraction in extractions]


def billed(server) -> int:
    return sum(
        r["prompt_tokens"] + r["completion_tokens"] for r in server.requests() if r["billed"]
    )


def test_processes_of_one_campaign_do_not_pass_its_cap_together(tmp_path):
    limit, n_processes = 40_000, 4
    with running(tmp_path / "log.jsonl", latency=0.1) as server:
        processes = [
            Extraction(
                tmp_path,
                server.url,
                warehouse=f"{number}.duckdb",
                numbers=[100 * number, 100 * number + 30],
                caps={"tokens": limit},
            )
            for number in range(n_processes)
        ]
        with at_once(processes):
            found = results(processes)
        assert billed(server) == spent(tmp_path).tokens <= limit
        assert spent(tmp_path).tokens > 0.8 * limit  # nobody gave up while there was room
        assert 0 < sum(found) < n_processes * 30


def test_processes_with_one_cap_of_a_run_do_not_pass_it_together(tmp_path):
    with running(tmp_path / "log.jsonl", latency=0.1) as server:
        processes = [
            Extraction(
                tmp_path,
                server.url,
                warehouse=f"{number}.duckdb",
                numbers=[100 * number, 100 * number + 20],
                payer=f"campaign-{number}",
                settings={"run_documents": 9},
            )
            for number in range(2)
        ]
        with at_once(processes):
            assert all("run_documents = 9 has no room" in found for found in results(processes))
        assert spent(tmp_path).documents == 9


def test_what_another_process_sends_is_waited_for_and_paid_once(tmp_path):
    with running(tmp_path / "log.jsonl", latency=0.3) as server:
        processes = [
            Extraction(tmp_path, server.url, warehouse=f"{n}.duckdb", payer=who, numbers=[0, 10])
            for n, who in enumerate("aab")
        ]
        with at_once(processes):
            assert results(processes) == [10, 10, 10]
        assert answered_twice(server.requests()) == 0
        assert billed(server) == spent(tmp_path).tokens


def until_sent(server, n_requests: int) -> None:
    deadline = time.monotonic() + 60
    while len(server.requests()) < n_requests:
        assert time.monotonic() < deadline, "it sends nothing"
        time.sleep(0.02)


def test_what_a_killed_process_had_in_flight_is_taken_over_by_who_waits_for_it(tmp_path):
    with running(tmp_path / "log.jsonl", latency=2.0) as server:
        first, second = (
            Extraction(tmp_path, server.url, warehouse=f"{n}.duckdb", numbers=[0, 8]) for n in "12"
        )
        with at_once([first]):
            until_sent(server, 8)
            with at_once([second]):
                time.sleep(1.0)
                assert len(server.requests()) == 8  # it waits
                first.kill()
                assert results([second]) == [8]
        lost = sum(n for (outcome, _), n in outcomes(tmp_path).items() if outcome == "lost")
        assert lost == 8 >= answered_twice(server.requests())
        assert billed(server) <= spent(tmp_path).tokens


@pytest.mark.parametrize("is_idempotent", [False, True], ids=["plain", "idempotent"])
@pytest.mark.parametrize("n_pairs", [2, pytest.param(15, marks=pytest.mark.slow)])
def test_killed_at_random_moments_no_cap_is_passed_and_only_what_was_lost_is_sent_again(
    tmp_path, n_pairs, is_idempotent
):
    rng, limit, n_documents = random.Random(n_pairs), 30_000 * n_pairs, 20 * n_pairs
    more = {
        "numbers": [0, n_documents],
        "caps": {"tokens": limit},
        "settings": {"idempotent": is_idempotent},
    }
    with running(tmp_path / "log.jsonl", latency=0.15, idempotent=is_idempotent) as server:
        for _ in range(n_pairs):
            pair = [Extraction(tmp_path, server.url, warehouse=f"{n}.duckdb", **more) for n in "12"]
            n_before = len(server.requests())
            with at_once(pair):
                until_sent(server, n_before + 1)
                time.sleep(rng.uniform(0, 0.5))
        last = Extraction(tmp_path, server.url, **more)
        with at_once([last]):
            assert results([last]) == [n_documents]
        lost = sum(n for (outcome, _), n in outcomes(tmp_path).items() if outcome == "lost")
        assert lost > 0
        assert answered_twice(server.requests()) <= lost
        assert billed(server) <= spent(tmp_path).tokens <= limit
        held = spent(tmp_path).tokens - billed(server)
        # what nobody knows: a reply for each lost request, charged as far as it was written, and
        # counted whole where it is sent again; its prompt, if it never arrived
        assert held <= lost * (REPLY_TOKENS + (0 if is_idempotent else PROMPT_TOKENS))
        statuses = rows(tmp_path, "select status, count(*) from extractions group by 1")
        assert dict(statuses).keys() <= {"pairs", "no pairs", "failed"}

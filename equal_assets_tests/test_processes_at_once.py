"""Several processes that send requests on one journal: no cap is passed, nothing is paid twice."""

import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from equal_assets_tests.llm_server import REPOSITORY, running
from equal_assets_tests.test_extraction_faults import answered_twice, outcomes, spent

EXTRACT = """
import json, sys
from contextlib import closing
from pathlib import Path
from equal_assets.progress import silent
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.extraction.store import extract_through_store
from equal_assets.resources.llm.spending import caps
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import OpenAISettings
from equal_assets_tests.test_extraction_faults import document

told = json.loads(sys.argv[1])
folder = Path(told["folder"])
settings = OpenAISettings(backend="openai", base_urls=[told["url"]], model="test-model",
    max_reply_tokens=300, concurrency=8, timeout_seconds=5.0, max_tries=4, **told["settings"])
extractor = build_extractor(settings, folder)
print("ready", flush=True)
sys.stdin.readline()  # all begin together
with closing(extractor):
    found = extract_through_store(
        Warehouse(database=str(folder / told["warehouse"])), extractor,
        [document(number) for number in range(*told["numbers"])],
        asked_by=told["payer"] + "|round-001", run=told["run"],
        caps=caps("campaigns.a.budget_", "campaign", extractor.paid_by(told["payer"]),
                  **told["caps"]),
        progress=silent)
print(len(found), flush=True)
"""


def start(folder: Path, url: str, **more) -> subprocess.Popen:
    """Start an extraction that waits for a line before it begins."""
    told = {
        "folder": str(folder),
        "url": url,
        "warehouse": "warehouse.duckdb",
        "numbers": [0, 30],
        "payer": "a",
        "run": "run",
        "caps": {},
        "settings": {},
        **more,
    }
    return subprocess.Popen(
        [sys.executable, "-c", EXTRACT, json.dumps(told)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def at_once(processes: list[subprocess.Popen]):
    """Let processes begin together; kill at the end what still runs."""
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def results(processes: list[subprocess.Popen]) -> list[int]:
    """Return how many documents each of some processes has got, once all are done."""
    found = []
    for process in processes:
        assert process.wait(timeout=120) == 0
        found.append(int(process.stdout.readline()))
    return found


def billed(server) -> int:
    return sum(
        r["prompt_tokens"] + r["completion_tokens"] for r in server.requests() if r["billed"]
    )


@pytest.mark.parametrize("n_processes", [2, 4])
def test_processes_of_one_campaign_do_not_pass_its_cap_together(tmp_path, n_processes):
    limit = 20_000
    with running(tmp_path / "log.jsonl", latency=0.1) as server:
        processes = [
            start(
                tmp_path,
                server.url,
                warehouse=f"{number}.duckdb",
                numbers=[100 * number, 100 * number + 40],
                caps={"tokens": limit},
            )
            for number in range(n_processes)
        ]
        with at_once(processes):
            found = results(processes)
        assert billed(server) == spent(tmp_path).tokens <= limit
        assert spent(tmp_path).tokens > 0.8 * limit  # nobody gave up while there was room
        assert 0 < sum(found) < n_processes * 40

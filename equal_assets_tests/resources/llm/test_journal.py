import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from equal_assets.errors import ExtractionError
from equal_assets.resources.llm.journal import (
    RequestJournal,
    journal,
    request_key,
)
from equal_assets.resources.llm.spending import Amount

LEAVES_A_REQUEST_OPEN = """
import sys, time
from pathlib import Path
from equal_assets.resources.llm.journal import RequestJournal
journal = RequestJournal(Path(sys.argv[1]))
most = {"prompt_tokens": 100, "completion_tokens": 50, "cost": 1.5}
journal.open("k", document="d", payer="a|round-001", run="r", **most)
print("open", flush=True)
time.sleep(60)
"""


@pytest.fixture
def opened(tmp_path):
    with journal(tmp_path / "requests.sqlite") as made:
        yield made


def send(
    opened, key="k", *, document="d", payer="a|round-001", run="r", outcome="answered", reply="{}"
):
    entry = opened.open(
        key,
        document=document,
        payer=payer,
        run=run,
        prompt_tokens=1000,
        completion_tokens=500,
        cost=9.0,
        known=sys.maxsize,  # whatever is answered: send it
    )
    charged = (0, 0, 0.0) if outcome == "refused" else (10, 5, 0.5)
    opened.settle(
        entry,
        outcome,
        prompt_tokens=charged[0],
        completion_tokens=charged[1],
        cost=charged[2],
        seconds=0.1,
        reply=reply,
    )


def test_open_request_counts_at_the_most_it_may_come_to(opened):
    opened.open(
        "k", document="d", payer="a", run="r", prompt_tokens=100, completion_tokens=50, cost=1.5
    )
    assert opened.spent() == Amount(150, 1.5, 1)


def test_settled_request_counts_what_it_came_to(opened):
    send(opened)
    send(opened, outcome="refused")
    send(opened, outcome="unusable")
    assert opened.spent() == Amount(30, 1.0, 1)


def test_only_an_answered_request_is_found_again(opened):
    send(opened, outcome="unusable", reply="garbage")
    assert opened.answer("k") is None
    send(opened, reply='{"pairs": []}', payer="b|round-002")
    found = opened.answer("k")
    assert (found.reply, found.payer, found.prompt_tokens) == ('{"pairs": []}', "b|round-002", 10)
    assert opened.answer("other") is None


def test_spending_is_told_apart_by_payer_and_run(opened):
    send(opened, payer="a|round-001", run="r1")
    send(opened, payer="a|round-002", run="r2")
    send(opened, payer="a_b|round-001", run="r2")
    send(opened, payer="axb|round-001", run="r2")
    assert opened.spent(payer="a").tokens == 30
    assert opened.spent(payer="a_b").tokens == 15
    assert opened.spent(run="r2").tokens == 45


def test_documents_are_counted_once_whatever_was_sent_for_them(opened):
    send(opened, "k1", document="d1")
    send(opened, "k2", document="d1", run="another")
    send(opened, "k3", document="d2", outcome="refused")
    assert opened.spent().documents == 2
    assert opened.spent(run="another").documents == 1


def test_disowned_spending_is_no_longer_the_campaigns(opened):
    send(opened)
    opened.disown("a")
    assert opened.spent(payer="a") == Amount()
    assert opened.spent().tokens == 15
    assert opened.answer("k") is not None


def test_what_a_killed_process_left_open_is_lost_and_stays_paid(tmp_path):
    path = tmp_path / "requests.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVES_A_REQUEST_OPEN, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "open\n"
    with journal(path) as opened:
        assert opened.close_lost() == 0  # its process is alive
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert opened.close_lost() == 1
        assert opened.close_lost() == 0
        assert opened.spent() == Amount(150, 1.5, 1)
    process.stdout.close()


def test_two_processes_may_write_at_once(tmp_path):
    path = tmp_path / "requests.sqlite"
    script = (
        LEAVES_A_REQUEST_OPEN.replace("time.sleep(60)", "")
        .replace("journal.open(", "import os; [journal.open(")
        .replace('"k"', 'f"{os.getpid()} {number}"')
        .replace("**most)", "**most) for number in range(300)]")
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    with journal(path) as opened:
        assert opened.spent().tokens == 3 * 300 * 150


def test_file_that_is_no_journal_is_refused(tmp_path):
    path = tmp_path / "requests.sqlite"
    path.write_text("something else, long enough to be looked at as a database file " * 20)
    with pytest.raises(ExtractionError, match="cannot be used as request journal"):
        RequestJournal(path)


def test_journal_of_another_version_is_refused(tmp_path):
    path = tmp_path / "requests.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("pragma user_version = 99")
    with pytest.raises(ExtractionError, match="has format 99: must be 2"):
        RequestJournal(path)


def test_a_request_takes_less_than_a_millisecond_of_waiting(opened):
    started = time.process_time()
    for number in range(300):
        send(opened, f"k{number}")
    assert time.process_time() - started < 3.0  # a bound for a busy machine, not a benchmark


def test_key_tells_requests_apart_by_everything_that_is_sent():
    base = request_key(prompt="p", schema={"a": 1}, model="m")
    assert base == request_key(model="m", schema={"a": 1}, prompt="p")
    assert base != request_key(prompt="p", schema={"a": 2}, model="m")
    assert base != request_key(prompt="p", schema={"a": 1}, model="n")

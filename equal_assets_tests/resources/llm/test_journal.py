import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest

from equal_assets.errors import ExtractionError
from equal_assets.processes import machine
from equal_assets.resources.llm import journal as module
from equal_assets.resources.llm.journal import (
    NoRoomError,
    RequestJournal,
    RequestTakenError,
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


@pytest.mark.parametrize(("noted", "tokens", "cost"), [(20, 120, 1.2), (99, 150, 1.5)])
def test_reply_of_a_killed_process_counts_as_it_was_noted_and_no_more_than_its_limit(
    tmp_path, noted, tokens, cost
):
    note = f'print("open", flush=True)\njournal.note(1, {noted})'
    script = LEAVES_A_REQUEST_OPEN.replace('print("open", flush=True)', note)
    script = script.replace('"cost": 1.5', '"cost": 1.5, "prompt_price": 0.01')
    path = tmp_path / "requests.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{script}", str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "open\n"
    with journal(path) as opened:
        while opened._execute("select written_at_most from requests").fetchone() == (None,):
            time.sleep(0.01)
        assert opened.spent() == Amount(150, 1.5, 1)  # all is reserved while it goes on
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert opened.close_lost() == 1
        spent = opened.spent()
        assert (spent.tokens, spent.cost) == (tokens, pytest.approx(cost))
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


def test_the_same_request_is_not_sent_while_it_is_in_flight_or_once_it_is_answered(tmp_path):
    most = {"document": "d", "payer": "a", "run": "r", "prompt_tokens": 9, "completion_tokens": 9}
    with journal(tmp_path / "requests.sqlite") as one, journal(tmp_path / "requests.sqlite") as two:
        entry = one.open("k", cost=1.0, **most)
        with pytest.raises(RequestTakenError):
            two.open("k", cost=1.0, **most)
        charged = {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.5, "seconds": 0.1}
        one.settle(entry, "answered", reply="{}", **charged)
        with pytest.raises(RequestTakenError):
            two.open("k", cost=1.0, **most)
        assert two.open("k", cost=1.0, known=entry, **most) > entry  # it cannot be read any more


def test_request_is_refused_that_has_no_room_with_what_all_have_reserved(tmp_path):
    def has_room(of_payer, of_run):
        return of_payer.tokens + 150 <= 300 and of_run.documents < 9

    path = tmp_path / "requests.sqlite"
    most = {"run": "r", "prompt_tokens": 100, "completion_tokens": 50, "cost": 0.0}
    with journal(path) as one, journal(path) as two:
        one.open("1", document="d1", payer="a|round-001", has_room=has_room, **most)
        two.open("2", document="d2", payer="a|retry", has_room=has_room, **most)
        with pytest.raises(NoRoomError):
            one.open("3", document="d3", payer="a|round-002", has_room=has_room, **most)
        assert one.spent() == Amount(300, 0.0, 2)


def left_open(path, process, key="k"):
    """Enter a request that another process left open."""
    with journal(path):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "insert into requests (key, document, payer, run, process, prompt_tokens, "
            "completion_tokens, cost, sent_at) values (?, 'd', 'a', 'r', ?, 100, 50, 1.5, 0)",
            (key, process),
        )


def test_process_of_another_machine_is_waited_for_until_it_has_been_silent_for_long(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "LEASE_SECONDS", 0.3)
    path = tmp_path / "requests.sqlite"
    left_open(path, "elsewhere 1 1")
    with journal(path) as opened:
        monkeypatch.setattr(time, "time", lambda: 1e12)  # no clock is asked
        for _ in range(6):
            with closing(sqlite3.connect(path)) as other, other:
                other.execute(
                    "insert into processes values ('elsewhere 1 1', 1) "
                    "on conflict do update set n_signs = n_signs + 1"
                )
            time.sleep(0.1)
            assert opened.in_flight("k") == "elsewhere 1 1"
            assert opened.close_lost() == 0
        time.sleep(0.4)
        assert opened.in_flight("k") is None
        assert opened.close_lost() == 1


def test_clock_that_jumps_takes_no_living_process_for_dead(tmp_path, monkeypatch):
    path = tmp_path / "requests.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVES_A_REQUEST_OPEN, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "open\n"
        started, now = psutil.Process.create_time, time.time
        for hours in (-10, 10):
            # Linux tells the start of a process by a clock that was set meanwhile
            monkeypatch.setattr(time, "time", lambda by=3600 * hours: now() + by)
            monkeypatch.setattr(
                psutil.Process, "create_time", lambda self, by=3600 * hours: started(self) + by
            )
            with journal(path) as opened:
                assert opened.close_lost() == 0
                assert opened.in_flight("k")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with journal(path) as opened:
        assert opened.close_lost() == 1


def test_killed_process_that_nobody_waits_for_is_dead(tmp_path):
    path = tmp_path / "requests.sqlite"
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVES_A_REQUEST_OPEN, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "open\n"
    process.kill()
    deadline = time.monotonic() + 10
    with journal(path) as opened:
        while not opened.close_lost():  # it is a zombie now
            assert time.monotonic() < deadline
            time.sleep(0.05)
    process.wait()
    process.stdout.close()


def lose(opened, key="k", **more):
    entry = opened.open(
        key,
        document="d",
        payer="a|round-001",
        run="r",
        prompt_tokens=1000,
        completion_tokens=500,
        cost=2.0,
        prompt_price=0.001,
        **more,
    )
    unknown = {"prompt_tokens": 1000, "completion_tokens": 500, "cost": 2.0, "seconds": 1.0}
    opened.settle(entry, "lost", reason="time-out", **unknown)
    return entry


def answer(opened, key="k", **more):
    most = {"prompt_tokens": 1000, "completion_tokens": 500, "cost": 2.0}
    entry = opened.open(key, document="d", payer="a|round-001", run="r", **most, **more)
    charged = {"prompt_tokens": 300, "completion_tokens": 40, "cost": 0.34, "seconds": 1.0}
    opened.settle(entry, "answered", reply="{}", **charged)
    return entry


def test_prompt_of_a_lost_request_counts_as_a_later_try_was_charged(opened):
    lose(opened)
    assert opened.spent() == Amount(1500, 2.0, 1)
    freed = opened.learn(answer(opened), prompt_tokens=300)
    assert freed == Amount(700, pytest.approx(0.7))
    # 300 + 500 of the lost one, 300 + 40 of the answered one
    assert opened.spent() == Amount(1140, pytest.approx(2.0 - 0.7 + 0.34), 1)


def test_prompt_that_was_lost_is_taken_to_be_as_long_as_those_that_were_counted(opened):
    for number in range(19):
        answer(opened, key=f"k{number}")
    assert opened.likely_tokens(2000) == 2000  # too few to go by
    answer(opened, key="one more")
    assert opened.likely_tokens(2000) == 750  # 300 of 1000 is the most seen, and a margin
    assert opened.likely_tokens(1) == 1


def test_lost_prompt_counts_as_those_that_were_counted_until_it_is_sent_again(tmp_path):
    path = tmp_path / "requests.sqlite"
    with journal(path) as opened:
        for number in range(20):
            answer(opened, key=f"k{number}", prompt_price=0.001)
    left_open(path, f"{machine()} 999999999 1")
    with journal(path) as opened:
        assert opened.close_lost() == 1
        [lost] = opened.lost()
        assert lost.amount.tokens == 50 + 100 * 0.3 * 1.25 + 0.5  # its reply, and its prompt
        opened.learn(answer(opened), prompt_tokens=33)
        assert opened.lost()[0].amount.tokens == 50 + 33


def test_server_that_knows_the_request_again_has_charged_it_once(opened):
    lose(opened, idempotency_key="i")
    lose(opened, key="another", idempotency_key="j")
    opened.learn(answer(opened, idempotency_key="i"), prompt_tokens=300)
    assert opened.spent() == Amount(1500 + 340, pytest.approx(2.34), 1)


def test_released_requests_no_longer_count_and_keep_what_they_held(opened):
    lose(opened)
    answer(opened)
    [lost] = opened.lost()
    assert (lost.payer, lost.n_requests, lost.amount) == ("a", 1, Amount(1500, 2.0, 1))
    opened.release_lost("b")
    assert opened.lost() == [lost]
    opened.release_lost("a")
    assert opened.lost() == []
    assert opened.spent(payer="a") == Amount(340, pytest.approx(0.34), 1)
    reason = "select reason from requests where outcome = 'lost'"
    assert opened._connection.execute(reason).fetchall() == [
        ("released by the user, held 1500 tokens, cost 2.0: time-out",)
    ]


FIRST_FORMAT = """
create table requests (
  id integer primary key, key text not null, document text not null, payer text not null,
  run text not null, process text not null,
  outcome text not null default 'open'
    check (outcome in ('open', 'answered', 'unusable', 'refused', 'lost')),
  reason text, prompt_tokens integer not null, completion_tokens integer not null,
  cost real not null, seconds real, reply text, sent_at real not null
);
create index requests_by_key on requests (key) where outcome = 'answered';
create index requests_by_payer on requests (payer);
create index requests_by_run on requests (run);
create index open_requests on requests (process) where outcome = 'open';
insert into requests values
  (1, 'k', 'd1', 'a|round-001', 'r', 'vm 1 1.00', 'answered', null, 10, 5, 0.5, 1, '{}', 0),
  (2, 'l', 'd1', 'a|round-002', 'r', 'vm 1 1.00', 'refused', 'no', 0, 0, 0.0, 1, null, 0),
  (3, 'm', 'd2', 'warm-up', 's', 'vm 1 1.00', 'open', null, 100, 50, 1.5, null, null, 0);
pragma user_version = 1;
"""


def test_journal_of_the_first_format_is_taken_over_with_all_that_was_paid(tmp_path):
    path = tmp_path / "requests.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_FORMAT)
    for _ in range(2):
        with journal(path) as opened:
            assert opened.answer("k").reply == "{}"
            assert opened.spent() == Amount(165, 2.0, 2)
            assert opened.spent(payer="a") == Amount(15, 0.5, 1)
            assert opened.spent(payer="warm-up") == Amount(150, 1.5, 1)
            assert opened.spent(run="r") == Amount(15, 0.5, 1)


def test_sums_are_those_of_the_requests(opened):
    for number in range(40):
        payer = f"{'abc'[number % 3]}|round-00{number % 2}"
        outcome = ("answered", "refused", "unusable")[number % 3]
        send(
            opened,
            f"k{number}",
            payer=payer,
            run=f"r{number % 4}",
            document=f"d{number % 7}",
            outcome=outcome,
        )
    opened.disown("a")
    sums = opened._connection.execute(
        "select account, sum(prompt_tokens + completion_tokens), sum(cost), "
        "count(distinct document) from requests group by 1"
    ).fetchall()
    assert [row[0] for row in sums] == ["payer b", "payer c", "payer earlier a"]
    for account, tokens, cost, n_documents in sums:
        expected = Amount(tokens, pytest.approx(cost), n_documents)
        assert opened.spent(payer=account.removeprefix("payer ")) == expected
    assert opened.spent().tokens == sum(row[1] for row in sums)


def test_journal_on_a_disk_that_machines_share_has_no_log_of_one_machine(tmp_path, monkeypatch):
    path = tmp_path / "requests.sqlite"
    found = psutil.disk_partitions(all=True)
    shared = [disk._replace(fstype="nfs4") for disk in found]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: shared)
    with journal(path) as opened:
        send(opened)
        assert opened._connection.execute("pragma journal_mode").fetchall() == [("delete",)]
    assert not path.with_name("requests.sqlite-wal").exists()


def test_journal_that_cannot_be_written_says_so_and_what_to_do(tmp_path):
    path = tmp_path / "requests.sqlite"
    with journal(path) as opened:
        opened._connection.execute("pragma max_page_count = 1")  # the disk is full
        with pytest.raises(ExtractionError, match=r"cannot be used: database or disk is full\. No"):
            send(opened, reply="x" * 500_000)
    with journal(path) as opened:
        send(opened, "another")


def test_every_entry_is_on_the_disk_before_a_request_is_sent(opened):
    # SQLite waits for the disk at each commit: 2 is full
    assert opened._connection.execute("pragma synchronous").fetchone() == (2,)
    assert opened._connection.execute("pragma journal_mode").fetchone() == ("wal",)


def test_file_that_is_no_journal_is_refused(tmp_path):
    path = tmp_path / "requests.sqlite"
    path.write_text("something else, long enough to be looked at as a database file " * 20)
    with pytest.raises(ExtractionError, match="cannot be used as request journal"):
        RequestJournal(path)


def test_journal_of_another_version_is_refused(tmp_path):
    path = tmp_path / "requests.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("pragma user_version = 99")
    with pytest.raises(ExtractionError, match="has format 99: must be 3"):
        RequestJournal(path)


@pytest.mark.timing
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

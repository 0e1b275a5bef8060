"""Replies that are followed while a server writes them: loops, time-outs, stops, kills."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from equal_assets.records import Document
from equal_assets.resources.extraction.extractors import Order, build_extractor
from equal_assets.resources.llm.journal import journal
from equal_assets.resources.llm.spending import Allowance
from equal_assets.settings import OpenAISettings
from equal_assets_tests.llm_server import MODEL, REPOSITORY, document_text, running

LOOPS = "reply stopped, going round in a loop"
LIMIT = 2000


def settings_for(url, **more):
    given = {"refine": False, "max_reply_tokens": LIMIT, "concurrency": 4, "max_tries": 2, **more}
    return OpenAISettings(backend="openai", base_urls=[url], model=MODEL, **given)


def document(number, line="", **more):
    return Document(f"d{number}", f"{document_text(number, **more)}\n\n{line}\n", "s", "f", number)


def extract(folder, settings, asked, *, is_again=False):
    """Return what came out of documents, and how the caps were charged."""
    with contextlib.closing(build_extractor(settings, folder)) as extractor:
        allowance = Allowance()
        order = Order(payer="a|round-001", run="r", allowance=allowance, is_again=is_again)
        return list(extractor.extract(asked, order)), allowance


def entries(folder, columns):
    with contextlib.closing(sqlite3.connect(folder / "requests.sqlite")) as opened:
        return opened.execute(f"select {columns} from requests order by id").fetchall()


def spent(folder):
    with journal(folder / "requests.sqlite") as opened:
        return opened.spent().tokens


@pytest.mark.parametrize("counts", ["end", "pieces", "timings"])
def test_loop_is_stopped_its_pairs_are_kept_and_what_was_written_is_paid(tmp_path, counts):
    with running(tmp_path / "log", counts=counts, pace=0.003) as server:
        [found], allowance = extract(tmp_path, settings_for(server.url), [document(17, "LOOP")])
        [entry] = server.requests()
        assert (found.status, found.reason, len(found.pairs)) == ("pairs", LOOPS, 2)
        [(outcome, reason, written, reply)] = entries(
            tmp_path, "outcome, reason, completion_tokens, reply"
        )
        assert (outcome, reason) == ("unusable", LOOPS)
        assert "It goes on" in reply
        assert written <= entry["completion_tokens"] < 400
        assert entry["is_left"]
        assert allowance.paid.tokens == spent(tmp_path)
        # what was paid for is neither sent again nor asked for by the next run
        again = settings_for(server.url, max_reply_tokens=2 * LIMIT)
        [same], _ = extract(tmp_path, again, [document(17, "LOOP")])
        assert (same.pairs, same.reason) == (found.pairs, LOOPS)
        assert len(server.requests()) == 1
        with contextlib.closing(build_extractor(again, tmp_path)) as extractor:
            assert not extractor.worth_another_try({found.content_hash: LOOPS})
        extract(tmp_path, again, [document(17, "LOOP")], is_again=True)  # `equal retry`
        assert len(server.requests()) == 2


def test_prompt_of_a_stopped_reply_counts_as_the_server_told_it(tmp_path):
    with running(tmp_path / "log", counts="timings", pace=0.003) as server:
        extract(tmp_path, settings_for(server.url), [document(17, "LOOP")])
        [entry] = server.requests()
    [(read,)] = entries(tmp_path, "prompt_tokens")
    assert read == entry["prompt_tokens"]


def test_prompt_that_no_server_counts_says_nothing_of_others(tmp_path):
    with running(tmp_path / "log", counts="none", pace=0.003) as server:
        extract(tmp_path, settings_for(server.url), [document(17, "LOOP")])
    [(read, most)] = entries(tmp_path, "prompt_tokens, most_prompt_tokens")
    assert most is None
    assert read > 1000  # a bound from the text


@pytest.mark.parametrize(
    ("counts", "outcome"), [("pieces", "unusable"), ("timings", "unusable"), ("end", "lost")]
)
def test_stopped_request_counts_what_the_server_had_written(tmp_path, counts, outcome):
    asked = [document(1), document(2, n_pairs=40)]
    with running(tmp_path / "log", counts=counts, pace=0.01) as server:
        settings = settings_for(server.url, concurrency=1)
        with contextlib.closing(build_extractor(settings, tmp_path)) as extractor:
            stream = extractor.extract(asked, Order("a|round-001", "r", Allowance()))
            next(stream)  # from now on the server is known to stream
            time.sleep(0.5)
            stream.close()
        time.sleep(0.2)
        _, entry = server.requests()
    _, (ended, reason, reply, read, written) = entries(
        tmp_path, "outcome, reason, reply, prompt_tokens, completion_tokens"
    )
    assert (ended, reason, reply) == (outcome, "CancelledError", "")
    assert entry["is_left"]
    assert 0 <= entry["completion_tokens"] - written <= 2  # a piece may be on its way
    assert written > 3
    assert read == entry["prompt_tokens"] or outcome == "lost"


def test_time_out_keeps_the_pairs_that_are_complete_and_counts_what_was_written(tmp_path):
    with running(tmp_path / "log", counts="pieces", pace=0.01) as server:
        settings = settings_for(server.url, timeout_seconds=0.8)
        [found], _ = extract(tmp_path, settings, [document(3, n_pairs=40)])
        sent = [entry["completion_tokens"] for entry in server.requests()]
    assert (found.status, found.reason) == ("pairs", "time-out")
    assert 0 < len(found.pairs) < 40
    rows = entries(tmp_path, "outcome, reason, completion_tokens")
    assert [row[:2] for row in rows] == [("unusable", "time-out")] * 2
    assert all(abs(row[2] - n) <= 2 for row, n in zip(rows, sent, strict=True))


def test_cut_connection_counts_no_less_than_the_server_has_sent(tmp_path):
    with running(tmp_path / "log", faults=1, kinds=["cut"]) as server:
        [found], _ = extract(tmp_path, settings_for(server.url), [document(4, n_pairs=9)])
        sent = [entry["completion_tokens"] for entry in server.requests()]
    assert found.reason == "connection cut"
    written = [n for (n,) in entries(tmp_path, "completion_tokens")]
    assert all(counted >= n > 0 for counted, n in zip(written, sent, strict=True))


STOPPED_IN_THE_MIDDLE = """
import sys
from pathlib import Path
from equal_assets_tests.resources.llm.test_following import document, extract, settings_for
extract(Path(sys.argv[1]), settings_for(sys.argv[2]), [document(5, "LOOP", n_pairs=60)])
"""


def test_killed_process_leaves_what_it_had_noted(tmp_path):
    with running(tmp_path / "log", counts="pieces", pace=0.01) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", STOPPED_IN_THE_MIDDLE, str(tmp_path), server.url], cwd=REPOSITORY
        )
        path, deadline = tmp_path / "requests.sqlite", time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(0.05)
            with contextlib.suppress(sqlite3.OperationalError):
                if path.exists() and (entries(tmp_path, "written_at_most") or [(None,)])[0][0]:
                    break
        time.sleep(1.0)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.3)
        [entry] = server.requests()
    with journal(path) as opened:
        assert opened.close_lost() == 1
    [(outcome, reason, written)] = entries(tmp_path, "outcome, reason, completion_tokens")
    assert (outcome, reason) == ("lost", "process was killed")
    assert entry["completion_tokens"] <= written <= entry["completion_tokens"] * 1.5 + 64 < LIMIT


def test_server_that_somebody_charges_for_is_not_left_unless_told_and_then_paid_in_full(tmp_path):
    priced = {"completion_price": 2.0, "prompt_price": 1.0, "max_reply_tokens": 300}
    with running(tmp_path / "log", pace=0.003) as server:
        settings = settings_for(server.url, **priced)
        [found], _ = extract(tmp_path, settings, [document(6, "LOOP")])
        assert found.reason == "reply cut off at max_reply_tokens, going round in a loop"
        [found], _ = extract(
            tmp_path, settings_for(server.url, stream=True, **priced), [document(7, "LOOP")]
        )
        assert found.reason == LOOPS
        whole, left = server.requests()
    assert "stream" not in whole["fields"]
    assert left["completion_tokens"] < 300
    assert [row for (row,) in entries(tmp_path, "completion_tokens")] == [300, 300]
    assert entries(tmp_path, "max(written_at_most)") == [(None,)]


def test_server_that_refuses_to_stream_is_asked_as_before_and_that_is_told(tmp_path, caplog):
    with running(tmp_path / "log", no_streams=True) as server:
        found, _ = extract(tmp_path, settings_for(server.url), [document(8), document(9)])
        statuses = [entry["status"] for entry in server.requests()]
    assert [one.status for one in found] == ["pairs", "pairs"]
    assert statuses.count(200) == 2
    assert 1 <= statuses.count(400) <= 2
    assert "refuses to stream (" in caplog.text
    assert {outcome for (outcome,) in entries(tmp_path, "outcome")} == {"answered"}


def test_tokens_are_counted_in_pieces_where_the_server_counts_none(tmp_path):
    with running(tmp_path / "log", counts="none") as server:
        extract(tmp_path, settings_for(server.url), [document(10)])
        [entry] = server.requests()
    [(written,)] = entries(tmp_path, "completion_tokens")
    assert written == entry["completion_tokens"]

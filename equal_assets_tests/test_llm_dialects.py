"""Documents through the extractor from servers that answer otherwise than OpenAI's does."""

import sqlite3
from contextlib import closing

import pytest

from equal_assets.errors import ExtractionError
from equal_assets.progress import silent
from equal_assets.records import Document
from equal_assets.resources.extraction.extractors import Order, build_extractor
from equal_assets.resources.extraction.store import extract_through_store
from equal_assets.resources.llm import requests as llm_requests
from equal_assets.resources.llm.spending import Allowance
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import OpenAISettings
from equal_assets_tests.llm_server import MODEL, document_text, running

PAIRS = [
    ("What is the square of the integer 17?", "The square of the integer 17 is 289."),
    ("What is the cube of the integer 17?", "The cube of the integer 17 is 4913."),
]


def settings_for(server, **more):
    return OpenAISettings(
        backend="openai",
        base_urls=[server.url],
        model=MODEL,
        refine=False,
        **{"timeout_seconds": 5.0, "concurrency": 4, **more},
    )


def documents(*numbers):
    return [Document(f"d{n}", document_text(n), "s", "f", n) for n in numbers]


def extract(folder, settings, asked):
    """Return what came out of documents, and how the caps were charged."""
    with closing(build_extractor(settings, folder)) as extractor:
        order = Order(payer="a|round-001", run="r", allowance=Allowance())
        return list(extractor.extract(asked, order)), order.allowance


def entries(folder, columns="outcome, reason"):
    with closing(sqlite3.connect(folder / "requests.sqlite")) as opened:
        return opened.execute(f"select {columns} from requests").fetchall()


def billed(server):
    return sum(
        entry["prompt_tokens"] + entry["completion_tokens"]
        for entry in server.requests()
        if entry["billed"]
    )


@pytest.fixture
def serve(tmp_path):
    """Return a context with a server that speaks a dialect."""

    def start(kind, **more):
        return running(tmp_path / f"{kind}.jsonl", faults=1, kinds=kind, **more)

    return start


@pytest.mark.parametrize(
    "kind",
    ["parts", "object", "close_think", "harmony", "fenced", "stream", "one_bad", "string_counts"],
)
def test_reply_in_another_form_is_read_and_paid_for_once(serve, tmp_path, kind):
    with serve(kind) as server:
        [found], allowance = extract(tmp_path, settings_for(server), documents(17))
        assert (found.status, found.reason) == ("pairs", None)
        assert [(pair.question, pair.answer) for pair in found.pairs] == PAIRS
        assert len(server.requests()) == 1
        assert allowance.paid.tokens == billed(server)
    assert entries(tmp_path) == [("answered", None)]


def test_number_is_an_answer(serve, tmp_path):
    with serve("numbers") as server:
        [found], _ = extract(tmp_path, settings_for(server), documents(17))
    assert [(pair.question, pair.answer) for pair in found.pairs] == [
        (PAIRS[0][0], "289"),
        (PAIRS[1][0], "4913"),
    ]


def test_bad_pair_is_on_record(serve, tmp_path):
    with serve("one_bad") as server:
        [found], _ = extract(tmp_path, settings_for(server), documents(17))
    assert [(bad.question, bad.reason) for bad in found.rejected] == [
        ("Q?", "empty question or answer")
    ]


def test_tokens_that_a_server_does_not_count_are_booked_at_their_maximum(serve, tmp_path):
    with serve("no_usage") as server:
        [found], allowance = extract(tmp_path, settings_for(server), documents(17))
    assert found.status == "pairs"
    [(read, written)] = entries(tmp_path, "prompt_tokens, completion_tokens")
    assert written == 2048
    assert allowance.paid.tokens == read + written


NO_REPLY = {
    "reasoning": (
        "the reply came as reasoning, its content is empty (turn thinking off in "
        "extractor.extra_body, or the server's reasoning parser)",
        1,
    ),
    "reasoning_cut": (
        "reply cut off at max_reply_tokens, while it was reasoning (raise it, or turn thinking off "
        "in extractor.extra_body)",
        1,
    ),
    "filter": ("the server's content filter stopped the reply", 1),
    "no_message": ("no message in the response: its choice has index, text, finish_reason", 1),
    "refusal": ("the model refuses: I cannot help with that.", 2),
    "tool_call": ("the model calls a tool instead of replying: search", 2),
}


@pytest.mark.parametrize("kind", NO_REPLY)
def test_paid_reply_that_is_none_has_a_name_and_is_not_paid_for_five_times(serve, tmp_path, kind):
    reason, n_sent = NO_REPLY[kind]
    with serve(kind) as server:
        [found], allowance = extract(tmp_path, settings_for(server), documents(17))
        assert (found.status, found.reason) == ("failed", reason)
        assert len(server.requests()) == found.usage.n_tries == n_sent
        assert allowance.paid.tokens == billed(server)
    told = f"{reason} [2048]" if kind == "reasoning_cut" else reason
    assert entries(tmp_path) == [("unusable", told)] * n_sent


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("error_word", "error in the response: model is loading"),
        ("choice_error", "error in the response: upstream ended"),
    ],
)
def test_error_in_a_response_of_success_is_tried_again_and_costs_nothing(
    serve, tmp_path, monkeypatch, kind, reason
):
    monkeypatch.setattr(llm_requests, "_backoff_seconds", lambda n_tries: 0.0)
    with serve(kind) as server:
        [found], allowance = extract(tmp_path, settings_for(server, max_tries=2), documents(17))
    assert (found.status, found.reason) == ("failed", reason)
    assert entries(tmp_path) == [("refused", reason)] * 2
    assert allowance.paid.tokens == 0


def test_limit_of_requests_in_a_response_of_success_is_waited_for(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(llm_requests, "PATIENCE_TRIES", 2)
    with serve("error_rate") as server:
        [found], allowance = extract(tmp_path, settings_for(server), documents(17))
    assert found.reason == "error in the response: Provider: too many requests"
    assert len(entries(tmp_path)) == 2
    assert allowance.paid.tokens == 0


@pytest.mark.parametrize("kind", ["quota", "payment"])
def test_account_without_money_ends_the_run_at_once_with_what_to_do(serve, tmp_path, kind):
    with serve(kind) as server:
        with pytest.raises(ExtractionError, match="has no quota or money left") as told:
            extract(tmp_path, settings_for(server, concurrency=1), documents(*range(20)))
        assert len(server.requests()) == 1
    assert "raise its quota or name another key" in str(told.value)
    assert all(outcome == "refused" for outcome, _ in entries(tmp_path))


def test_chunks_in_flight_when_the_money_is_spent_are_booked_as_they_end(serve, tmp_path):
    text = document_text(17, n_pairs=4, size=2000)
    with serve("quota", dialect_after=2, latency=0.2) as server:
        settings = settings_for(server, chunk_characters=700, chunk_overlap_characters=0)
        with pytest.raises(ExtractionError, match="no quota or money left"):
            extract(tmp_path, settings, [Document("d", text, "s", "f", 1)])
        paid = billed(server)
    assert {outcome for outcome, _ in entries(tmp_path)} == {"answered", "refused"}
    assert entries(tmp_path, "sum(prompt_tokens + completion_tokens)") == [(paid,)]


REFUSED = {
    "no_max_tokens": (
        {"limit_field": "max_completion_tokens"},
        "HTTP 400: Unsupported parameter: 'max_tokens'; use 'max_completion_tokens' instead "
        "(under `extractor`, set limit_field: max_completion_tokens)",
    ),
    "no_seed": (
        {"seed": None},
        "HTTP 422: body.seed: Extra inputs are not permitted (under `extractor`, set seed: null)",
    ),
    "reasoning_model": (
        {"limit_field": "max_completion_tokens", "temperature": None, "top_p": None},
        "HTTP 400: Unsupported parameter: 'max_tokens'; not with this model "
        "(under `extractor`, set limit_field: max_completion_tokens)",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_field_that_a_server_refuses_is_told_with_the_key_that_leaves_it_out(serve, tmp_path, kind):
    change, reason = REFUSED[kind]
    with serve(kind) as server:
        [found], allowance = extract(tmp_path, settings_for(server), documents(17))
        assert (found.status, found.reason) == ("failed", reason)
        assert allowance.paid.tokens == 0
        [mended], _ = extract(tmp_path, settings_for(server, **change), documents(17))
        assert mended.status == "pairs"


def test_key_that_cannot_be_sent_costs_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TEST_KEY", "sk-abc\r")
    with running(tmp_path / "log.jsonl") as server:
        settings = settings_for(server, api_key_variable="TEST_KEY")
        with pytest.raises(Exception, match="TEST_KEY ends in a carriage return"):
            extract(tmp_path, settings, documents(1, 2))
    assert entries(tmp_path) == []


def test_more_fields_and_headers_are_sent_and_secrets_stand_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("TEAM_SECRET", "sk-of-the-team")
    body = {"chat_template_kwargs": {"enable_thinking": False}}
    with running(tmp_path / "log.jsonl") as server:
        settings = settings_for(
            server,
            temperature=None,
            seed=None,
            stream=False,
            extra_body=body,
            headers={"api-key": "${TEAM_SECRET}", "X-Team": "blue"},
        )
        extract(tmp_path, settings, documents(17))
        [entry] = server.requests()
    fields = {"model": MODEL, "max_tokens": 2048, "top_p": 1.0, **body}
    assert entry["fields"] == fields
    assert entry["custom"] == {"api-key": "sk-of-the-team", "x-team": "blue"}
    assert not entry["authorization"]  # the header holds the key
    assert "sk-of-the-team" not in settings.model_dump_json()
    stored = list(tmp_path.glob("requests.sqlite*"))
    assert not [path for path in stored if b"sk-of-the-team" in path.read_bytes()]


def test_more_fields_decide_the_pairs_and_headers_do_not(tmp_path):
    base = OpenAISettings(backend="openai", base_urls=["http://h/v1"], model="m")
    same = base.model_copy(update={"headers": {"X-Team": "blue"}})
    other = base.model_copy(update={"extra_body": {"reasoning_effort": "low"}})
    assert same.identity() == base.identity()
    assert other.identity() == {**base.identity(), "extra_body": {"reasoning_effort": "low"}}
    assert not {"extra_body", "headers"} & set(base.identity())  # as before there were any


# ---- what failed, through the store --------------------------------------------------------------


def through_store(folder, settings, asked, *, asked_by="warm-up"):
    with closing(build_extractor(settings, folder)) as extractor:
        stored = extract_through_store(
            Warehouse(database=str(folder / "warehouse.duckdb")),
            extractor,
            asked,
            asked_by=asked_by,
            progress=silent,
        )
    return dict(stored.select("document_id", "status").rows())


def test_what_failed_before_a_reply_is_asked_again_by_the_next_run(serve, tmp_path):
    with serve("no_max_tokens") as server:
        asked, wrong = documents(1, 2), settings_for(server)
        assert set(through_store(tmp_path, wrong, asked).values()) == {"failed"}
        mended = settings_for(server, limit_field="max_completion_tokens")
        assert set(through_store(tmp_path, mended, asked).values()) == {"pairs"}
        assert len(server.requests()) == 4
        assert set(through_store(tmp_path, mended, asked).values()) == {"pairs"}
        assert len(server.requests()) == 4  # all is stored


def test_reply_that_was_none_is_not_paid_for_again_by_the_next_run(serve, tmp_path):
    with serve("reasoning") as server:
        for _ in range(2):
            found = through_store(tmp_path, settings_for(server), documents(1, 2))
            assert set(found.values()) == {"failed"}
        assert len(server.requests()) == 2


def test_reply_that_was_cut_off_is_asked_again_once_it_may_be_longer(tmp_path):
    with running(tmp_path / "log.jsonl") as server:
        short, long = (settings_for(server, max_reply_tokens=n) for n in (16, 400))
        for settings, status, n_sent in (
            (short, "failed", 1),
            (short, "failed", 1),
            (long, "pairs", 2),
            (long, "pairs", 2),
        ):
            assert through_store(tmp_path, settings, documents(17)) == {"d17": status}
            assert len(server.requests()) == n_sent


def test_what_a_round_has_is_left_to_retry(serve, tmp_path):
    with serve("no_seed") as server:
        asked, wrong = documents(1), settings_for(server)
        through_store(tmp_path, wrong, asked, asked_by="c|round-001")
        with closing(build_extractor(wrong, tmp_path)) as extractor:
            key = {"hash": asked[0].content_hash, "extractor": extractor.fingerprint}
        with Warehouse(database=str(tmp_path / "warehouse.duckdb")).get_connection() as connection:
            connection.execute(
                "insert into bandit_documents (campaign, round, pull, document_id, cluster, "
                "content_hash, extractor, status) "
                "values ('c', 1, 0, 'd1', 0, $hash, $extractor, 'failed')",
                key,
            )
        assert through_store(tmp_path, wrong, asked) == {"d1": "failed"}
        assert len(server.requests()) == 1


def test_requests_before_the_money_is_spent_are_kept(serve, tmp_path):
    with serve("quota", dialect_after=3) as server:
        settings = settings_for(server, concurrency=1)
        with pytest.raises(ExtractionError, match="no quota or money left"):
            through_store(tmp_path, settings, documents(*range(10)))
        paid = billed(server)
    assert entries(tmp_path, "outcome") == [("answered",)] * 3 + [("refused",)]
    assert entries(tmp_path, "sum(prompt_tokens + completion_tokens)") == [(paid,)]

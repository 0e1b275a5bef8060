"""The client against a real server on loopback that refuses, stalls and cuts."""

import asyncio
import logging
import socket
import time
from collections import Counter
from contextlib import ExitStack, asynccontextmanager
from itertools import pairwise

import pytest

from equal_assets.errors import ExtractionError
from equal_assets.resources.llm import openai_client
from equal_assets.resources.llm.llm import Completion, TryFailedError
from equal_assets.resources.llm.openai_client import Endpoint, OpenAIClient
from equal_assets.settings import OpenAISettings
from equal_assets_tests.llm_server import MODEL, document_text, running

SCHEMA = {"type": "object", "properties": {"pairs": {"type": "array"}}}
KEY = "sk-test-0123456789"


def server_settings(*urls, **more):
    given = {"backend": "openai", "model": MODEL, "timeout_seconds": 5.0, **more}
    return OpenAISettings(base_urls=list(urls), **given)


def prompt(number):
    return f"Reply in JSON.\n<document>\n{document_text(number)}\n</document>"


@asynccontextmanager
async def started(settings):
    client = OpenAIClient(settings)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


def said(text):
    return ({"role": "user", "content": text},)


async def complete(client, text, *, seed=0):
    async with client.room() as place:
        return await client.complete(place, said(text), SCHEMA, seed=seed)


def ask(settings, *prompts):
    """Ask all at once; return completions, or what was raised instead of them."""

    async def asking():
        async with started(settings) as client:
            asked = (complete(client, text, seed=n) for n, text in enumerate(prompts))
            return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(asking())


@pytest.fixture
def serve(tmp_path):
    """Return a function that starts a server with the given faults."""
    with ExitStack() as stack:
        numbers = iter(range(100))

        def start(**options):
            log = tmp_path / f"log-{next(numbers)}.jsonl"
            return stack.enter_context(running(log, **options))

        yield start


def test_completion_says_what_was_written_and_what_it_took(serve):
    server = serve()
    [completion] = ask(server_settings(server.url), prompt(17))
    assert isinstance(completion, Completion)
    assert "The square of the integer 17 is 289." in completion.text
    assert not completion.is_cut_off
    [entry] = server.requests()
    assert completion.prompt_tokens == entry["prompt_tokens"]
    assert completion.completion_tokens == entry["completion_tokens"]


@pytest.mark.parametrize("limit_field", ["max_tokens", "max_completion_tokens"])
def test_reply_at_the_limit_of_tokens_is_cut_off(serve, limit_field):
    server = serve()
    settings = server_settings(server.url, max_reply_tokens=16, limit_field=limit_field)
    [completion] = ask(settings, prompt(17))
    assert completion.is_cut_off
    assert completion.completion_tokens == 16


@pytest.mark.parametrize(
    ("kind", "reasons", "outcome", "next_step"),
    [
        ("error", {"HTTP 500"}, "refused", "again"),
        ("rate", {"HTTP 429"}, "refused", "wait"),
        ("timeout", {"time-out"}, "lost", "again"),
        ("cut", {"connection cut"}, "lost", "again"),
    ],
)
def test_fault_is_named_with_what_it_costs_and_what_to_do(serve, kind, reasons, outcome, next_step):
    server = serve(faults=1, kinds=kind)
    found = ask(server_settings(server.url, timeout_seconds=0.5), *map(prompt, range(4)))
    assert {type(error) for error in found} == {TryFailedError}
    assert {error.reason for error in found} == reasons
    assert {error.outcome for error in found} == {outcome}
    assert {error.next_step for error in found} == {next_step}


def test_body_that_is_no_completion_is_named_and_nobody_knows_its_charge(serve):
    server = serve(faults=1, kinds="garbage")
    found = ask(server_settings(server.url), *map(prompt, range(16)))
    failed = [error for error in found if isinstance(error, TryFailedError)]
    assert 0 < len(failed) < 16  # the others hold garbage in the envelope of a completion
    told = {(e.reason.partition(":")[0], e.outcome) for e in failed}
    assert {name for name, _ in told} <= {
        "response is no completion",
        "response is no completion (a web page)",
    }
    assert {outcome for _, outcome in told} == {"lost"}
    assert all(isinstance(other, Completion) for other in found if other not in failed)


def test_answer_without_choices_is_empty_and_its_tokens_count(serve):
    server = serve(faults=1, kinds="empty")
    [completion] = ask(server_settings(server.url), prompt(3))
    assert completion.text == ""
    assert completion.prompt_tokens > 0


def test_slow_stream_is_waited_for(serve):
    server = serve(faults=1, kinds="slow")
    [completion] = ask(server_settings(server.url), prompt(17))
    assert "289" in completion.text


def test_wrong_key_stops_everything_and_stands_in_no_message(serve, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    server = serve(key="the-right-one")
    monkeypatch.setenv("TEST_KEY", KEY)
    [error] = ask(server_settings(server.url, api_key_variable="TEST_KEY"), prompt(1))
    assert isinstance(error, ExtractionError)
    assert "refuses the key in TEST_KEY (HTTP 401)" in str(error)
    [without] = ask(server_settings(server.url), prompt(1))
    assert "refuses a request without a key" in str(without)
    assert KEY not in caplog.text + str(error) + repr(error.__cause__)


def test_right_key_is_sent(serve, monkeypatch):
    server = serve(key=KEY)
    monkeypatch.setenv("TEST_KEY", KEY)
    [completion] = ask(server_settings(server.url, api_key_variable="TEST_KEY"), prompt(1))
    assert isinstance(completion, Completion)


def test_key_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("TEST_KEY", raising=False)
    settings = server_settings("http://127.0.0.1:9/v1", api_key_variable="TEST_KEY")
    with pytest.raises(Exception, match="the environment variable TEST_KEY is not set"):
        ask(settings, prompt(1))


def test_unknown_model_stops_everything(serve):
    server = serve()
    [error] = ask(server_settings(server.url, model="gpt-none"), prompt(1))
    assert isinstance(error, ExtractionError)
    assert "has no model 'gpt-none'" in str(error)


def test_server_that_is_not_there_is_unreachable_and_not_charged():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    [error] = ask(server_settings(url), prompt(1))
    assert error.reason == f"{url} cannot be reached"
    assert (error.outcome, error.next_step) == ("refused", "unreachable")


def test_server_that_asks_for_patience_is_left_alone_so_long(serve):
    server = serve(faults=1, kinds="rate")

    async def asking():
        async with started(server_settings(server.url)) as client:
            for _ in range(6):
                with pytest.raises(TryFailedError):
                    await complete(client, prompt(1))

    asyncio.run(asking())
    times = [entry["time"] for entry in server.requests()]
    waits = [after - before for before, after in pairwise(times)]
    assert min(waits) >= 0.19  # Retry-After is 0.2 or 1


def test_load_falls_to_what_a_server_takes_and_all_are_answered(serve):
    server = serve(capacity=8, latency=0.05)
    settings = server_settings(server.url, concurrency=64)

    async def asking():
        async with started(settings) as client:

            async def until_answered(text):
                for _ in range(200):
                    try:
                        return await complete(client, text)
                    except TryFailedError as error:
                        refusals.add(error.reason)
                raise AssertionError("never answered")

            return await asyncio.gather(*(until_answered(prompt(n)) for n in range(400)))

    refusals = set()
    assert len(asyncio.run(asking())) == 400
    assert refusals == {"HTTP 429"}
    statuses = [entry["status"] for entry in server.requests()]
    assert statuses.count(200) == 400
    assert statuses[-200:].count(429) < 60  # of the first 64 at once, 56 are


def test_load_is_spread_over_servers(serve):
    servers = [serve(latency=0.02) for _ in range(3)]
    settings = server_settings(*(server.url for server in servers), concurrency=12)
    found = ask(settings, *map(prompt, range(120)))
    assert all(isinstance(completion, Completion) for completion in found)
    counts = [len(server.requests()) for server in servers]
    assert sum(counts) == 120
    assert min(counts) > 25
    assert max(entry["in_progress"] for s in servers for entry in s.requests()) <= 4


def test_server_that_fails_leaves_its_load_to_the_others(serve):
    slow, quick = serve(capacity=0), serve()  # the first refuses everything
    settings = server_settings(slow.url, quick.url, concurrency=8)

    async def asking():
        async with started(settings) as client:

            async def until_answered(text):
                while True:
                    try:
                        return await complete(client, text)
                    except TryFailedError:
                        continue

            return await asyncio.gather(*(until_answered(prompt(n)) for n in range(100)))

    assert len(asyncio.run(asyncio.wait_for(asking(), 20))) == 100
    assert Counter(entry["status"] for entry in quick.requests()) == {200: 100}
    assert len(slow.requests()) < 60


def test_requests_that_are_refused_together_halve_the_load_once():
    endpoint = Endpoint(url="u", client=None, most=64, limit=64.0)
    for _ in range(20):
        endpoint.pause(0.2)
    assert endpoint.limit == 32
    assert 0.1 < endpoint.resume_at - time.monotonic() <= 0.2
    for _ in range(40):
        endpoint.succeeded()
    assert 33 < endpoint.limit < 34


def test_patience_has_a_bound():
    endpoint = Endpoint(url="u", client=None, most=64, limit=64.0)
    endpoint.pause(86_400)
    assert endpoint.resume_at - time.monotonic() <= 120


def test_date_until_which_to_wait_is_read_by_the_servers_clock(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)  # the clock here is wrong
    headers = {
        "retry-after": "Fri, 27 Nov 2026 10:00:07 GMT",
        "date": "Fri, 27 Nov 2026 10:00:00 GMT",
    }
    assert openai_client._retry_after(headers) == 7.0
    headers["date"] = "Fri, 27 Nov 2026 10:01:00 GMT"
    assert openai_client._retry_after(headers) == 0.0
    del headers["date"]
    assert openai_client._retry_after(headers) == openai_client.DEFAULT_PAUSE_SECONDS


def test_chat_goes_on_at_the_server_that_has_read_it_unless_that_is_full(serve):
    urls = [f"http://127.0.0.1:{port}/v1" for port in (9, 10)]
    settings = server_settings(*urls, concurrency=4)

    async def asking():
        async with started(settings) as client:
            async with client.room() as one:
                pass
            async with client.room(one) as again, client.room() as other:
                assert again is one
                assert other is not one
                async with client.room(one) as also, client.room(one) as elsewhere:
                    assert also is one
                    assert elsewhere is other

    asyncio.run(asking())


def test_key_by_which_a_server_knows_a_request_again_is_sent_in_its_header(serve):
    server = serve(idempotent=True)

    async def asking():
        async with started(server_settings(server.url)) as client:
            for key in ("one", "one", None):
                async with client.room() as place:
                    await client.complete(
                        place, said(prompt(17)), SCHEMA, seed=0, idempotency_key=key
                    )

    asyncio.run(asking())
    sent = [(entry["idempotency_key"], entry["billed"]) for entry in server.requests()]
    assert sent == [("one", True), ("one", False), (None, True)]

import asyncio
import json
import signal
import time
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import openai
import pytest

from equal_assets_tests.llm_server import KINDS, MODEL, digest, document_text, running, words

DOCUMENT = document_text(17)
PAIRS = [
    {
        "question": "What is the square of the integer 17?",
        "answer": "The square of the integer 17 is 289.",
    },
    {
        "question": "What is the cube of the integer 17?",
        "answer": "The cube of the integer 17 is 4913.",
    },
]
HTTP_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n"


def prompt(document, *, pairs=None, form='{"pairs": []}'):
    text = f"Read what stands in <document>, reply {form}.\n\n<document>\n{document}\n</document>\n"
    if pairs is None:
        return text
    return f"Mend the <pairs>. {text}\n<pairs>\n{json.dumps({'pairs': pairs})}\n</pairs>\n"


def messages(text):
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]


@asynccontextmanager
async def client(server, *, timeout=5.0, key="secret"):
    opened = openai.AsyncOpenAI(base_url=server.url, api_key=key, timeout=timeout, max_retries=0)
    async with opened:
        yield opened


def ask(server, *texts, at_once=64, model=MODEL, timeout=5.0, key="secret", **options):
    """Ask all, in order; return the completions, or what was raised instead of them."""

    async def asking():
        async with client(server, timeout=timeout, key=key) as opened:
            turns = asyncio.Semaphore(at_once)

            async def one(text):
                async with turns:
                    return await opened.chat.completions.create(
                        model=model, messages=messages(text), **options
                    )

            return await asyncio.gather(*map(one, texts), return_exceptions=True)

    return asyncio.run(asking())


def content(completion):
    return json.loads(completion.choices[0].message.content)


def raw_bytes(server):
    """Return all bytes that a request gets until the server ends the connection."""
    body = json.dumps({"model": MODEL, "messages": messages(prompt(DOCUMENT))}).encode()

    async def reading():
        address = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(HTTP_HEAD % len(body) + body)
        received = await reader.read()
        writer.close()
        return received

    return asyncio.run(asyncio.wait_for(reading(), 5))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    with running(tmp_path_factory.mktemp("server") / "log.jsonl") as server:
        yield server


@pytest.fixture
def faulty(tmp_path):
    """Return a function that starts a server whose every request meets one kind of fault."""
    opened = []

    def start(kind):
        opened.append(running(tmp_path / f"{kind}.jsonl", faults=1, kinds=kind))
        return opened[-1].__enter__()

    yield start
    for server in opened:
        server.__exit__(None, None, None)


def test_reply_holds_the_pairs_that_the_document_states(plain):
    asked = prompt(DOCUMENT)
    [completion] = ask(plain, asked)
    choice = completion.choices[0]
    assert content(completion) == {"pairs": PAIRS}
    assert choice.finish_reason == "stop"
    assert completion.usage.prompt_tokens == words(asked) + 2
    assert completion.usage.completion_tokens == words(choice.message.content)
    assert content(ask(plain, prompt("Nothing to see here."))[0]) == {"pairs": []}


def test_refinement_keeps_the_pairs_but_broken_ones(plain):
    given = [*PAIRS, {"question": "What is left to say?", "answer": "BROKEN"}]
    [completion] = ask(plain, prompt(DOCUMENT, pairs=given))
    assert content(completion) == {"pairs": PAIRS}


def test_judge_scores_every_pair(plain):
    given = [PAIRS[0], {"question": "What is BAD here?", "answer": "This."}]
    [completion] = ask(plain, prompt(DOCUMENT, pairs=given, form='{"scores": [5, 3]}'))
    assert content(completion) == {"scores": [5, 1]}


def test_reply_is_cut_off_on_demand_and_at_the_limit_of_tokens(plain):
    [long] = ask(plain, prompt(f"{DOCUMENT}\nLONG\n"))
    [limited] = ask(plain, prompt(DOCUMENT), max_tokens=5)
    for completion in (long, limited):
        assert completion.choices[0].finish_reason == "length"
        with pytest.raises(json.JSONDecodeError):
            content(completion)
    assert limited.usage.completion_tokens == 5


def test_large_bodies_pass_and_models_are_listed(plain):
    large = document_text(3, n_pairs=400, size=3_000_000)

    async def models():
        async with client(plain) as opened:
            return [model.id async for model in opened.models.list()]

    assert len(content(ask(plain, prompt(large))[0])["pairs"]) == 400
    assert asyncio.run(models()) == [MODEL]


def test_unknown_model_and_wrong_key_are_refused_and_the_key_stays_out_of_the_log(tmp_path):
    with running(tmp_path / "log.jsonl", key="right") as server:
        [wrong_key] = ask(server, "hello", key="wrong")
        [wrong_model] = ask(server, "hello", key="right", model="gpt")
        [answered] = ask(server, "hello", key="right")
        assert isinstance(wrong_key, openai.AuthenticationError)
        assert isinstance(wrong_model, openai.NotFoundError)
        assert content(answered) == {"pairs": []}
        logged = server.requests()
        assert [(entry["status"], entry["billed"]) for entry in logged] == [
            (401, False),
            (404, False),
            (200, True),
        ]
        assert all(entry["authorization"] for entry in logged)
        assert "right" not in server.log.read_text()
        assert "wrong" not in server.log.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_fault_arrives(kind, faulty):
    server = faulty(kind)
    started = time.monotonic()
    timeout = 0.4 if kind == "timeout" else 5.0
    n_asked = 12 if kind in ("error", "rate", "garbage", "shape") else 1
    outcomes = ask(server, *[prompt(DOCUMENT)] * n_asked, timeout=timeout)
    took = time.monotonic() - started

    if kind == "error":
        assert {type(outcome) for outcome in outcomes} == {openai.InternalServerError}
        assert len({str(outcome) for outcome in outcomes}) > 1  # JSON and what proxies write
    elif kind == "rate":
        assert {type(outcome) for outcome in outcomes} == {openai.RateLimitError}
        waits = {outcome.response.headers["retry-after"] for outcome in outcomes}
        assert waits == {"0.2", "1"}
    elif kind == "timeout":
        assert isinstance(outcomes[0], openai.APITimeoutError)
    elif kind == "cut":
        assert isinstance(outcomes[0], openai.APIConnectionError)
        head, _, body = raw_bytes(server).partition(b"\r\n\r\n")
        [length] = [int(line.split()[1]) for line in head.splitlines() if b"-Length" in line]
        assert b"200 OK" in head
        assert len(body) == length // 2
    elif kind == "slow":
        assert content(outcomes[0]) == {"pairs": PAIRS}
        assert took > 0.4
    elif kind == "garbage":
        envelopes = [c for c in outcomes if isinstance(c, openai.types.chat.ChatCompletion)]
        assert 0 < len(envelopes) < len(outcomes)
        for completion in envelopes:
            with pytest.raises(json.JSONDecodeError):
                content(completion)
    elif kind == "shape":
        for completion in outcomes:
            assert content(completion) != {"pairs": PAIRS}
    elif kind == "empty":
        assert outcomes[0].choices == []

    logged = server.requests()
    assert len(logged) == n_asked + (kind == "cut")
    for entry in logged:
        assert entry["fault"] == kind
        assert entry["status"] == {"error": 500, "rate": 429, "timeout": None}.get(kind, 200)
        assert entry["billed"] == (kind not in ("error", "rate", "timeout"))
        assert (entry["completion_tokens"] > 0) == (entry["billed"] and kind != "empty")


def test_replies_and_faults_are_the_same_again(tmp_path):
    seen = []
    for name in ("first", "second"):
        with running(
            tmp_path / name, faults=0.5, kinds=["error", "shape", "garbage"], seed=3
        ) as server:
            outcomes = ask(server, *[prompt(document_text(n)) for n in range(12)], at_once=1)
            texts = [
                o.choices[0].message.content if hasattr(o, "choices") else "" for o in outcomes
            ]
            logged = [{**entry, "time": None} for entry in server.requests()]
            seen.append((texts, logged))
    assert seen[0] == seen[1]
    assert len({entry["fault"] for entry in seen[0][1]}) > 2


def test_log_counts_what_was_asked_and_answered(tmp_path):
    texts = [prompt(document_text(number)) for number in range(64)]
    with running(
        tmp_path / "log.jsonl", faults=0.3, kinds=["error", "rate", "empty"], latency=0.05
    ) as server:
        outcomes = ask(server, *texts)
        logged = {entry["digest"]: entry for entry in server.requests()}
        assert len(server.requests()) == 64
    assert 0 < sum(entry["fault"] is None for entry in logged.values()) < 64
    assert 2 < max(entry["in_progress"] for entry in logged.values()) <= 64
    for text, outcome in zip(texts, outcomes, strict=True):
        entry = logged[digest(messages(text))]
        assert entry["billed"] == (not isinstance(outcome, openai.APIStatusError))
        if entry["billed"]:
            usage = outcome.usage
            assert entry["prompt_tokens"] == usage.prompt_tokens
            assert entry["completion_tokens"] == usage.completion_tokens
        else:
            assert entry["status"] == outcome.status_code


def test_requests_beyond_the_capacity_are_turned_away(tmp_path):
    with running(tmp_path / "log.jsonl", capacity=4, latency=0.5) as server:
        outcomes = ask(server, *[prompt(DOCUMENT)] * 16)
        turned_away = [o for o in outcomes if isinstance(o, openai.RateLimitError)]
        assert len(turned_away) == 12
        assert {o.response.headers["retry-after"] for o in turned_away} == {"0.2"}
        assert sum(entry["billed"] for entry in server.requests()) == 4
        assert content(ask(server, prompt(DOCUMENT))[0]) == {"pairs": PAIRS}


def test_server_ends_quietly_while_a_request_waits(tmp_path, capfd):
    with running(tmp_path / "log.jsonl", faults=1, kinds="timeout") as server:
        [outcome] = ask(server, "hello", timeout=0.1)
        assert isinstance(outcome, openai.APITimeoutError)

        async def hold():
            async with client(server) as opened:
                request = asyncio.create_task(
                    opened.chat.completions.create(model=MODEL, messages=messages("hello"))
                )
                while len(server.requests()) < 2:
                    await asyncio.sleep(0.01)
                server.process.send_signal(signal.SIGTERM)
                with pytest.raises(openai.APIConnectionError):
                    await request

        asyncio.run(hold())
        assert server.process.wait(5) == 0
    assert capfd.readouterr().err == ""


def test_documents_differ_and_state_their_pairs():
    texts = [document_text(number, n_pairs=3, size=900) for number in range(200)]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("Q: ")]
    assert len(set(lines)) == 3 * 200
    assert all(800 < len(text) < 1000 for text in texts)
    assert texts[7] == document_text(7, n_pairs=3, size=900)

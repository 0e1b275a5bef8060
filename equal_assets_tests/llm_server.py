"""An OpenAI-compatible server on loopback that answers by rule and injects faults.

It is a process of its own, so that its clients can be killed, and its log tells what was asked of
it whatever became of them: ``python -m equal_assets_tests.llm_server --log FILE``.
"""

import argparse
import asyncio
import contextlib
import hashlib
import html
import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from equal_assets_tests.llm_dialects import DIALECTS, PAGE

REPOSITORY = Path(__file__).parents[1]
MODEL = "test-model"
KINDS = ("error", "rate", "timeout", "cut", "slow", "garbage", "shape", "empty")
LISTS = ("plain", "bare", "page", "gemini", "other", "none")
"""How the server lists its models."""
COUNTS = ("end", "pieces", "timings", "none")
"""When a stream tells its tokens: at the end, with each piece as vLLM or llama.cpp does, never."""
LARGEST_BODY = 64 * 2**20
LONGEST_HOLD_SECONDS = 30.0
SLOW_PIECES = 10
SLOW_SECONDS = 0.5
PAIR_LINE = re.compile(r"^Q: (.+?) \| A: (.+?)\r?$", re.MULTILINE)
LONG_LINE = re.compile(r"^LONG\r?$", re.MULTILINE)
LOOP_LINE = re.compile(r"^LOOP\r?$", re.MULTILINE)
LOOP = ', {"question": "How does it go on?", "answer": "' + "It goes on and on. " * 2000


# ---- replies -------------------------------------------------------------------------------------


def digest(messages: Any) -> str:
    """Return what the log calls the messages of a request."""
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()[:16]


def words(text: str) -> int:
    """Return the number of tokens of a text: its words."""
    return len(text.split())


def reply_to(chat: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return the reply to a chat and its finish reason; the same for the same chat.

    The last user message with a document is what pairs are taken from; a later one is about the
    pairs between its tags, or those of the message before it.
    """
    users = [_text(m.get("content")) for m in chat if m.get("role") == "user"] or [""]
    prompt = users[-1]
    shown = [block for text in users if (block := _last_block(text, "document")) is not None]
    document = shown[-1] if shown else ""
    pairs = _given_pairs(prompt)
    if pairs is None and _last_block(prompt, "document") is None:
        before = [_text(m.get("content")) for m in chat if m.get("role") == "assistant"]
        pairs = _pairs(before[-1]) if before else None
    if '"rating"' in prompt:
        reply = json.dumps({"rating": min(5, 1 + len(PAIR_LINE.findall(document)))})
    elif pairs is None:
        found = [{"question": q, "answer": a} for q, a in PAIR_LINE.findall(document)]
        reply = json.dumps({"pairs": found}, ensure_ascii=False)
    elif '"scores"' in prompt:
        scores = [1 if "BAD" in str(pair.get("question")) else 5 for pair in pairs]
        reply = json.dumps({"scores": scores})
    else:
        kept = [pair for pair in pairs if pair.get("answer") != "BROKEN"]
        reply = json.dumps({"pairs": kept}, ensure_ascii=False)
    if LOOP_LINE.search(document):
        return reply.removesuffix("]}") + LOOP, "length"
    if LONG_LINE.search(document):
        return reply[: len(reply) // 2], "length"
    return reply, "stop"


def _last_block(text: str, tag: str) -> str | None:
    end = text.rfind(f"</{tag}>")
    start = text.rfind(f"<{tag}>", 0, max(end, 0))
    return None if start < 0 else text[start + len(tag) + 2 : end]


def _given_pairs(prompt: str) -> list[dict] | None:
    block = _last_block(prompt, "pairs")
    return None if block is None else _pairs(block)


def _pairs(block: str) -> list[dict] | None:
    try:
        pairs = json.loads(block)["pairs"]
    except (ValueError, TypeError, KeyError):
        return None
    is_pairs = isinstance(pairs, list) and all(isinstance(pair, dict) for pair in pairs)
    return pairs if is_pairs else None


def _limited(reply: str, finish_reason: str, limit: int | None) -> tuple[str, str]:
    if limit is None or words(reply) <= limit:
        return reply, finish_reason
    ends = [match.end() for match in re.finditer(r"\S+", reply)]
    return reply[: ends[limit - 1] if limit > 0 else 0], "length"


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


# ---- HTTP ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HTTPRequest:
    """A request, read whole."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def keeps_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


@dataclass(frozen=True)
class HTTPResponse:
    """What is sent, and how: whole, ``cut``, ``slow`` or never (``timeout``).

    A stream has the ``pieces`` of its body, one a token after the first.
    """

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: str = "whole"
    pieces: tuple[bytes, ...] = ()

    @property
    def head(self) -> bytes:
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _json_response(status: int, value: Any, **more: Any) -> HTTPResponse:
    return HTTPResponse(status, json.dumps(value).encode(), **more)


def _streamed(envelope: dict, asked: dict, *, counts: str, manner: str) -> HTTPResponse:
    """Return a completion as server-sent events."""
    [choice] = envelope["choices"] or [{"message": {"content": ""}, "finish_reason": "stop"}]
    usage, written = envelope["usage"], re.findall(r"\s*\S+\s*", choice["message"]["content"])
    written[1:] = [piece.lstrip() for piece in written[1:]]

    def event(n: int, *choices: dict, **more: Any) -> bytes:
        read = usage["prompt_tokens"]
        if counts == "pieces" and asked.get("stream_options", {}).get("continuous_usage_stats"):
            more.setdefault("usage", {"prompt_tokens": read, "completion_tokens": n})
        if counts == "timings" and asked.get("timings_per_token"):
            more["timings"] = {"cache_n": read - 1, "prompt_n": 1, "predicted_n": n}
        piece = {"object": "chat.completion.chunk", "usage": None, "choices": choices, **more}
        return f"data: {json.dumps(piece)}\n\n".encode()

    pieces = [event(0, {"index": 0, "delta": {"role": "assistant", "content": ""}})]
    pieces += [
        event(n, {"index": 0, "delta": {"content": said}, "finish_reason": None})
        for n, said in enumerate(written, 1)
    ]
    end = event(len(written), {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]})
    end = end if envelope["choices"] else b""
    if counts != "none" and asked.get("stream_options", {}).get("include_usage"):
        end += event(len(written), usage=usage)
    pieces.append(end + b"data: [DONE]\n\n")
    kind = "text/event-stream"
    return HTTPResponse(200, b"".join(pieces), kind, manner=manner, pieces=tuple(pieces))


def _refusal(status: int, message: str, code: str, **more: Any) -> HTTPResponse:
    error = {"message": message, "type": code, "param": None, "code": code}
    return _json_response(status, {"error": error}, **more)


class BadRequestError(Exception):
    """The bytes on a connection are no request that the server takes."""


async def _read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> HTTPRequest | None:
    """Return the next request of a connection, None after the last."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    try:
        method, target, _ = first.split(" ")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        length = int(headers.get("content-length", "0"))
    except ValueError as error:
        raise BadRequestError("the head of the request cannot be read") from error
    if "transfer-encoding" in headers or not 0 <= length <= LARGEST_BODY:
        raise BadRequestError("a body needs a Content-Length, of 64 MiB at most")
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await reader.readexactly(length)
    return HTTPRequest(method, target.partition("?")[0], headers, body)


# ---- the server ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What becomes of a request for a completion.

    Attributes
    ----------
    fault : str or None
        The kind of fault that was injected.
    completion_tokens : int
        Words that were generated, 0 where nothing was.
    billed : bool
        Whether a real server would have charged for it.
    """

    response: HTTPResponse
    fault: str | None = None
    completion_tokens: int = 0
    billed: bool = False


@dataclass(frozen=True)
class Options:
    """The flags of the command."""

    log: Path
    port: int = 0
    faults: float = 0.0
    kinds: Sequence[str] = KINDS
    latency: float = 0.0
    seed: int = 0
    capacity: int | None = None
    key: str | None = None
    models: str = "plain"
    dialect_after: int = 0
    idempotent: bool = False
    pace: float = 0.0
    counts: str = "end"
    no_streams: bool = False


class FaultyServer:
    """Answers requests; those for completions are numbered, logged and subject to faults."""

    def __init__(self, options: Options):
        self.options = options
        self.n_requests = 0
        self.in_progress = 0
        self._charged: dict[str, Outcome] = {}
        self._log = options.log.open("ab", buffering=0)

    async def serve(self) -> None:
        """Announce the address on standard output and serve until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        server = await asyncio.start_server(
            self._connection, "127.0.0.1", self.options.port, backlog=1024
        )
        port = server.sockets[0].getsockname()[1]
        sys.stdout.write(f"http://127.0.0.1:{port}/v1\n")
        sys.stdout.flush()
        await stop.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            try:
                while request := await _read_request(reader, writer):
                    await self._answer(request, reader, writer)
                    if writer.is_closing() or not request.keeps_alive:
                        break
            except (BadRequestError, asyncio.LimitOverrunError) as error:
                refusal = _refusal(400, str(error), "invalid_request_error")
                writer.write(refusal.head + refusal.body)
        writer.close()

    async def _answer(
        self,
        request: HTTPRequest,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if request.path != "/v1/chat/completions" or request.method != "POST":
            response = self._other(request)
            writer.write(response.head + response.body)
            await writer.drain()
            return
        self.in_progress += 1
        try:
            number = self.n_requests
            outcome = self._decide_and_log(request)
            if self.options.latency and outcome.billed:
                await asyncio.sleep(self.options.latency)
            if outcome.response.pieces and outcome.response.manner != "slow":
                await self._send_pieces(number, outcome.response, writer)
            else:
                await _send(outcome.response, reader, writer)
        finally:
            self.in_progress -= 1
        await writer.drain()

    async def _send_pieces(
        self, number: int, response: HTTPResponse, writer: asyncio.StreamWriter
    ) -> None:
        """Send a stream, each token in its time; log how many were sent if not all are."""
        is_cut, pieces = response.manner == "cut", response.pieces
        pieces = pieces[: len(pieces) // 2] if is_cut else pieces
        writer.write(response.head)
        n_sent = 0
        with contextlib.suppress(ConnectionError):  # its client has left
            for piece in pieces:
                if self.options.pace:
                    await asyncio.sleep(self.options.pace)
                writer.write(piece)
                await writer.drain()
                n_sent += 1
        if n_sent < len(response.pieces):
            written = max(0, n_sent - 1)
            line = {"number": number, "completion_tokens": written, "is_left": not is_cut}
            self._log.write(json.dumps(line).encode() + b"\n")
            writer.transport.abort()

    def _other(self, request: HTTPRequest) -> HTTPResponse:
        if not self._has_key(request):
            return _refusal(401, "Incorrect API key provided.", "invalid_api_key")
        if request.path != "/v1/models":
            return _refusal(404, f"Unknown URL {request.path}.", "not_found")
        if request.method != "GET":
            return _refusal(405, f"{request.path} takes GET.", "method_not_allowed")
        return _listed_models(self.options.models)

    def _has_key(self, request: HTTPRequest) -> bool:
        key = self.options.key
        return key is None or request.headers.get("authorization") == f"Bearer {key}"

    def _decide_and_log(self, request: HTTPRequest) -> Outcome:
        number = self.n_requests
        self.n_requests += 1
        try:
            asked = json.loads(request.body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            asked = {}
        messages = asked.get("messages")
        spoken = [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []
        prompt_tokens = sum(words(_text(message.get("content"))) for message in spoken)
        idempotency_key = request.headers.get("idempotency-key")
        outcome = self._refused(request, asked, spoken) or self._charged.get(idempotency_key or "")
        outcome = outcome or self._completed(asked, spoken, prompt_tokens, number)
        if self.options.idempotent and idempotency_key and outcome.billed:
            again = replace(outcome.response, manner="whole")
            self._charged[idempotency_key] = replace(outcome, response=again, billed=False)
        line = {
            "number": number,
            "time": time.time(),
            "fault": outcome.fault,
            "status": None if outcome.fault == "timeout" else outcome.response.status,
            "digest": digest(messages),
            "prompt_tokens": prompt_tokens,
            "completion_tokens": outcome.completion_tokens,
            "billed": outcome.billed,
            "in_progress": self.in_progress,
            "idempotency_key": idempotency_key,
            "authorization": "authorization" in request.headers,
            "fields": {k: v for k, v in asked.items() if k not in ("messages", "response_format")},
            "custom": {k: v for k, v in request.headers.items() if k in ("api-key", "x-team")},
        }
        self._log.write(json.dumps(line).encode() + b"\n")
        return outcome

    def _refused(self, request: HTTPRequest, asked: dict, spoken: list[dict]) -> Outcome | None:
        if not self._has_key(request):
            return Outcome(_refusal(401, "Incorrect API key provided.", "invalid_api_key"))
        if not spoken or (asked.get("stream") and self.options.no_streams):
            message = "A request needs messages, and stream must not be set."
            return Outcome(_refusal(400, message, "invalid_request_error"))
        if asked.get("model") != MODEL:
            message = f"The model `{asked.get('model')}` does not exist."
            return Outcome(_refusal(404, message, "model_not_found"))
        capacity = self.options.capacity
        if capacity is not None and self.in_progress > capacity:
            retry = {"Retry-After": "0.2"}
            return Outcome(_refusal(429, "Too many requests.", "rate_limit", headers=retry))
        return None

    def _completed(
        self, asked: dict, spoken: list[dict], prompt_tokens: int, number: int
    ) -> Outcome:
        rng = random.Random(f"{self.options.seed}/{number}")
        fault = rng.choice(self.options.kinds) if rng.random() < self.options.faults else None
        if fault in DIALECTS and number < self.options.dialect_after:
            fault = None
        if fault in ("error", "rate", "timeout"):
            return Outcome(_unanswered(fault, rng), fault)
        reply, finish_reason = reply_to(spoken)
        if fault == "garbage":
            reply = rng.choice(
                [
                    reply[: max(1, len(reply) // 2)],
                    "Here are the pairs that I found: {pairs: [question = ",
                    "I am sorry, but nothing came to mind.",
                ]
            )
            reply += f" ({number})"  # of a model that draws: no two are the same
        elif fault == "shape":
            reply = rng.choice(
                [
                    f'{{"items": [1, {number}]}}',
                    f'{{"pairs": "none {number}"}}',
                    f'{{"pairs": [{{"q": {number}}}]}}',
                    f'["pairs", {number}]',
                    f'{{"scores": {{"all": {number}}}}}',
                ]
            )
        elif fault == "empty":
            reply = ""
        limits = [asked.get("max_completion_tokens"), asked.get("max_tokens")]
        limit = min((value for value in limits if isinstance(value, int)), default=None)
        reply, finish_reason = _limited(reply, finish_reason, limit)
        message = {"role": "assistant", "content": reply, "refusal": None}
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        completion_tokens = words(reply)
        envelope = {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": MODEL,
            "choices": [] if fault == "empty" else [choice],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
            },
        }
        if fault in DIALECTS:
            said = DIALECTS[fault](envelope, asked)
            response = HTTPResponse(said.status, said.body, said.content_type)
            return Outcome(response, fault, completion_tokens * said.billed, billed=said.billed)
        response = _json_response(200, envelope, manner=fault or "whole")
        if asked.get("stream"):
            response = _streamed(
                envelope, asked, counts=self.options.counts, manner=fault or "whole"
            )
        if fault == "garbage" and rng.random() < 0.5:
            kind = rng.choice(["application/json", "text/html"])
            body = f"<html><body>{html.escape(reply)}</body></html>".encode()
            response = HTTPResponse(200, body, kind)
        return Outcome(response, fault, completion_tokens, billed=True)


def _listed_models(how: str) -> HTTPResponse:
    names = {"gemini": f"models/{MODEL}", "other": "gpt-4o-2024"}
    listed = [{"id": names.get(how, MODEL), "object": "model"}]
    if how == "page":
        return HTTPResponse(200, PAGE.encode(), "text/html")
    if how == "none":
        return _refusal(404, "Not found.", "not_found")
    return _json_response(200, listed if how == "bare" else {"object": "list", "data": listed})


def _unanswered(fault: str, rng: random.Random) -> HTTPResponse:
    if fault == "rate":
        retry = {"Retry-After": rng.choice(["0.2", "0.2", "0.2", "1"])}
        return _refusal(429, "Rate limit reached.", "rate_limit_exceeded", headers=retry)
    if fault == "timeout":
        return HTTPResponse(504, b"", manner="timeout")
    return rng.choice(
        [
            _refusal(500, "The server had an error.", "server_error"),
            HTTPResponse(500, b"upstream connect error or disconnect", "text/plain"),
            HTTPResponse(500, b"<html><h1>500 Internal Server Error</h1></html>", "text/html"),
        ]
    )


async def _send(
    response: HTTPResponse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Write a response; the last write is followed by no wait, so that it ends the progress."""
    body = response.body
    if response.manner == "timeout":
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reader.read(1), LONGEST_HOLD_SECONDS)
        writer.transport.abort()
    elif response.manner == "cut":
        writer.write(response.head + body[: len(body) // 2])
        await writer.drain()
        writer.transport.abort()
    elif response.manner == "slow":
        size = -(-len(body) // SLOW_PIECES)
        writer.write(response.head)
        for start in range(0, len(body), size):
            await asyncio.sleep(SLOW_SECONDS / SLOW_PIECES)
            await writer.drain()
            writer.write(body[start : start + size])
    else:
        writer.write(response.head + body)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m equal_assets_tests.llm_server")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", type=float, default=0.0, help="share of requests, 0 to 1")
    parser.add_argument("--kinds", type=_kinds, default=KINDS, help=",".join(KINDS))
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--capacity", type=int, default=None, help="requests in progress")
    parser.add_argument("--key", default=None, help="the bearer token that requests need")
    parser.add_argument("--models", choices=LISTS, default="plain", help="how they are listed")
    parser.add_argument(
        "--dialect-after", type=int, default=0, help="requests before those of a dialect"
    )
    parser.add_argument(
        "--idempotent", action="store_true", help="charge once what has the same Idempotency-Key"
    )
    parser.add_argument("--pace", type=float, default=0.0, help="seconds between pieces")
    parser.add_argument("--counts", choices=COUNTS, default="end", help="of tokens in streams")
    parser.add_argument("--no-streams", action="store_true", help="refuse to stream")
    options = Options(**vars(parser.parse_args()))
    asyncio.run(FaultyServer(options).serve())


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    if unknown := set(kinds) - set(KINDS) - set(DIALECTS):
        raise argparse.ArgumentTypeError(f"no such kinds: {', '.join(sorted(unknown))}")
    return kinds


# ---- for tests -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LLMServer:
    """A server that runs."""

    url: str
    log: Path
    process: subprocess.Popen

    def requests(self) -> list[dict]:
        """Return the log: one entry for each request for a completion, in order of arrival.

        Of a stream that was left or cut, it has the tokens that were sent.
        """
        lines = self.log.read_bytes().splitlines(keepends=True)
        found: dict[int, dict] = {}
        for line in (json.loads(line) for line in lines if line.endswith(b"\n")):
            found[line["number"]] = found.get(line["number"], {}) | line
        return list(found.values())


@contextmanager
def running(log: Path, **options: Any) -> Iterator[LLMServer]:
    """Run the command with options as flags, such as ``faults=0.3, kinds=["cut", "slow"]``."""
    flags = []
    for name, value in options.items():
        if value is True:
            flags.append(f"--{name.replace('_', '-')}")
        elif value is not None and value is not False:
            text = ",".join(value) if isinstance(value, (list, tuple)) else str(value)
            flags.append(f"--{name.replace('_', '-')}={text}")
    process = subprocess.Popen(
        [sys.executable, "-m", "equal_assets_tests.llm_server", f"--log={log.resolve()}", *flags],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError(f"the server did not start: exit status {process.wait(5)}")
        yield LLMServer(url, log, process)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def document_text(number: int, *, n_pairs: int = 2, size: int = 400) -> str:
    """Return English prose about a number, of about a size, with lines that state pairs.

    No two documents share a question. A document is longer than its size where its pairs are.
    """
    pairs = [_fact(number, index) for index in range(n_pairs)]
    lines = [f"Q: {question} | A: {answer}" for question, answer in pairs]
    n_left = size - sum(len(line) + 2 for line in lines)
    rng = random.Random(f"document {number}")
    sentences = [f"This is what a patient reader can find out about the integer {number}."]
    n_left -= len(sentences[0]) + 1
    while n_left > 0:
        sentences.append(_sentence(number, rng))
        n_left -= len(sentences[-1]) + 1
    n_paragraphs = len(lines) + 1
    parts = []
    for index in range(n_paragraphs):
        start = -(-index * len(sentences) // n_paragraphs)
        end = -(-(index + 1) * len(sentences) // n_paragraphs)
        parts += [" ".join(sentences[start:end]), *lines[index : index + 1]]
    return "\n\n".join(part for part in parts if part)


def write_squares(folder: Path, texts: Iterable[str]) -> None:
    """Write texts as documents.jsonl, and reference.jsonl and test.jsonl that ask for squares."""
    lines = [json.dumps({"text": text}) for text in texts]
    (folder / "documents.jsonl").write_text("\n".join(lines))
    for name, start in (("reference", 1000), ("test", 2000)):
        pairs = [
            {"question": f"What is the square of the integer {n}?", "answer": f"It is {n * n}."}
            for n in range(start, start + 50)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, pairs)))


def _fact(number: int, index: int) -> tuple[str, str]:
    facts = [
        ("square", number**2),
        ("cube", number**3),
        ("double", 2 * number),
        ("successor", number + 1),
        ("predecessor", number - 1),
    ]
    if index < len(facts):
        name, value = facts[index]
        question = f"What is the {name} of the integer {number}?"
        return question, f"The {name} of the integer {number} is {value}."
    by = index - len(facts) + 3
    question = f"What is the product of the integers {number} and {by}?"
    return question, f"The product of the integers {number} and {by} is {by * number}."


def _sentence(number: int, rng: random.Random) -> str:
    by = rng.randint(3, 99)
    quotient, left = divmod(number, by)
    return rng.choice(
        [
            f"When {number} is divided by {by}, the quotient is {quotient} and {left} is left.",
            f"Somebody who counts on from {number} reaches {number + by} after {by} steps.",
            f"The sum of {number} and {by} is {number + by}, and the order does not matter.",
            f"If {by} is taken away from {number}, what remains is {number - by}.",
            f"A box with {by} rows of {number} apples holds {number * by} apples in all.",
            f"Written next to each other, {number} and {by} look like one longer number.",
            f"Half an hour with a pencil and some paper is enough to add up {by} such numbers.",
            f"It is a good habit to check a result like {number + by} by going backwards.",
            f"A class of {by} pupils learned these rules at school and forgot them soon.",
        ]
    )


if __name__ == "__main__":
    main()

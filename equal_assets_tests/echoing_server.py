"""An LLM server on loopback that repeats what it was sent, as careless servers do.

Each request for a completion is answered in the next of the ways in :data:`WAYS`; all of them hold
the secrets of the request, plain or encoded.
"""

import base64
import html
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

MODEL = "echo"
PATH = "/v1/chat/completions"


def escaped(text: str) -> str:
    """Return a text as JSON may write it: every character by its number."""
    return "".join(f"\\u{ord(character):04x}" for character in text)


def encoded(text: str) -> str:
    """Return a text in base64, with something before it: its bytes begin anywhere in a group."""
    return " ".join(base64.b64encode(b"x" * n + text.encode()).decode() for n in range(3))


def forms(secret: str) -> str:
    """Return a secret in every form that a server may repeat it in."""
    quoted = f"{quote(secret, safe='')} {quote(secret)}"
    return f"{secret} {quoted} {encoded(secret)} {html.escape(secret)} {json.dumps(secret)}"


class EchoingServer(ThreadingHTTPServer):
    """Knows its address, the ways in which it answers, and what it was sent."""

    daemon_threads = True

    def __init__(self, ways: Sequence[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ways = ways
        self.sent: list[str] = []
        self.paths: list[str] = []
        self.n_requests = 0
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def next_way(self) -> str:
        with self.lock:
            self.n_requests += 1
            return self.ways[(self.n_requests - 1) % len(self.ways)]


class _Handler(BaseHTTPRequestHandler):
    server: EchoingServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        secrets = self._secrets()
        listed = {"object": "list", "data": [{"id": MODEL}, {"id": f"of {secrets}"}]}
        if self.server.ways == ["unlisted"]:
            self._send(401, {"error": {"message": f"no: {forms(secrets)}"}})
        else:
            self._send(200, listed)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        secrets = self._secrets(body)
        self.server.paths.append(self.path)
        self.server.sent.append(f"{self.path} {secrets}")
        way = "good" if "redirected" in self.path else self.server.next_way()
        said = forms(secrets)
        match way:
            case "good":
                self._reply(secrets, said)
            case "400" | "401" | "422" | "500":
                self._send(int(way), {"error": {"message": f"no: {said}", "detail": [said]}})
            case "page":
                page = f"<html><body>key: {html.escape(said)}</body></html>"
                self._send(502, page.encode())
            case "escaped":
                self._send(400, f'{{"error": {{"message": "{escaped(secrets)}"}}}}'.encode())
            case "200 with error":
                self._send(200, {"error": {"message": said, "code": 400}})
            case "200 of text":
                self._send(200, f"authorized as {said}".encode())
            case "refusal":
                self._send(200, _completion({"content": None, "refusal": said}))
            case "tool":
                call = {"type": "function", "function": {"name": secrets, "arguments": said}}
                self._send(200, _completion({"content": None, "tool_calls": [call]}))
            case "broken reply":
                self._send(200, _completion({"content": f'{{"pears": "{secrets}"}}'}))
            case "redirect":
                to = f"{PATH}?redirected=1&api_key={quote(secrets, safe='')}"
                self._send(307, b"", Location=to)
            case "elsewhere":
                to = f"http://localhost:{self.server.server_port}{PATH}?redirected=elsewhere"
                self._send(307, b"", Location=to)
            case _:
                raise ValueError(way)

    def _secrets(self, body: dict[str, Any] | None = None) -> str:
        """Return what the request holds that nobody else should read."""
        stated = self.headers.get("authorization", "")
        kind, _, given = stated.partition(" ")
        query = parse_qs(urlsplit(self.path).query)
        found = [
            base64.b64decode(given).decode() if kind == "Basic" else given,
            *(value for name in ("api-key", "key") for value in query.get(name, [])),
            self.headers.get("x-team-key", ""),
            (body or {}).get("team", {}).get("pass", ""),
        ]
        return " ".join(part for part in found if part)

    def _reply(self, secrets: str, said: str) -> None:
        pairs = [
            {"question": f"What is the access code of team {n}, please?", "answer": text}
            for n, text in enumerate((f"It is {secrets} here.", f"Say it encoded: {said}"))
        ]
        self._send(200, _completion({"content": json.dumps({"pairs": pairs})}))

    def _send(self, status: int, body: Any, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        is_page = content.startswith(b"<html")
        self.send_header("Content-Type", "text/html" if is_page else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Echo", self._secrets())
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _completion(message: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
    return {
        "choices": [choice],
        "usage": {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20},
    }


@contextmanager
def echoing(*ways: str) -> Iterator[EchoingServer]:
    """Serve in a thread until the block ends."""
    server = EchoingServer(list(ways))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

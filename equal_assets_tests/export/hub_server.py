"""A small stand-in for the hub: what pushing a data set asks of it, over HTTP."""

import base64
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

TOKEN = "hf_test"


class Hub(BaseHTTPRequestHandler):
    """Remembers repositories and the files that were committed to them."""

    repositories: ClassVar[dict[str, dict]]
    files: ClassVar[dict[str, bytes]]

    def do_GET(self) -> None:
        if self.path == "/stored":
            contents = {name: base64.b64encode(text).decode() for name, text in self.files.items()}
            self._answer({"repositories": self.repositories, "files": contents})
        elif self.path.startswith("/api/datasets/"):
            self._answer({"id": "me/rivers", "sha": "0" * 40, "siblings": []})
        else:
            self._answer({"error": f"not a path of this server: {self.path}"}, status=404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer({"error": "Invalid credentials"}, status=401)
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            asked.setdefault("visibility", "private" if asked.get("private") else "public")
            self.repositories[f"{asked['organization']}/{asked['name']}"] = asked
            self._answer({"url": f"{self._address()}/datasets/me/rivers", "name": "me/rivers"})
        elif self.path.endswith("/preupload/main"):
            files = [
                {**f, "uploadMode": "regular", "shouldIgnore": False}
                for f in json.loads(body)["files"]
            ]
            self._answer({"files": files})
        elif self.path.endswith("/commit/main"):
            self._store(body)
            url = f"{self._address()}/datasets/me/rivers/commit/{'0' * 40}"
            self._answer({"commitUrl": url, "commitOid": "0" * 40, "hookOutput": ""})
        elif self.path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        else:
            self._answer({"error": f"not a path of this server: {self.path}"}, status=404)

    def _store(self, body: bytes) -> None:
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])

    def _answer(self, content: dict, *, status: int = 200) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _address(self) -> str:
        return "http://{}:{}".format(*self.server.server_address)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def hub() -> HTTPServer:
    """Return a server on a free port that has stored nothing yet."""
    handler = type("FreshHub", (Hub,), {"repositories": {}, "files": {}})
    return HTTPServer(("127.0.0.1", 0), handler)

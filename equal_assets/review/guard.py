"""What lets nobody but the reviewer's own browser tab reach the page: address, host, origin."""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 1_000_000
"""Of a request."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Of every reply: nothing but the files of the page runs or is fetched, and no HTML is made."""


class Guard:
    """Refuses every request that does not come from the page itself.

    Parameters
    ----------
    app : ASGIApp
    token : str
        The first part of every path, without which nothing is told.
    port : int
        Of this server: another name in ``Host`` is that of a page that was rebound to it.
    """

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await (refusal or self._app)(scope, receive, answer)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._hosts:
            return PlainTextResponse("this server answers on its own address alone", 421)
        given = scope["path"].lstrip("/").partition("/")[0]
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            return PlainTextResponse("open the address that `equal review` printed", 404)
        if scope["method"] == "GET":
            return None
        is_json = headers.get("content-type", "").partition(";")[0] == "application/json"
        if headers.get("origin") != f"http://{host}" or not is_json:
            return PlainTextResponse("only the page itself may store verdicts", 403)
        length = headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            return PlainTextResponse(f"must be at most {MAX_BYTES:,} bytes", 413)
        return None

"""The server of the page: on this machine alone, until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from equal_assets.errors import ServiceError
from equal_assets.review.app import new_token, review_app
from equal_assets.review.pairs import Reviewing

HOST = "127.0.0.1"


def serve(reviewing: Reviewing, *, port: int | None, tell: Callable[[str], None]) -> None:
    """Serve the page of a review until Ctrl-C.

    Parameters
    ----------
    reviewing : Reviewing
    port : int, optional
        By default any that is free.
    tell : callable
        Given the address, once the server listens.

    Raises
    ------
    ServiceError
        If another server listens on the port.
    """
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port or 0))
        except OSError as error:
            raise ServiceError(
                f"--port = {port}: must be free; another server listens there, or it is not allowed"
            ) from error
        listening.listen()
        token, found = new_token(), listening.getsockname()[1]
        app = review_app(reviewing, token=token, port=found)
        # an access log would hold the token
        config = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False)
        tell(f"http://{HOST}:{found}/{token}/")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])

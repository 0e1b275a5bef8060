"""The address ``/metrics`` of ``equal ui``: how far campaigns are, for Prometheus."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from equal_assets.cli.project import build_extractor, warehouse_file
from equal_assets.pages.metrics import CONTENT_TYPE, CampaignMetrics
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import load_settings

LOCK_SECONDS = 0.5
"""How long the warehouse is waited for: a scrape takes what was read last instead."""


def project_metrics() -> CampaignMetrics:
    """Return the metrics of the project here."""
    warehouse = Warehouse(database=str(warehouse_file()), lock_timeout_seconds=LOCK_SECONDS)
    return CampaignMetrics(load_settings, build_extractor, warehouse, time.monotonic)


@contextmanager
def metrics_served(read: Callable[[], str], *, host: str, port: int) -> Iterator[None]:
    """Serve metrics in a thread until the end of the block.

    Parameters
    ----------
    read : callable
        Returns the text of now.
    host : str
        The address to listen at.
    port : int
    """

    def metrics(_: Request) -> Response:
        return PlainTextResponse(read(), headers={"content-type": CONTENT_TYPE})

    app = Starlette(routes=[Route("/metrics", metrics)])
    config = uvicorn.Config(
        app, host=host, port=port, lifespan="off", log_level="warning", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()

"""`/metrics` of `equal ui`, fetched as Prometheus does."""

import urllib.error
import urllib.request

import pytest

from equal_assets.cli.metrics import metrics_served
from equal_assets.cli.services import free_port, is_free

LOCAL = "127.0.0.1"


def test_metrics_are_served_while_the_block_lasts():
    port = free_port(20_000)
    with metrics_served(lambda: "equal_up 1\n", host=LOCAL, port=port):
        while is_free(port):
            pass
        with urllib.request.urlopen(f"http://{LOCAL}:{port}/metrics", timeout=10) as page:
            assert page.read() == b"equal_up 1\n"
            assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://{LOCAL}:{port}/", timeout=10)
    assert is_free(port)

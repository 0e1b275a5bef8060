"""Servers of `equal ui`: waited for, watched, and ended with all that they started."""

import _thread
import os
import socket
import textwrap
import threading
import time

import psutil
import pytest

from equal_assets.cli.services import address, free_port, is_free, running
from equal_assets.errors import ServiceError

SERVER = """\
import http.server, signal, subprocess, sys
# a worker that ignores Ctrl-C, as one that is busy does
code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"
worker = subprocess.Popen([sys.executable, "-c", code])
print(worker.pid, flush=True)
address, handler = ("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler
http.server.HTTPServer(address, handler).serve_forever()
"""


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A function that runs code as a server."""
    monkeypatch.setattr("equal_assets.cli.services.END_SECONDS", 1.0)
    monkeypatch.setattr("equal_assets.cli.services.START_SECONDS", 20.0)

    def run(code):
        file, port = tmp_path / "server.py", free_port(20_000 + os.getpid() % 20_000)
        file.write_text(textwrap.dedent(code))
        log = tmp_path / "server.log"
        return running("Pages", [str(file), str(port)], port=port, log=log, environment={})

    return run


def test_server_answers_and_nothing_of_it_is_left(server):
    with server(SERVER) as service:
        service.wait_until_it_answers()
        service.require_alive()
        (worker,) = psutil.Process(service.process.pid).children()
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    assert service.process.poll() is not None
    assert is_free(int(service.address.rpartition(":")[2]))


def test_another_ctrl_c_kills_what_the_first_did_not_end(server, monkeypatch):
    monkeypatch.setattr("equal_assets.cli.services.END_SECONDS", 60.0)
    started = time.monotonic()
    with server(SERVER) as service:
        service.wait_until_it_answers()
        (worker,) = psutil.Process(service.process.pid).children()
        threading.Timer(1.0, _thread.interrupt_main).start()  # amid the wait for its end
        with pytest.raises(KeyboardInterrupt):
            service.end()
    assert time.monotonic() - started < 30
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_server_that_ends_is_told_with_the_end_of_its_log(server):
    code = "import sys\nfor n in range(40): print('line', n)\nsys.exit('no database')"
    with server(code) as service, pytest.raises(ServiceError) as told:
        service.wait_until_it_answers()
    said = str(told.value)
    assert f"Pages at {service.address} has ended with exit code 1" in said
    assert said.endswith("no database")
    assert "line 39" in said
    assert "line 20" not in said


def test_server_that_never_answers_is_waited_for_in_bounds(server):
    with server("import time\ntime.sleep(600)") as service:
        started = time.monotonic()
        with pytest.raises(ServiceError, match="does not answer after 1 s"):
            service.wait_until_it_answers(seconds=1)
        assert time.monotonic() - started < 15
    assert service.process.poll() is not None


def test_next_free_port_is_taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        assert not is_free(taken)
        free = free_port(taken)
        assert free > taken
        assert free_port(free, but=(free, None)) > free


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "http://127.0.0.1:3000"),
        ("0.0.0.0", "http://127.0.0.1:3000"),
        ("::", "http://127.0.0.1:3000"),
        ("::1", "http://[::1]:3000"),
        ("llm.example.org", "http://llm.example.org:3000"),
    ],
)
def test_address_is_one_that_a_browser_here_can_open(host, shown):
    assert address(host, 3000) == shown

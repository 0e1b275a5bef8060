"""Servers that `equal ui` starts: each in a session of its own, so that all of it ends with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from equal_assets.errors import ServiceError

HOST = "127.0.0.1"
EVERY_ADDRESS = ("0.0.0.0", "::")
START_SECONDS = 120.0
END_SECONDS = 20.0
POLL_SECONDS = 0.2
LOG_LINES = 15


@dataclass(frozen=True)
class Service:
    """A server that runs.

    Attributes
    ----------
    name : str
    address : str
        Of its pages.
    log : Path
        What it prints.
    process : Popen
        Its first process, which leads the session of all others.
    """

    name: str
    address: str
    log: Path
    process: subprocess.Popen[bytes]

    def wait_until_it_answers(self, seconds: float = START_SECONDS) -> None:
        """Wait for its page.

        Raises
        ------
        ServiceError
            If it ends, or does not answer in time; with the last lines of its log.
        """
        deadline = time.monotonic() + seconds
        while not _answers(self.address):
            self.require_alive()
            if time.monotonic() > deadline:
                raise ServiceError(self._told(f"does not answer after {seconds:.0f} s"))
            time.sleep(POLL_SECONDS)

    def require_alive(self) -> None:
        """Raise a :class:`ServiceError` with the last lines of its log if it has ended."""
        if (code := self.process.poll()) is not None:
            raise ServiceError(self._told(f"has ended with exit code {code}"))

    def end(self) -> None:
        """Ask it to end, as Ctrl-C does; kill what is left after a while, or on another Ctrl-C."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + END_SECONDS
        try:
            while _of_session(self.process.pid) and time.monotonic() < deadline:
                self.process.poll()  # so that it is no zombie of ours
                time.sleep(POLL_SECONDS)
        finally:
            left = _of_session(self.process.pid)
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(left, timeout=END_SECONDS)
            self.process.wait()

    def _told(self, what: str) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        return "\n  ".join([f"{self.name} at {self.address} {what}; {self.log} ends with:", *lines])


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    port: int,
    log: Path,
    environment: Mapping[str, str],
    host: str = HOST,
) -> Iterator[Service]:
    """Run a Python command as a server; none of its processes outlives this.

    Parameters
    ----------
    name : str
        What people call it.
    command : sequence of str
        Arguments for Python.
    port : int
        Where it will listen.
    log : Path
        Overwritten.
    environment : mapping of str to str
        Variables added to the environment of this process.
    host : str
        The address at which it will listen.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches it through `end` alone
        )
    service = Service(name, address(host, port), log, process)
    try:
        yield service
    finally:
        service.end()


def address(host: str, port: int) -> str:
    """Return the address of a page for a browser on this machine."""
    here = HOST if host in EVERY_ADDRESS else host
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


def free_port(first: int, *, but: Collection[int | None] = (), host: str = HOST) -> int:
    """Return the first port from ``first`` on that nothing listens on, none of ``but``."""
    ports = range(first, 65_536)
    return next(port for port in ports if port not in but and is_free(port, host=host))


def is_free(port: int, *, host: str = HOST) -> bool:
    """Tell whether a server could listen on a port; an address of others is free nowhere."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        # as servers do: connections of the one before that are closing do not count
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _of_session(leader: int) -> list[psutil.Process]:
    """Return the processes of a session that are alive."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found

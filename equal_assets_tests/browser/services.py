"""`dagster dev` and an MLflow server over one project, and the end of every process of theirs."""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from equal_assets_tests.project import Project

MARK = "EQUAL_TEST_SERVICES"
"""Variable that the processes hand down: it finds those whose parent has ended, too."""

START_SECONDS = 120
END_SECONDS = 20


@dataclass(frozen=True)
class Services:
    """Addresses of running servers."""

    dagster: str
    mlflow: str
    mark: str

    def environment(self) -> dict[str, str]:
        """Return what the servers are told: where the pages are, and whose processes they are."""
        ports = {"DAGSTER_PORT": _port(self.dagster), "MLFLOW_PORT": _port(self.mlflow)}
        return {**ports, MARK: self.mark}

    def processes(self) -> list[psutil.Process]:
        """Return every process that was started for these servers and is alive."""
        return [process for process in psutil.process_iter() if _mark(process) == self.mark]


@contextmanager
def running_services(
    project: Project, variables: dict[str, str] | None = None
) -> Iterator[Services]:
    """Run both servers over a project, as `make ui` does; none of their processes outlives this.

    Parameters
    ----------
    project : Project
    variables : dict, optional
        More environment for the servers.

    Raises
    ------
    RuntimeError
        If a server ends, or does not answer within :data:`START_SECONDS`; names its log.
    """
    services = Services(_free_address(), _free_address(), uuid.uuid4().hex)
    environment = {**project.environment(), **(variables or {}), **services.environment()}
    started: list[subprocess.Popen] = []
    try:
        for name, address, command in (
            ("mlflow", services.mlflow, _mlflow(services.mlflow)),
            ("dagster", services.dagster, _dagster(services.dagster)),
        ):
            log = project.folder / f"{name}.log"
            started.append(_start(project.folder, command, log, environment))
            _wait_for(address, started[-1], log)
        yield services
    finally:
        _end(services, started)


def _dagster(address: str) -> list[str]:
    return ["-m", "dagster", "dev", "-h", "127.0.0.1", "-p", _port(address)]


def _mlflow(address: str) -> list[str]:
    state = ["--backend-store-uri", "sqlite:///.equal/mlflow.db"]
    state += ["--artifacts-destination", ".equal/mlartifacts", "--workers", "1"]
    return ["-m", "mlflow", "server", *state, "--host", "127.0.0.1", "--port", _port(address)]


def _start(
    folder: Path, command: list[str], log: Path, environment: dict[str, str]
) -> subprocess.Popen:
    with log.open("w") as output:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C on the tests reaches the servers through _end alone
        )


def _wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(address):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(
                f"no server at {address}; {log} ends with\n{log.read_text()[-2000:]}"
            )
        time.sleep(0.2)


def _port(address: str) -> str:
    return address.rpartition(":")[2]


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _end(services: Services, started: list[subprocess.Popen]) -> None:
    """Ask the servers to end, as Ctrl-C does; kill what is left, run workers among it."""
    for server in started:
        server.send_signal(signal.SIGINT)
    _, left = psutil.wait_procs(services.processes(), timeout=END_SECONDS)
    for process in {*left, *services.processes()}:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=END_SECONDS)
    for server in started:
        server.wait(END_SECONDS)


def _free_address() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # ended meanwhile; of another user
        return None

"""`equal ui` over one project, and the end of every process that it starts."""

import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from equal_assets_tests.project import Project

MARK = "EQUAL_TEST_SERVICES"
"""Variable that the processes hand down: it finds those whose parent has ended, too."""

START_SECONDS = 150
END_SECONDS = 45


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
    """Run both servers over a project, as `equal ui` does; none of their processes outlives this.

    Parameters
    ----------
    project : Project
    variables : dict, optional
        More environment for the servers.

    Raises
    ------
    RuntimeError
        If it ends, or has no pages after :data:`START_SECONDS`; with the end of its log.
    """
    services = Services(_free_address(), _free_address(), uuid.uuid4().hex)
    environment = {**project.environment(), **(variables or {}), **services.environment()}
    log = project.folder / "ui.log"
    with log.open("w") as output:
        command = subprocess.Popen(
            [sys.executable, "-m", "equal_assets.cli", "ui"],
            cwd=project.folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C on the tests reaches the servers through _end alone
        )
    try:
        _wait_for(command, log)
        yield services
    finally:
        _end(services, command)


def _wait_for(command: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while "Ctrl-C ends all" not in log.read_text():
        if command.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"no pages; {log} ends with\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


def _port(address: str) -> str:
    return address.rpartition(":")[2]


def _end(services: Services, command: subprocess.Popen) -> None:
    """End the command as Ctrl-C does; kill what is left, run workers among it."""
    command.send_signal(signal.SIGINT)
    _, left = psutil.wait_procs(services.processes(), timeout=END_SECONDS)
    for process in {*left, *services.processes()}:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=END_SECONDS)
    command.wait(END_SECONDS)


def _free_address() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # ended meanwhile; of another user
        return None

"""A project whose runs Dagster keeps in PostgreSQL: pytest -m postgres, with its programs."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from equal_assets_tests.project import Project
from equal_assets_tests.test_recovery import rounds_stored, wait_for

pytestmark = pytest.mark.postgres
SERVER_USER = 65534  # the server refuses to run as root


def program(name: str) -> str:
    found = [shutil.which(name), *map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    return next(path for path in found if path)


@dataclass(frozen=True)
class Server:
    """A server on loopback with its data in a folder."""

    folder: Path
    port: int

    def command(self, *command: str) -> dict:
        user = SERVER_USER if os.getuid() == 0 else None
        return {"args": command, "user": user, "cwd": self.folder, "stdout": subprocess.DEVNULL}

    @contextmanager
    def running(self) -> Iterator[None]:
        options = ("-k", str(self.folder), "-c", "listen_addresses=127.0.0.1", "-p", str(self.port))
        server = subprocess.Popen(
            **self.command(program("postgres"), "-D", "data", *options), stderr=subprocess.DEVNULL
        )
        try:
            wait_for(self.is_ready, seconds=30)
            yield
        finally:
            server.terminate()
            server.wait(30)

    def is_ready(self) -> bool:
        asked = [program("pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, stdout=subprocess.DEVNULL).returncode == 0

    def sql(self, query: str) -> str:
        login = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "dagster", "-d", "postgres"]
        asked = [program("psql"), *login, "-tAc", query]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Server:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # where another user may come in, unlike the folders of tests
    folder = Path("/tmp") / f"equal-postgres-{os.getpid()}"
    folder.mkdir()
    try:
        made = Server(folder, port)
        if os.getuid() == 0:
            os.chown(folder, SERVER_USER, -1)
        options = ("-A", "trust", "-U", "dagster")
        subprocess.run(**made.command(program("initdb"), "-D", "data", *options), check=True)
        yield made
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def project(tmp_path, models, server) -> Project:
    made = Project.make(tmp_path / "project", models=models)
    path = made.folder / "dagster.yaml"
    settings = yaml.safe_load(path.read_text())
    database = {
        "scheme": "postgresql+psycopg2",
        "hostname": "127.0.0.1",
        "port": server.port,
        "db_name": "postgres",
        "username": "dagster",
        "password": "any",
    }
    settings["storage"] = {"postgres": {"postgres_db": database}}
    path.write_text(yaml.safe_dump(settings))
    return made


def test_killed_run_goes_on_and_its_runs_are_in_the_database(project, server):
    with server.running():
        process = project.start("-m", "equal_assets.cli.main", "run", "random")
        try:
            wait_for(lambda: rounds_stored(project) >= 1, seconds=180)
        finally:
            process.kill()
            process.communicate()
        ended = project.equal("run", "random")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        again = project.equal("run", "random")
        assert "Nothing to do" in again.stdout, again.stdout + again.stderr
        assert int(server.sql("select count(*) from runs where status = 'SUCCESS'")) >= 3
        assert server.sql("select count(*) from runs where status = 'STARTED'") == "0"
    assert not (project.folder / ".dagster/storage").exists()


def test_run_without_the_database_ends_with_what_to_do(project, server):
    refused = project.equal("run", "random")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stdout + refused.stderr
    assert f"port {server.port} failed: Connection refused" in refused.stdout
    assert "start it, then `equal run` goes on from there" in refused.stdout


def test_database_that_stops_in_the_middle_ends_the_run_and_it_goes_on(project, server):
    with server.running():
        process = project.start("-m", "equal_assets.cli.main", "run", "random")
        wait_for(lambda: rounds_stored(project) >= 1, seconds=180)
    printed, _ = process.communicate(timeout=180)
    assert process.returncode == 1
    assert "Traceback" not in printed
    assert "start it, then `equal run` goes on from there" in printed
    with server.running():
        ended = project.equal("run", "random")
        assert ended.returncode == 0, ended.stdout + ended.stderr

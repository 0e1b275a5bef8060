"""`equal ui` in a project of its own: both pages, and what is left of it after Ctrl-C."""

import re
import signal
import socket
import time
import urllib.request

import psutil
import pytest
import yaml

from equal_assets.cli.services import is_free
from equal_assets_tests.project import REPOSITORY, Project

WAIT_SECONDS = 150
FALSE_ALARMS = ("SupersessionWarning", "temporary directory", "DAGSTER_HOME")


def free_ports():
    with socket.socket() as one, socket.socket() as other:
        for listener in (one, other):
            listener.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def scraped(log):
    """Return what Prometheus gets at the address that was printed."""
    address = re.search(r"^metrics +(\S+)$", log.read_text(), re.MULTILINE)[1]
    with urllib.request.urlopen(address, timeout=30) as page:
        return page.read().decode()


def descendants(process):
    return psutil.Process(process.pid).children(recursive=True)


def wait_for(process, log, text):
    deadline = time.monotonic() + WAIT_SECONDS
    while text not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ending", "name"), [(signal.SIGINT, "project"), (signal.SIGTERM, "project [v2]")]
)
def test_pages_are_served_and_end_with_the_command(ending, name, tmp_path, models):
    project = Project.make(tmp_path / name, models=models)
    log = tmp_path / "ui.log"
    ports = free_ports()
    options = ("--port", str(ports[0]), "--mlflow-port", str(ports[1]))
    with log.open("w") as output:
        process = project.start("-m", "equal_assets.cli", "ui", *options, log=output)
    try:
        wait_for(process, log, "Ctrl-C ends all")
        for port in ports:
            assert f"http://127.0.0.1:{port}" in log.read_text()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=30) as page:
                assert page.status == 200
        said = scraped(log)
        assert "equal_up 1\n" in said
        assert 'equal_campaign_documents{campaign="equal"} 0\n' in said
        started = descendants(process)
        mlflow = [p for p in started if "mlflow" in " ".join(p.cmdline())]
        assert len(mlflow) == 2  # the server and its one worker
        process.send_signal(ending)
        assert process.wait(60) == 0
    finally:
        for left in descendants(process) if process.poll() is None else []:
            left.kill()
        process.kill()
    assert [p for p in started if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    said = (project.folder / ".equal" / "dagster.log").read_text()
    assert "Serving dagster-webserver" in said
    if name == "project":
        assert not [alarm for alarm in FALSE_ALARMS if alarm in said]
    # what was recorded is where `equal run` records it, and nowhere else
    assert (project.folder / ".dagster" / "storage" / "history" / "runs.db").is_file()
    folders = {path.name for path in project.folder.iterdir() if path.is_dir()}
    assert folders == {".dagster", ".equal"}


@pytest.fixture
def here(tmp_path):
    """An empty project."""
    (tmp_path / "q.jsonl").write_text('{"question": "a?", "answer": "b"}\n')
    (tmp_path / "t.jsonl").write_text('{"question": "c?", "answer": "d"}\n')
    settings = {
        "corpus": {"source": "installed-packages"},
        "targets": {"a": {"reference": "q.jsonl", "test": "t.jsonl"}},
        "campaigns": {"first": {"target": "a", "budget_documents": 10}},
    }
    (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(settings))
    return Project(tmp_path)


def test_port_that_is_taken_is_refused(here):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        assert not is_free(taken)
        done = here.equal("ui", "--mlflow-port", str(taken))
    assert done.returncode == 1
    assert f"error: --mlflow-port = {taken}: must be free" in done.stdout


def test_folder_with_campaigns_alone_is_given_what_dagster_reads(here):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        here.equal("ui", "--port", str(listener.getsockname()[1]))
    given = (here.folder / "dagster.yaml").read_bytes()
    assert given == (REPOSITORY / "dagster.yaml").read_bytes()


def test_pages_cannot_share_a_port(here):
    (port, _) = free_ports()
    done = here.equal("ui", "--port", str(port), "--mlflow-port", str(port))
    assert done.returncode == 1
    assert f"= {port}: must be free" in done.stdout

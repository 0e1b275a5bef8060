"""A failed run is logged and posted with campaign, round, step and error; nothing else fails."""

import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import dagster as dg
import pytest
import yaml

from equal_assets.automation.failed_runs import failed_runs
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets_tests.conftest import TINY

VARIABLE = "FAILURES_URL"


class Receiver(HTTPServer):
    """Keeps what is posted to it, and answers with a status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status, self.posted = 200, []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/secret"


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_) -> None:
        return


@pytest.fixture
def receiver():
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def campaigns(tmp_path) -> CampaignsFile:
    tiny = yaml.safe_load(TINY.read_text())
    tiny["automation"] = {"webhook_variable": VARIABLE, "webhook_seconds": 2}
    tiny["targets"]["python-libraries"] = {
        split: str(TINY.parent / path)
        for split, path in tiny["targets"]["python-libraries"].items()
    }
    (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(tiny))
    return CampaignsFile(path=str(tmp_path / "campaigns.yaml"), state_folder=str(tmp_path))


@pytest.fixture
def failure(instance) -> dg.RunFailureSensorContext:
    """What the sensor is given for a run in this process, as those of `equal run` are."""

    @dg.op
    def bandit_round():
        raise dg.Failure("the server is gone", allow_retries=False)

    @dg.job
    def play():
        bandit_round()

    result = play.execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags={"dagster/partition": "random|round-002"},
    )
    return dg.build_run_status_sensor_context(
        sensor_name="failed_runs",
        dagster_event=result.get_run_failure_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    ).for_run_failure()


@pytest.fixture
def told(caplog):
    """What the sensor logs."""
    caplog.set_level(logging.INFO)
    logging.getLogger("dagster").propagate = True
    return caplog


def test_failure_is_posted_with_campaign_round_step_and_error(
    failure, campaigns, receiver, monkeypatch
):
    monkeypatch.setenv(VARIABLE, receiver.url)
    failed_runs(failure, campaigns=campaigns)
    [(path, kind, posted)] = receiver.posted
    assert (path, kind) == ("/hooks/secret", "application/json")
    assert (posted["campaign"], posted["round"], posted["job"]) == ("random", "round-002", "play")
    assert posted["steps"] == {"bandit_round": "the server is gone"}
    assert posted["run_id"] == failure.dagster_run.run_id
    assert "bandit_round: the server is gone" in posted["text"]


def test_webhook_that_answers_with_an_error_is_logged_without_its_url(
    failure, campaigns, receiver, monkeypatch, capfd
):
    receiver.status = 500
    monkeypatch.setenv(VARIABLE, receiver.url)
    failed_runs(failure, campaigns=campaigns)
    assert len(receiver.posted) == 1
    shown = "".join(capfd.readouterr())
    assert "could not be posted to: HTTPError 500" in shown
    assert "secret" not in shown


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/secret", "http://[secret", "secret", ""])
def test_webhook_that_is_not_there_harms_nothing(failure, campaigns, monkeypatch, capfd, url):
    monkeypatch.setenv(VARIABLE, url)
    failed_runs(failure, campaigns=campaigns)
    shown = "".join(capfd.readouterr())
    assert "the server is gone" in shown
    assert VARIABLE in shown
    assert "secret" not in shown

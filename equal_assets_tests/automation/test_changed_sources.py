"""A change of corpus or target starts a campaign once, and never touches one that has rounds."""

import shutil

import dagster as dg
import pytest
import yaml

from equal_assets.automation.changed_sources import ask_to_start
from equal_assets.graph import ASSETS, PREPARE
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.runs import RANGE_TAGS, RUN_KEY_TAG
from equal_assets.versions import expected_inputs, stored_versions
from equal_assets_tests.conftest import TINY
from equal_assets_tests.project import REPOSITORY
from equal_assets_tests.stored_runs import store_run

SHARED_ASSETS = [name for name, row in ASSETS.items() if row.stage == PREPARE]


@pytest.fixture
def campaigns(tmp_path) -> CampaignsFile:
    """Campaigns `equal` and `random` on a corpus of one file and a target of two."""
    for split in ("reference", "test"):
        shutil.copy(REPOSITORY / "equal_assets/demo" / f"{split}.jsonl", tmp_path)
    (tmp_path / "corpus.jsonl").write_text('{"text": "one"}\n')
    tiny = yaml.safe_load(TINY.read_text())
    tiny["corpus"] = {"source": "files", "paths": ["corpus.jsonl"]}
    tiny["targets"] = {"python-libraries": {"reference": "reference.jsonl", "test": "test.jsonl"}}
    del tiny["campaigns"]["equal-paper"]
    (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(tiny))
    return CampaignsFile(path=str(tmp_path / "campaigns.yaml"), state_folder=str(tmp_path))


class Daemon:
    """Evaluates the sensor as the daemon does: with the cursor that it returned before."""

    def __init__(self, instance, warehouse, campaigns) -> None:
        self.instance, self.given, self.cursor = instance, (warehouse, campaigns), None

    def look(self) -> dg.SensorResult:
        context = dg.build_sensor_context(
            self.instance, cursor=self.cursor, sensor_name="changed_sources"
        )
        result = ask_to_start(context, *self.given)
        self.cursor = result.cursor
        return result

    def request(self) -> dg.RunRequest:
        [request] = self.look().run_requests
        return request

    def start(self, request: dg.RunRequest, status=dg.DagsterRunStatus.SUCCESS) -> dg.DagsterRun:
        tags = {RUN_KEY_TAG: request.run_key, **request.tags}
        if request.partition_key:
            tags["dagster/partition"] = request.partition_key
        return store_run(self.instance, status, **tags)


@pytest.fixture
def daemon(instance, warehouse, campaigns) -> Daemon:
    return Daemon(instance, warehouse, campaigns)


def make(warehouse, campaigns, *assets: str, campaign: str = "") -> None:
    for asset in assets:
        stored = stored_versions(warehouse)
        inputs = expected_inputs(asset, campaigns.load(), stored, campaign=campaign)
        with warehouse.transaction() as transaction:
            transaction.record(asset, partition=campaign, inputs=inputs, seconds=0.0)


def change(tmp_path, name: str) -> None:
    with (tmp_path / name).open("a") as file:
        file.write('{"text": "more", "question": "New?", "answer": "Yes."}\n')


def test_first_look_starts_nothing(daemon):
    assert daemon.look().skip_reason.skip_message == "no corpus or target has changed"
    assert not daemon.look().run_requests


def test_changed_corpus_starts_what_a_run_would_do_step_by_step(
    daemon, warehouse, campaigns, tmp_path
):
    daemon.look()
    change(tmp_path, "corpus.jsonl")
    request = daemon.request()
    assert (request.job_name, request.asset_selection) == ("prepare", [dg.AssetKey("documents")])
    running = daemon.start(request, dg.DagsterRunStatus.STARTED)
    assert not daemon.look().run_requests  # never two at once
    daemon.instance.report_run_canceled(running)
    assert (
        "was started for this: canceled" in daemon.look().skip_reason.skip_message
    )  # one change, one run
    make(warehouse, campaigns, "documents")
    assert daemon.request().asset_selection == [dg.AssetKey(name) for name in SHARED_ASSETS[1:]]
    make(warehouse, campaigns, *SHARED_ASSETS[1:])
    request = daemon.request()
    assert (request.job_name, request.partition_key) == ("read_target", "equal")
    make(warehouse, campaigns, "target_qa", campaign="equal")
    request = daemon.request()
    assert request.job_name == "play_rounds"
    assert [request.tags[tag] for tag in RANGE_TAGS] == ["equal|round-001", "equal|round-003"]
    daemon.start(request)
    request = daemon.request()
    assert (request.job_name, request.partition_key) == ("read_target", "random")


def test_changed_target_starts_the_campaigns_that_aim_at_it(daemon, warehouse, campaigns, tmp_path):
    make(warehouse, campaigns, *SHARED_ASSETS)
    for name in ("equal", "random"):
        make(warehouse, campaigns, "target_qa", campaign=name)
    daemon.look()
    change(tmp_path, "reference.jsonl")
    request = daemon.request()
    assert (request.job_name, request.partition_key) == ("read_target", "equal")


def test_campaign_with_rounds_is_left_alone_and_what_to_do_is_said(
    daemon, warehouse, campaigns, tmp_path
):
    make(warehouse, campaigns, *SHARED_ASSETS)
    make(warehouse, campaigns, "target_qa", campaign="random")
    with warehouse.transaction() as transaction:
        inputs = expected_inputs(
            "bandit_round", campaigns.load(), stored_versions(warehouse), campaign="random"
        )
        transaction.record("bandit_round", partition="random", inputs=inputs, seconds=0.0)
    daemon.look()
    change(tmp_path, "corpus.jsonl")
    for _ in range(2):  # as long as it is so
        result = daemon.look()
        assert not result.run_requests
        message = result.skip_reason.skip_message
        assert "random: the corpus has changed or was touched" in message
        assert "equal run --restart random" in message
        assert "new names" in message

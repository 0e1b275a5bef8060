"""The numbers that Prometheus reads, of campaigns whose rounds are stored without being played."""

import re

import duckdb
import pytest

from equal_assets.errors import SettingsError
from equal_assets.pages.metrics import REREAD_SECONDS, CampaignMetrics, Gauges
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.llm.journal import journal
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import OpenAISettings, load_settings
from equal_assets_tests.conftest import TINY
from equal_assets_tests.stored_rounds import store_rounds

SAMPLE = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)')
LLM = {"backend": "openai", "base_urls": ["http://127.0.0.1:9/v1"], "model": "m", "currency": "EUR"}


def samples(text):
    """Return name and labels -> number; each name is explained before its numbers."""
    found, told = {}, None
    for line in text.splitlines():
        if line.startswith("# HELP"):
            assert line.split(" ", 3)[3].endswith(".")
            told = line.split()[2]
        elif line.startswith("# TYPE"):
            assert line == f"# TYPE {told} gauge"
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            assert name == told
            assert (name, labels) not in found
            found[name, labels] = float(value)
    return {f"{name}{{{labels}}}" if labels else name: v for (name, labels), v in found.items()}


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def metrics(warehouse, tmp_path, clock):
    """Metrics of the tiny campaigns with an LLM as extractor; `equal` has played two rounds."""
    settings = load_settings(TINY)
    settings = settings.model_copy(update={"extractor": OpenAISettings(**LLM)})
    store_rounds(warehouse, settings, {"equal": 2}, ended_by="budget")
    return CampaignMetrics(
        lambda: settings,
        lambda given: build_extractor(given.extractor, tmp_path),
        Warehouse(database=warehouse.database, lock_timeout_seconds=0.1),
        clock,
    )


def test_campaigns_are_told_by_their_names(metrics):
    found = samples(metrics.text())
    assert (found["equal_up"], found["equal_age_seconds"]) == (1, 0)
    assert found['equal_campaign_documents{campaign="equal"}'] == 2
    assert found['equal_campaign_pairs{campaign="equal"}'] == 2
    assert found['equal_campaign_rounds{campaign="equal"}'] == 2
    assert found['equal_campaign_ended{campaign="equal"}'] == 1
    assert found['equal_campaign_budget{campaign="equal",unit="documents"}'] == 55
    assert found['equal_campaign_budget{campaign="equal",unit="rounds"}'] == 3
    [info] = [name for name in found if name.startswith('equal_campaign_info{campaign="equal"')]
    assert 'strategy="equal"' in info
    assert 'currency="EUR"' in info


def test_campaign_without_rounds_has_zeros_and_no_coverage(metrics):
    found = samples(metrics.text())
    assert found['equal_campaign_documents{campaign="random"}'] == 0
    assert found['equal_campaign_ended{campaign="random"}'] == 0
    assert 'equal_campaign_target_coverage{campaign="random"}' not in found


def test_last_round_says_what_is_covered(metrics, warehouse):
    with warehouse.get_connection() as connection:
        connection.execute("update rounds set target_coverage = round / 10.0, near_pairs = round")
    found = samples(metrics.text())
    assert found['equal_campaign_target_coverage{campaign="equal"}'] == 0.2
    assert found['equal_campaign_near_pairs{campaign="equal"}'] == 2


def test_requests_in_flight_and_lost_are_counted(metrics, tmp_path):
    most = {"prompt_tokens": 100, "completion_tokens": 50, "cost": 1.5}
    with journal(tmp_path / "requests.sqlite") as opened:
        for key in ("k", "l", "m"):
            entry = opened.open(key, document="d", payer="equal|round-001", run="r", **most)
        opened.settle(entry, "lost", **most, seconds=1.0)
        found = samples(metrics.text())
    assert found['equal_requests_in_flight{campaign="equal"}'] == 2
    assert found['equal_requests_lost{campaign="equal"}'] == 1
    assert found['equal_requests_in_flight{campaign="warm-up"}'] == 0


def test_last_numbers_stay_while_another_writes(metrics, clock):
    before = samples(metrics.text())
    with duckdb.connect(metrics.warehouse.database):
        clock.now += 60
        held = samples(metrics.text())
    assert (held.pop("equal_up"), held.pop("equal_age_seconds")) == (0, 60)
    assert held == {
        name: value
        for name, value in before.items()
        if name not in ("equal_up", "equal_age_seconds")
    }
    assert samples(metrics.text())["equal_up"] == 1  # free again


def test_nothing_is_told_of_what_was_never_read(metrics):
    with duckdb.connect(metrics.warehouse.database):
        assert samples(metrics.text()) == {"equal_up": 0}


def test_settings_that_are_being_edited_are_read_later(metrics, clock):
    metrics.text()
    settings, metrics.settings = metrics.settings, unreadable
    clock.now += 60
    assert samples(metrics.text())["equal_up"] == 0
    metrics.settings = settings
    assert samples(metrics.text())["equal_up"] == 1


def unreadable():
    raise SettingsError("campaigns.yaml, line 3")


def test_warehouse_is_left_alone_by_those_who_ask_often(metrics, clock):
    metrics.text()
    with duckdb.connect(metrics.warehouse.database):
        clock.now += REREAD_SECONDS / 2
        found = samples(metrics.text())
    assert (found["equal_up"], found["equal_age_seconds"]) == (1, REREAD_SECONDS / 2)


def test_labels_are_escaped():
    gauges = Gauges()
    gauges.set("a", "Told.", 1, campaign='"\\\n')
    assert gauges.text().splitlines()[-1] == r'a{campaign="\"\\\n"} 1'

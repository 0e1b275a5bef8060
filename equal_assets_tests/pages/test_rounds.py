"""The pages of a run of rounds, and when they are made: they do not hold up the next round."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import dagster as dg
import pytest

from equal_assets.pages import rounds
from equal_assets.pages.rounds import RoundPages
from equal_assets.partitions import round_key
from equal_assets_tests.stored_rounds import store_rounds

NAME = "equal"


@dataclass
class Run:
    """A Dagster run of some rounds, as far as their pages need one."""

    n_rounds: int
    logged: dict = field(default_factory=dict)  # partition -> what was reported at once
    shown: dict = field(default_factory=dict)  # what its page shows in the end
    tags: dict = field(default_factory=dict)
    run_id: str = "r1"

    @property
    def partition_keys(self):
        return [str(round_key(NAME, number)) for number in range(1, self.n_rounds + 1)]

    @property
    def instance(self):
        return SimpleNamespace(add_run_tags=lambda run_id, tags: self.tags.update(tags))

    def log_event(self, event):
        self.logged[event.partition] = event.metadata

    def add_asset_metadata(self, metadata, *, partition_key):
        self.shown.setdefault(partition_key, {}).update(metadata)


@pytest.fixture
def played(warehouse, campaigns, tracker, monkeypatch):
    """Report so many new rounds, and more that are not new; a minute passes before some."""

    def report(n_new, *, n_keys=None, minutes_before=()):
        settings = campaigns.load()
        store_rounds(warehouse, settings, {NAME: n_new})
        run, now = Run(n_keys or n_new), [0.0]
        monkeypatch.setattr(rounds.time, "monotonic", lambda: now[0])
        tracker.supersede(NAME)
        pages = RoundPages(run, warehouse, settings, tracker, dg.DataVersion("v"))
        for number in range(1, run.n_rounds + 1):
            now[0] += 61.0 if number in minutes_before else 0.1
            pages.add(NAME, number, is_new=number <= n_new)
        pages.complete()
        return run

    return report


def drawn(pages):
    return [key[-1] for key, page in pages.items() if "sample pairs" in page]


def test_first_and_last_of_quick_rounds_are_drawn_and_all_have_their_numbers(played):
    run = played(4)
    assert drawn(run.shown) == ["1", "4"]
    assert drawn(run.logged) == ["1"]  # each round is reported before the next begins
    assert list(run.logged) == list(run.shown) == run.partition_keys
    for number, page in enumerate(run.shown.values(), 1):
        assert page["this round"].startswith(f"Round {number}")
        assert "pulls and numbers" in page
    second = run.logged[run.partition_keys[1]]["this round"].value
    assert "with the last round of its run" in second
    assert "with the last round of its run" not in run.shown[run.partition_keys[-1]]["this round"]
    assert run.tags["rounds"] == "1-4"


def test_page_is_drawn_again_once_a_minute_has_passed(played):
    assert drawn(played(6, minutes_before={4}).shown) == ["1", "4", "6"]


def test_last_round_that_was_new_is_drawn_where_the_campaign_ended_before_the_run(played):
    run = played(3, n_keys=5)
    assert drawn(run.shown) == ["1", "3", "4", "5"]  # what is asked for after the end shows it
    assert "Round 3 of" in run.shown[run.partition_keys[-1]]["this round"]


def test_all_rounds_are_in_mlflow_at_the_end(played, tracker):
    run = played(4)
    link = run.shown[run.partition_keys[-1]]["MLflow run"].value
    assert tracker.documents_logged(link.rstrip(")").rpartition("/")[2]) == 4

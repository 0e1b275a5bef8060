"""What follows the last round is asked for once, when the last round is in and not before."""

import dagster as dg
import pytest

from equal_assets.automation.finish_campaigns import ask_to_finish
from equal_assets.graph import ASSETS, FINISH
from equal_assets.runs import PARTITION_TAG, RUN_KEY_TAG
from equal_assets.versions import expected_inputs, stored_versions
from equal_assets_tests.stored_rounds import store_rounds
from equal_assets_tests.stored_runs import store_run


@pytest.fixture
def look(warehouse, campaigns, instance):
    def evaluate():
        context = dg.build_sensor_context(instance, sensor_name="finish_campaigns")
        return ask_to_finish(context, warehouse, campaigns)

    return evaluate


def finish(warehouse, campaigns, name: str) -> None:
    for asset in (name for name, row in ASSETS.items() if row.stage == FINISH):
        stored = stored_versions(warehouse)
        inputs = expected_inputs(asset, campaigns.load(), stored, campaign=name)
        with warehouse.transaction() as transaction:
            transaction.record(asset, partition=name, inputs=inputs, seconds=0.0)


def test_nothing_follows_a_round_that_is_not_the_last(warehouse, campaigns, look):
    store_rounds(warehouse, campaigns.load(), {"random": 2})
    assert "random: 2 rounds are stored, and it is not over" in look().skip_message


@pytest.mark.parametrize("ended_by", ["budget", "gain"])
def test_campaign_that_has_ended_is_finished_whatever_ended_it(
    warehouse, campaigns, look, ended_by
):
    store_rounds(warehouse, campaigns.load(), {"random": 1}, ended_by=ended_by)
    [request] = look()
    assert (request.job_name, request.partition_key) == ("finish_campaign", "random")


def test_each_state_of_the_rounds_is_finished_once(warehouse, campaigns, instance, look):
    store_rounds(warehouse, campaigns.load(), {"random": 3}, ended_by="budget")
    [request] = look()
    tags = {RUN_KEY_TAG: request.run_key, PARTITION_TAG: "random"}
    store_run(instance, dg.DagsterRunStatus.FAILURE, **tags)
    message = look().skip_message
    assert "was started for this: failure; the job finish_campaign" in message
    with warehouse.transaction() as transaction:  # as a retry of failed documents does
        inputs = expected_inputs(
            "bandit_round", campaigns.load(), stored_versions(warehouse), campaign="random"
        )
        transaction.record(
            "bandit_round", partition="random", inputs=inputs, version="2", seconds=0
        )
    assert look()[0].run_key != request.run_key


def test_strategies_are_compared_after_the_last_accuracy(warehouse, campaigns, instance, look):
    settings = campaigns.load()
    store_rounds(warehouse, settings, {"equal": 3, "random": 3}, ended_by="budget")
    finish(warehouse, campaigns, "random")
    assert [request.partition_key for request in look()] == ["equal"]
    finish(warehouse, campaigns, "equal")
    [request] = look()
    assert request.job_name == "compare_strategies"
    store_run(instance, **{RUN_KEY_TAG: request.run_key})
    assert "strategy_comparison: run" in look().skip_message


def test_rounds_with_other_settings_are_not_finished(warehouse, campaigns, look):
    store_rounds(warehouse, campaigns.load(), {"random": 3}, ended_by="budget")
    with warehouse.transaction() as transaction:
        transaction.record("target_qa", partition="random", inputs="other", seconds=0.0)
    assert "equal run --restart random" in look().skip_message

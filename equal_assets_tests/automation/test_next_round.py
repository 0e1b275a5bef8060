"""The round schedule asks for the next round of each campaign that can go on, and says why not."""

from datetime import datetime

import dagster as dg
import pytest

from equal_assets.automation.jobs import build_jobs
from equal_assets.automation.next_round import ask_for_next_rounds, next_round_schedule
from equal_assets.runs import PARTITION_TAG, RANGE_TAGS
from equal_assets.settings import AutomationSettings
from equal_assets_tests.stored_rounds import store_rounds
from equal_assets_tests.stored_runs import store_run

TICK = datetime(2026, 1, 2, 3)


@pytest.fixture(scope="module")
def instances():
    with dg.instance_for_test() as stored:  # a schedule opens its instance by reference
        yield stored


@pytest.fixture
def instance(instances):
    yield instances
    instances.wipe()


def tick(warehouse, campaigns, instance):
    context = dg.build_schedule_context(instance, scheduled_execution_time=TICK)
    return ask_for_next_rounds(context, warehouse, campaigns)


def keys(requests) -> list[str]:
    return [request.partition_key for request in requests]


def test_nothing_is_asked_for_before_the_clusters_are_there(warehouse, campaigns, instance):
    skipped = tick(warehouse, campaigns, instance)
    assert "random: bandit_round reads documents, which is not there" in skipped.skip_message


def test_each_campaign_is_asked_for_its_first_missing_round(warehouse, campaigns, instance):
    store_rounds(warehouse, campaigns.load(), {"equal-paper": 0, "random": 2})
    requests = tick(warehouse, campaigns, instance)
    assert keys(requests) == ["equal-paper|round-001", "random|round-003"]
    assert all(TICK.isoformat() in request.run_key for request in requests)


@pytest.mark.parametrize("ended_by", ["budget", "gain"])
def test_campaign_that_has_ended_is_left_alone(warehouse, campaigns, instance, ended_by):
    store_rounds(warehouse, campaigns.load(), {"random": 3}, ended_by=ended_by)
    skipped = tick(warehouse, campaigns, instance)
    assert f"random: ended after 3 rounds, by {ended_by}" in skipped.skip_message


def test_campaign_whose_settings_have_changed_is_left_alone_with_what_to_do(
    warehouse, campaigns, instance
):
    store_rounds(warehouse, campaigns.load(), {"random": 2})
    with warehouse.transaction() as transaction:
        transaction.record("documents", inputs="other", seconds=0.0)
    message = tick(warehouse, campaigns, instance).skip_message
    assert "random: campaign random was started with other settings (upstream.documents" in message
    assert "equal run --restart random" in message


@pytest.mark.parametrize(
    "tags",
    [
        {PARTITION_TAG: "random|round-002"},
        {RANGE_TAGS[0]: "equal|round-001", RANGE_TAGS[1]: "random|round-003"},
        {},
    ],
    ids=["a round", "a range over campaigns", "shared assets"],
)
def test_no_second_round_is_asked_for_while_a_run_is_at_work(warehouse, campaigns, instance, tags):
    store_rounds(warehouse, campaigns.load(), {"random": 2})
    run = store_run(instance, dg.DagsterRunStatus.STARTED, **tags)
    assert f"random: run {run.run_id[:8]}" in tick(warehouse, campaigns, instance).skip_message
    instance.report_run_failed(run)
    assert keys(tick(warehouse, campaigns, instance)) == ["random|round-003"]


def test_runs_of_other_campaigns_do_not_hold_a_campaign_up(warehouse, campaigns, instance):
    store_rounds(warehouse, campaigns.load(), {"random": 2})
    tags = {PARTITION_TAG: "equal"}
    store_run(instance, dg.DagsterRunStatus.STARTED, **tags)
    assert keys(tick(warehouse, campaigns, instance)) == ["random|round-003"]


def test_round_that_fails_again_and_again_is_left_to_people(warehouse, campaigns, instance):
    store_rounds(warehouse, campaigns.load(), {"random": 2})
    failed, tags = dg.DagsterRunStatus.FAILURE, {PARTITION_TAG: "random|round-003"}
    store_run(instance, failed, **tags)
    store_run(instance, failed, **tags)
    assert keys(tick(warehouse, campaigns, instance)) == ["random|round-003"]
    store_run(instance, failed, **tags)
    message = tick(warehouse, campaigns, instance).skip_message
    assert "random: the last 3 runs of random|round-003 failed" in message
    store_run(instance, dg.DagsterRunStatus.SUCCESS, **tags)
    assert keys(tick(warehouse, campaigns, instance)) == ["random|round-003"]


def test_failures_from_before_the_round_before_it_do_not_count(warehouse, campaigns, instance):
    tags = {PARTITION_TAG: "random|round-003"}
    for _ in range(3):
        store_run(instance, dg.DagsterRunStatus.FAILURE, **tags)
    store_rounds(warehouse, campaigns.load(), {"random": 2})  # played anew since
    assert keys(tick(warehouse, campaigns, instance)) == ["random|round-003"]


def test_schedule_is_what_the_settings_say(campaigns):
    jobs = build_jobs(campaigns.load())
    off = next_round_schedule(jobs, AutomationSettings())
    assert (off.cron_schedule, off.execution_timezone) == ("0 * * * *", "UTC")
    assert off.default_status == dg.DefaultScheduleStatus.STOPPED
    on = next_round_schedule(
        jobs, AutomationSettings(next_round=True, cron="30 6 * * 1-5", time_zone="Europe/Berlin")
    )
    assert (on.cron_schedule, on.execution_timezone) == ("30 6 * * 1-5", "Europe/Berlin")
    assert on.default_status == dg.DefaultScheduleStatus.RUNNING

"""The round schedule asks for the next round of each campaign that can go on."""

from datetime import datetime

import dagster as dg
import polars as pl
import pytest

from equal_assets.assets.schedules import next_round

TICK = datetime(2026, 1, 2, 3)


def tick(warehouse, campaigns):
    context = dg.build_schedule_context(scheduled_execution_time=TICK)
    return next_round(context, warehouse=warehouse, campaigns=campaigns)


def prepare(warehouse, *, played: dict[str, int], ended_by: str | None = None) -> None:
    """Store what a campaign needs, and its rounds so far."""
    with warehouse.transaction() as transaction:
        for asset, partition in (("cluster_geometry", ""), *(("target_qa", c) for c in played)):
            transaction.record(asset, partition=partition, inputs=asset, seconds=0.0)
        for campaign, last in played.items():
            outcome = {"campaign": campaign, "pool_pairs": 0, "seconds": 0.0}
            outcome |= dict.fromkeys(
                ("extraction_seconds", "embedding_seconds", "selection_seconds"), 0.0
            )
            rounds = [
                {**outcome, "round": number, "ended_by": ended_by if number == last else None}
                for number in range(1, last + 1)
            ]
            if rounds:
                schema = {"ended_by": pl.String}
                transaction.insert("rounds", pl.DataFrame(rounds, schema_overrides=schema))


def test_nothing_is_asked_for_before_the_clusters_are_there(warehouse, campaigns):
    assert isinstance(tick(warehouse, campaigns), dg.SkipReason)


def test_each_campaign_is_asked_for_its_first_missing_round(warehouse, campaigns):
    prepare(warehouse, played={"equal-paper": 0, "random": 2})
    requests = tick(warehouse, campaigns)
    assert [request.partition_key for request in requests] == [
        "equal-paper|round-001",
        "random|round-003",
    ]
    assert all(TICK.isoformat() in request.run_key for request in requests)


@pytest.mark.parametrize("ended_by", ["budget", "gain"])
def test_campaign_that_has_ended_is_left_alone(warehouse, campaigns, ended_by):
    prepare(warehouse, played={"random": 3}, ended_by=ended_by)
    assert isinstance(tick(warehouse, campaigns), dg.SkipReason)

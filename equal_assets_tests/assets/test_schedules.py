"""The round schedule asks for the next round of each campaign that can go on."""

from datetime import datetime

import dagster as dg
import polars as pl

from equal_assets.assets.schedules import next_round

TICK = datetime(2026, 1, 2, 3)


def tick(warehouse, campaigns):
    context = dg.build_schedule_context(scheduled_execution_time=TICK)
    return next_round(context, warehouse=warehouse, campaigns=campaigns)


def prepare(warehouse, *, played: dict[str, int]) -> None:
    """Store what a campaign needs, and its rounds so far."""
    with warehouse.transaction() as transaction:
        for asset, partition in (("cluster_geometry", ""), *(("target_qa", c) for c in played)):
            transaction.record(asset, partition=partition, inputs=asset, seconds=0.0)
        for campaign, last in played.items():
            outcome = {"pool_pairs": 0, "pool_ot_cost": None, "seconds": 0.0}
            rounds = [{"campaign": campaign, "round": n + 1, **outcome} for n in range(last)]
            if rounds:
                rows = pl.DataFrame(rounds, schema_overrides={"pool_ot_cost": pl.Float64})
                transaction.insert("rounds", rows)


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


def test_campaign_whose_budget_is_spent_is_left_alone(warehouse, campaigns):
    prepare(warehouse, played={"random": 3})
    assert isinstance(tick(warehouse, campaigns), dg.SkipReason)

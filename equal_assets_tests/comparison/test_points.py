"""What is compared with what: shared points, documents to match, and when it is out of date."""

import polars as pl
import pytest

from equal_assets.comparison.points import (
    at_shared_points,
    matches,
    shared_points,
)
from equal_assets.settings import load_settings


def compared(campaign, costs, *, shared_budget=100, target="t"):
    """Rows of one campaign: documents -> OT cost to the test split."""
    return pl.DataFrame(
        {
            "target": target,
            "campaign": campaign,
            "shared_budget": shared_budget,
            "documents": list(costs),
            "ot_cost_test": list(costs.values()),
        },
        schema_overrides={"ot_cost_test": pl.Float64},
    )


@pytest.fixture
def settings():
    return load_settings()  # the tiny campaigns file


def stored_rounds(*campaigns, version="v1"):
    return {("bandit_round", campaign): ("inputs", version) for campaign in campaigns}


@pytest.mark.parametrize(
    ("budget", "points"),
    [
        (100, [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
        (55, [5, 11, 16, 22, 27, 33, 38, 44, 49, 55]),
        (3, [1, 2, 3]),
    ],
)
def test_shared_points_are_the_tenths_of_the_budget(budget, points):
    assert shared_points(budget) == points


def test_side_by_side_takes_the_last_round_within_each_point():
    rows = pl.concat([compared("a", {18: 0.5, 40: 0.4, 100: 0.3}), compared("b", {35: 0.6})])
    found = at_shared_points(rows).select("point", "campaign", "documents").rows()
    assert found == [(20, "a", 18), (40, "a", 40), (100, "a", 100)]


def test_points_that_a_campaign_has_not_reached_are_left_out():
    rows = pl.concat([compared("a", {50: 0.5, 100: 0.3}), compared("b", {50: 0.6})])
    found = at_shared_points(rows).select("point", "campaign").rows()
    assert found == [(50, "a"), (50, "b"), (100, "a")]


def test_points_are_shown_while_any_campaign_goes_on():
    rows = pl.concat(
        [compared("a", {10: 0.5, 100: 0.3}), compared("b", {10: 0.6, 20: 0.5, 100: 0})]
    )
    found = at_shared_points(rows).select("point", "campaign", "documents").rows()
    assert found[:4] == [(10, "a", 10), (10, "b", 10), (20, "a", 10), (20, "b", 20)]
    assert found[4:] == [(100, "a", 100), (100, "b", 100)]


def test_match_is_of_the_end_of_the_shared_budget_and_may_lie_beyond_it():
    rows = pl.concat(
        [
            compared("a", {50: 0.5, 100: 0.4, 300: 0.2}),
            compared("b", {50: 0.4, 100: 0.3}),
            compared("elsewhere", {50: 0.1}, target="another"),
        ]
    )
    assert matches(rows).rows() == [("t", "a", "b", 0.3, 300), ("t", "b", "a", 0.4, 50)]


def test_match_without_pairs_or_without_reaching_it_is_null():
    rows = pl.concat(
        [compared("a", {50: 0.5}), compared("b", {50: None}), compared("c", {50: 0.4})]
    )
    needed = {
        row[:2]: row[2] for row in matches(rows).select("campaign", "matched", "documents").rows()
    }
    assert needed["a", "b"] is None
    assert needed["a", "c"] is None
    assert needed["b", "a"] is None
    assert needed["c", "a"] == 50

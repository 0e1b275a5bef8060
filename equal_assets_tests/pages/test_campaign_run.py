"""What Dagster and MLflow runs say of the campaign that they belong to."""

import polars as pl
import pytest

from equal_assets.pages.campaign_run import campaign_tags, round_spend, rounds_tags
from equal_assets.settings import load_settings
from equal_assets_tests.conftest import TINY

CURVE = pl.DataFrame(
    {
        "campaign": "equal",
        "round": [1, 2, 3],
        "documents": [20, 40, 55],
        "tokens": [300, 500, 900],
        "cost": [0.25, 0.5, 1.5],
    }
)


def test_first_round_spent_all_that_was_spent_until_then():
    assert round_spend(CURVE, 1) == {
        "campaign": "equal",
        "round": 1,
        "documents": 20,
        "tokens": 300,
        "cost": 0.25,
    }


def test_later_round_spent_what_came_on_top():
    spent = round_spend(CURVE, 3)
    assert (spent["documents"], spent["tokens"], spent["cost"]) == (15, 400, 1.0)


def test_run_of_one_campaign_is_tagged_with_its_rounds_and_their_spend():
    assert rounds_tags([round_spend(CURVE, number) for number in (2, 3)]) == {
        "campaign": "equal",
        "rounds": "2-3",
        "documents": "35",
        "tokens": "600",
        "cost": "1.25",
    }
    assert rounds_tags([round_spend(CURVE, 1)])["rounds"] == "1"


def test_run_of_several_campaigns_names_the_rounds_of_each():
    other = CURVE.with_columns(campaign=pl.lit("random"))
    tags = rounds_tags([round_spend(CURVE, 1), round_spend(CURVE, 2), round_spend(other, 1)])
    assert (tags["campaign"], tags["rounds"]) == ("equal, random", "equal 1-2, random 1")
    assert tags["documents"] == "60"


@pytest.mark.parametrize(
    ("ended_by", "state"), [(None, "round 2 of 3"), ("gain", "ended by gain after 2 rounds")]
)
def test_mlflow_run_says_where_its_campaign_stands(ended_by, state):
    standing = {"rounds": 2, "ended_by": ended_by, "documents": 40, "tokens": 1500, "cost": 0.5}
    assert campaign_tags(load_settings(TINY), "equal", standing) == {
        "strategy": "equal",
        "target": "python-libraries",
        "budget": "55 documents",
        "spent": "40 documents, 1,500 tokens, 0.50 money",
        "state": state,
    }

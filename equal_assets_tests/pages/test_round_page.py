"""The page of a round: in words, at most eight entries, and always a round that was played."""

import pytest

from equal_assets.pages.selection import round_page
from equal_assets_tests.stored_rounds import store_rounds


@pytest.fixture
def page(warehouse, campaigns):
    """Return a function that makes the page of a round of a campaign that ended after two."""
    store_rounds(warehouse, campaigns.load(), {"random": 2}, ended_by="budget")

    def page(number, *, is_new=True):
        curve = warehouse.query("reward_curve", campaign="random")
        return round_page(warehouse, "random", number, curve=curve, is_new=is_new)

    return page


def test_round_says_which_it_is_of_which_campaign_and_what_came_of_it(page):
    said = page(1)["this round"]
    assert said.startswith("Round 1 of campaign random (strategy random, target python-libraries)")
    assert "1 documents gave 1 pairs." in said


def test_round_that_was_there_says_what_removes_it(page):
    assert "equal rerun random --from-round 2" in page(2, is_new=False)["this round"]
    assert "equal rerun" not in page(2)["this round"]


def test_last_round_is_shown_where_the_campaign_did_not_come_to_one(page):
    shown = page(3, is_new=False)
    assert shown["this round"].startswith("random ended after round 2, before this one (")
    assert "Round 2 of campaign random" in shown["this round"]
    assert shown["rows"] == 1


def test_page_has_at_most_eight_entries_and_no_zeros_of_an_llm(page):
    shown = page(2)
    assert len(shown) < 8  # the link to MLflow is one more
    numbers = shown["pulls and numbers"].value
    assert "| pairs so far | 2 |" in numbers
    assert "tokens" not in numbers
    assert "cost so far" not in numbers

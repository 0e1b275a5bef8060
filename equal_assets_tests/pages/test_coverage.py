"""What pages say of coverage, from rounds that are written by hand."""

import json

import polars as pl
import pytest

from equal_assets.pages.coverage import coverage_curves, lines
from equal_assets.pages.figures.curves import coverage_figure
from equal_assets_tests.stored_rounds import round_rows

KNOWN = {"random_coverage": 0.5, "random_coverage_low": 0.25, "random_coverage_high": 1.0}
KNOWN |= {"random_near_pairs": 1.0, "random_near_pairs_low": 0.5, "random_near_pairs_high": 2.0}
GAINS = {"gain": 0.75, "gain_low": 0.5, "gain_high": 1.0}
GAINS |= {"random_gain": 0.25, "random_gain_low": 0.125, "random_gain_high": 0.375}


@pytest.fixture
def play(warehouse):
    """Store a campaign: what its rounds hold beside what all do, and their tokens."""

    def store(campaign, rounds, *, strategy="equal", n_documents=10, tokens=0):
        named = {"settings": {"campaign": {"target": "t", "strategy": strategy}}}
        start = {"campaign": campaign, "fingerprint": "f", "settings": json.dumps(named)}
        with warehouse.transaction() as transaction:
            transaction.insert("campaign_settings", pl.DataFrame([start]))
            for number, held in enumerate(rounds, 1):
                rows = round_rows(campaign, number)
                pull = {**rows["bandit_round"], "n_documents": n_documents, "prompt_tokens": tokens}
                transaction.insert("bandit_round", pl.DataFrame([pull]))
                transaction.insert("rounds", pl.DataFrame([{**rows["rounds"], **held}]))

    return store


def covers(value, near, **more):
    return {"target_coverage": float(value), "near_pairs": near, **KNOWN, **GAINS, **more}


def test_random_documents_are_those_of_the_warm_up_where_no_such_campaign_was_played(
    warehouse, play
):
    play("equal", [covers(2, 5), covers(4, 8, pays=True)])
    curve = coverage_curves(warehouse, ["equal"])["equal"]
    assert lines(curve) == {
        "target coverage (random)": "4.0 (0.5)",
        "near pairs per document (random)": "0.40 (0.05)",
    }
    assert "Dashed: random documents, by the warm-up sample, for as much." in curve.near_sentence
    assert curve.verdict == (
        "another document pays: the last rounds added 0.75 [0.5, 1] near pairs per question for "
        "each document, random documents add 0.25 [0.125, 0.375]."
    )


def test_random_campaign_of_the_target_is_read_where_it_had_spent_as_much(warehouse, play):
    play("equal", [covers(n, n) for n in (2, 4, 6)])
    play("by-chance", [covers(1, 3), covers(3, 5)], strategy="random", n_documents=15)
    play("others", [covers(9, 9)], strategy="round-robin")
    rows = coverage_curves(warehouse, ["equal"])["equal"].rows
    assert rows["random_campaign"].to_list() == ["by-chance", "by-chance", "by-chance"]
    assert rows["random_coverage"].to_list() == pytest.approx([2 / 3, 1 + 2 / 3, 3.0])
    assert rows["random_near_pairs"].to_list() == pytest.approx([2.0, 3 + 2 / 3, 5.0])
    assert rows["random_coverage_low"].null_count() == 3  # what was played has no interval


def test_beyond_what_the_random_campaign_spent_the_sample_goes_on(warehouse, play):
    play("equal", [covers(n, n) for n in (2, 4)])
    play("by-chance", [covers(1, 3)], strategy="random")
    curve = coverage_curves(warehouse, ["equal"])["equal"]
    assert curve.rows["random_campaign"].to_list() == ["by-chance", None]
    assert curve.rows["random_coverage"].to_list() == [1.0, 0.5]
    own = coverage_curves(warehouse, ["by-chance"])["by-chance"]
    assert own.rows["random_campaign"].to_list() == [None]


def test_near_pairs_are_counted_per_1000_tokens_where_any_are_billed(warehouse, play):
    play("equal", [covers(2, 5), covers(4, 8)], tokens=2000)
    curve = coverage_curves(warehouse, ["equal"])["equal"]
    assert lines(curve)["near pairs per 1,000 tokens (random)"] == "2.00 (0.25)"
    assert "per 1,000 tokens" in curve.near_sentence


def test_round_after_which_another_document_no_longer_pays_is_marked(warehouse, play):
    said = [None, True, False, False, False, False]
    play("equal", [covers(n, n, pays=pays) for n, pays in enumerate(said)])
    curve = coverage_curves(warehouse, ["equal"])["equal"]
    assert curve.ends == 5
    assert lines(curve)["no longer pays since round"] == "5"
    assert curve.verdict.startswith("since round 5 another document no longer pays: the last")
    assert curve.until(4).ends is None
    left, right = coverage_figure(curve).axes
    for axis in (left, right):
        (mark,) = [line for line in axis.lines if line.get_color() == "tab:red"]
        assert list(mark.get_xdata()) == [50, 50]
    assert "another document no longer pays" in [t.get_text() for t in left.get_legend().texts]


def test_campaign_of_an_earlier_version_has_no_curve(warehouse, play):
    play("equal", [{}])
    curve = coverage_curves(warehouse, ["equal"])["equal"]
    assert not curve
    assert lines(curve) == {"target coverage (random)": "–"}

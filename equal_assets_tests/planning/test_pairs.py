"""How far a budget of pairs is, from rounds that are written by hand."""

import math
from dataclasses import asdict

import polars as pl
import pytest

from equal_assets.planning.pairs import pairs_to_come
from equal_assets.records import Usage
from equal_assets.settings import CampaignSettings
from equal_assets_tests.stored_rounds import round_rows

WANTS = CampaignSettings(target="t", budget_documents=10_000, budget_pairs=200)


@pytest.fixture
def played(warehouse):
    """Store rounds of 60 documents: near pairs so far, and accepted ones if counted."""

    def store(*rounds):
        with warehouse.transaction() as transaction:
            for number, (near, accepted) in enumerate(rounds, 1):
                rows = round_rows("c", number)
                pull = {**rows["bandit_round"], "n_documents": 60}
                held = {"near_pairs": near, "accepted_pairs": accepted}
                row = pl.DataFrame(
                    [{**rows["rounds"], **held}], schema_overrides={"accepted_pairs": pl.Int32}
                )
                transaction.insert("bandit_round", pl.DataFrame([pull]))
                transaction.insert("rounds", row)
        return pairs_to_come("c", WANTS, warehouse, extractor="e")

    return store


def test_last_rounds_and_the_last_count_tell_what_is_still_to_come(played):
    found = played((90, 60), (120, None), (150, None))
    # two of three near pairs are accepted; the last 120 documents gave 60 near pairs
    assert found.accepted == 100
    assert found.documents == pytest.approx((200 - 100) / (2 / 3 * 60 / 120))
    assert found.between[0] < found.documents < found.between[1] < math.inf
    assert found.basis == "0.33 accepted pairs per document of the last 120"


def test_no_pair_in_the_last_rounds_has_no_end(played):
    found = played((90, 90), (90, 90), (90, 90))
    assert found.documents == math.inf
    assert found.between[1] == math.inf


def test_nothing_is_left_once_the_pairs_are_there(played):
    assert played((300, 300)).documents == 0.0


def test_before_the_first_round_what_was_extracted_bounds_it_from_below(warehouse):
    assert pairs_to_come("c", WANTS, warehouse, extractor="e") is None  # nothing was
    spent = {"n_rejected": 0, **asdict(Usage()), "seconds": 0.0}
    rows = [
        {"content_hash": f"h{n}", "extractor": "e", "status": "pairs", "n_pairs": n % 3, **spent}
        | {"first_asked_by": "warm-up"}
        for n in range(300)
    ]
    with warehouse.transaction() as transaction:
        transaction.insert("extractions", pl.DataFrame(rows))
    found = pairs_to_come("c", WANTS, warehouse, extractor="e")
    assert found.documents == pytest.approx(200)  # one pair each
    assert 170 < found.between[0] < 200
    assert found.between[1] == math.inf
    assert "how many are near the target is known after the first round" in found.basis


def test_budget_without_pairs_has_nothing_to_come(warehouse):
    plain = CampaignSettings(target="t", budget_documents=10)
    assert pairs_to_come("c", plain, warehouse, extractor="e") is None

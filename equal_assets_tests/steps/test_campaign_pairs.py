import numpy as np
import polars as pl
import pytest

from equal_assets.steps import campaign_pairs as steps
from equal_assets.steps.campaign_pairs import CampaignPairs, kept_pairs


def pairs(ids, arms, *, scores=None):
    rows = pl.DataFrame({"qa_id": ids, "cluster": arms, "score": scores or [None] * len(ids)})
    return kept_pairs(rows, np.array([float(ord(name)) for name in ids], dtype=np.float32)[:, None])


@pytest.fixture
def played() -> CampaignPairs:
    """Two rounds: d and b of arms 1 and 0, then c and a of arm 1."""
    found = CampaignPairs.empty(1)
    found.add(pairs(["d", "b"], [1, 0], scores=[0.5, None]))
    found.add(pairs(["c", "a"], [1, 1]))
    return found


def test_arm_has_the_pairs_of_all_rounds_in_order_of_id(played):
    assert played.of_arm(1).ids.tolist() == ["a", "c", "d"]
    assert played.of_arm(1).vectors.tolist() == [[97.0], [99.0], [100.0]]
    np.testing.assert_equal(played.of_arm(1).scores, [np.nan, np.nan, 0.5])
    assert played.of_arm(0).ids.tolist() == ["b"]


def test_arm_that_was_never_pulled_has_no_pairs(played):
    assert len(played.of_arm(7)) == 0
    assert played.of_arm(7).vectors.shape == (0, 1)


def test_pairs_that_come_after_an_arm_was_looked_at_count(played):
    played.of_arm(0)
    played.add(pairs(["0"], [0]))
    assert played.of_arm(0).ids.tolist() == ["0", "b"]


def test_sample_is_the_lowest_ids_whatever_the_rounds(played, monkeypatch):
    assert played.n_pairs == 4
    assert played.sample.ids.tolist() == ["a", "b", "c", "d"]
    monkeypatch.setattr(steps, "SAMPLED", 2)
    few = CampaignPairs.empty(1)
    for name in "dcab":
        few.add(pairs([name], [0]))
    assert few.sample.ids.tolist() == ["a", "b"]
    assert few.n_pairs == 4


def test_round_without_pairs_adds_none(played):
    played.add(pairs([], []))
    assert played.n_pairs == 4

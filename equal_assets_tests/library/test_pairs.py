import numpy as np
import pytest

import equal_assets
from equal_assets import Repeat


def test_reward_is_minus_the_mean_distance_of_the_best_transport():
    targets = [[1.0, 0.0], [0.0, 1.0]]
    assert equal_assets.reward([[5.0, 0.0], [0.0, 2.0]], targets) == pytest.approx(0)
    assert equal_assets.reward([[1.0, 0.0]], targets) == pytest.approx(-0.5)
    assert equal_assets.reward([[1.0, 0.0]], targets, weights=[3, 1]) == pytest.approx(-0.25)
    assert equal_assets.reward([], targets) == -1
    with pytest.raises(ValueError, match="pairs has 3 dimensions: must be 2"):
        equal_assets.reward(np.ones((1, 3)), targets)


def test_repeats_name_the_earlier_pair_that_stays():
    long = "the quick brown fox jumps over the lazy dog and runs into the deep dark forest"
    pairs = [
        ("What is 2 + 2?", "4"),
        (f"Why {long}?", f"Since {long} again"),
        ("what is 2 + 2", "4."),
        (f"Why {long}", f"Since {long} again, yes"),
        ("How much is 2 plus 2?", "Four."),
        ("How much is 2 plus 3?", "Five."),
    ]
    found = equal_assets.deduplicate(pairs)
    assert found[2] == Repeat(0)
    assert found[3].kept == 1
    assert [row for row, repeat in enumerate(found) if repeat is None] == [0, 1, 4, 5]
    angles = np.array([0.0, 1.5, 0.0, 1.5, 0.01, 0.01])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    by_meaning = equal_assets.deduplicate(pairs, vectors)
    assert by_meaning[4].kept == 0
    assert by_meaning[5] is None  # another number is another question
    assert by_meaning[:4] == found[:4]


def test_no_pairs_hold_no_repeats():
    assert equal_assets.deduplicate([]) == []
    assert equal_assets.deduplicate([], np.zeros((0, 2))) == []
    with pytest.raises(ValueError, match="1 pairs, 2 question_embeddings: must be as many"):
        equal_assets.deduplicate([("q", "a")], np.eye(2))

"""The shortlist of a campaign is made once, and found again by later processes."""

import numpy as np
import pytest

from equal_assets.algorithms.strategies import equal
from equal_assets.algorithms.strategies.equal import EqualStrategy
from equal_assets.steps import shortlist as module
from equal_assets.steps.shortlist import kept_shortlist
from equal_assets_tests.algorithms.worlds import parameters, planted_world


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Return the shortlist of a world by what it is made from; counts how often it is made."""
    world, made = planted_world(0), []
    monkeypatch.setattr(equal, "SHORTLIST_MINIMUM", 100)

    def counted(*given, **named):
        made.append(1)
        return equal.make_shortlist(*given, **named)

    monkeypatch.setattr(module, "make_shortlist", counted)

    def get(made_from="v1"):
        return kept_shortlist(
            tmp_path, "c", made_from, world.corpus, world.target, parameters(), n_documents=20
        )

    return get, made, world, tmp_path / "c.npz"


def test_later_process_finds_what_the_first_has_kept(kept):
    get, made, _, _ = kept
    first, again = get(), get()
    assert made == [1]
    assert len(first.rows) == 100
    for part in ("rows", "vectors", "relatedness"):
        np.testing.assert_array_equal(getattr(first, part), getattr(again, part))
    np.testing.assert_array_equal(first.kernel.levels, again.kernel.levels)
    np.testing.assert_array_equal(first.kernel.widths, again.kernel.widths)


def test_kept_shortlist_plans_what_a_new_one_plans(kept):
    get, _, world, _ = kept
    get()
    plans = [
        EqualStrategy(
            world.corpus,
            world.target,
            parameters(),
            n_documents=20,
            rng=np.random.default_rng(0),
            shortlist=shortlist,
        ).plan(10, np.random.default_rng(1))
        for shortlist in (get(), None)
    ]
    assert plans[0] == plans[1]


@pytest.mark.parametrize("damage", [b"", b"PK cut off"])
def test_damaged_file_is_made_again(kept, damage):
    get, made, _, file = kept
    get()
    file.write_bytes(damage)
    get()
    get()
    assert made == [1, 1]


def test_other_settings_replace_the_file(kept):
    get, made, _, _ = kept
    get("v1")
    get("v2")
    get("v1")
    assert made == [1, 1, 1]

import numpy as np
import pytest

from equal_assets.algorithms.contrastive_pairs import (
    recall_at,
    sample_documents,
    split_by_document,
)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    ("n_documents", "share", "size"), [(10, 0.25, 3), (100, 0.05, 5), (3, 0.01, 1), (7, 1.0, 7)]
)
def test_sample_has_the_share_rounded_up_distinct_and_sorted(n_documents, share, size):
    for seed in range(20):
        sample = sample_documents(n_documents, share=share, rng=rng(seed))
        assert len(sample) == size
        assert (np.diff(sample) > 0).all()
        assert 0 <= sample[0] <= sample[-1] < n_documents


def test_share_that_is_whole_on_paper_is_not_rounded_up_by_floating_point():
    assert len(sample_documents(100, share=0.07, rng=rng())) == 7


def test_sample_follows_the_rng():
    samples = [sample_documents(1000, share=0.1, rng=rng(seed)).tolist() for seed in (1, 1, 2)]
    assert samples[0] == samples[1] != samples[2]


def test_every_document_may_be_sampled():
    drawn = {
        int(row) for seed in range(200) for row in sample_documents(8, share=0.2, rng=rng(seed))
    }
    assert drawn == set(range(8))


def pairs_of_documents(seed):
    """Ids of the documents of pairs, in mixed order; documents own one to six pairs."""
    counts = rng(seed).integers(1, 7, size=12)
    ids = np.repeat([f"d{i}" for i in range(12)], counts)
    return rng(seed + 1).permutation(ids).tolist()


@pytest.mark.parametrize("seed", range(10))
def test_no_document_straddles_the_split_and_no_row_is_lost(seed):
    ids = pairs_of_documents(seed)
    split = split_by_document(ids, held_out=0.3, rng=rng(seed))
    train = {ids[row] for row in split.train}
    held_out = {ids[row] for row in split.held_out}
    assert not train & held_out
    assert sorted([*split.train, *split.held_out]) == list(range(len(ids)))
    assert len(held_out) == 4  # round(0.3 * 12), of documents and not of pairs


@pytest.mark.parametrize(("held_out", "n_held_out"), [(0.001, 1), (0.5, 3), (0.999, 5)])
def test_both_sides_of_the_split_have_documents(held_out, n_held_out):
    ids = [f"d{i}" for i in range(6)]
    split = split_by_document(ids, held_out=held_out, rng=rng())
    assert (len(split.held_out), len(split.train)) == (n_held_out, 6 - n_held_out)


def test_two_documents_are_split_one_each():
    split = split_by_document(["b", "a", "b", "b"], held_out=0.2, rng=rng())
    assert {tuple(split.train), tuple(split.held_out)} == {(1,), (0, 2, 3)}


def test_split_follows_the_rng():
    ids = [f"d{i}" for i in range(50)]
    splits = [split_by_document(ids, held_out=0.2, rng=rng(s)).held_out.tolist() for s in (1, 1, 2)]
    assert splits[0] == splits[1] != splits[2]


@pytest.mark.parametrize(("ids", "found"), [([], 0), (["a", "a", "a"], 1)])
def test_fewer_than_two_documents_cannot_be_split(ids, found):
    with pytest.raises(ValueError, match=f"has {found} documents with QA pairs, at least 2 are"):
        split_by_document(ids, held_out=0.2, rng=rng())


# two documents; the first owns pairs 0 and 1, the second pair 2
DOCUMENTS = np.array([[1.0, 0.0], [0.0, 1.0]])
PAIRS = np.array([[0.8, 0.6], [-1.0, 0.0], [0.96, 0.28]])
OWNERS = np.array([0, 0, 1])


@pytest.mark.parametrize(
    ("k", "recall"),
    [
        (1, 0.0),  # each document's nearest pair is the other's
        (2, (1 / 2 + 1 / 1) / 2),  # first: pairs 2, 0; second: pairs 0, 2
        (3, 1.0),
        (10, 1.0),
    ],
)
def test_recall_worked_by_hand(k, recall):
    assert recall_at(DOCUMENTS, PAIRS, OWNERS, k=k) == pytest.approx(recall)


def test_recall_at_one_is_whole_where_each_document_is_nearest_to_a_pair_of_its_own():
    pairs = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert recall_at(DOCUMENTS, pairs, np.array([0, 1, 1]), k=1) == 1.0

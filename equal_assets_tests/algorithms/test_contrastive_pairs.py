import numpy as np
import pytest

from equal_assets.algorithms.contrastive_pairs import (
    qa_spread,
    recall_at,
    sample_documents,
    split_by_document,
    target_rank_correlation,
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
    with pytest.raises(ValueError, match=f"QA pairs in .* = {found}: must be at least 2"):
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


def unit_rows(n, n_dimensions=5, seed=0):
    rows = rng(seed).normal(size=(n, n_dimensions))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("labels", "spread"),
    [
        ([0, 0, 1, 1], 0.0),  # each cluster holds one direction
        ([0, 1, 0, 1], 1.0),  # each is as mixed as the whole
        ([0, 0, 0, 0], 1.0),
        ([0, 0, 0, 1], (3 / 4) * (4 / 9) / (1 / 2)),  # the first cluster: 1 - (4 + 1) / 9
        ([2, 2, 7, 7], 0.0),  # numbers without documents count for nothing
    ],
)
def test_spread_worked_by_hand(labels, spread):
    pairs = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert qa_spread(pairs, np.array(labels)) == pytest.approx(spread, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_spread_is_the_mean_cosine_distance_within_clusters_over_that_of_all(seed):
    pairs, labels = unit_rows(30, seed=seed), rng(seed).integers(0, 4, size=30)
    within = [1 - (pairs[labels == k] @ pairs[labels == k].T).mean() for k in labels]
    overall = 1 - (pairs @ pairs.T).mean()
    assert qa_spread(pairs, labels) == pytest.approx(np.mean(within) / overall)


def test_spread_falls_where_clusters_follow_the_pairs():
    pairs = unit_rows(200, seed=3)
    random, by_direction = rng().integers(0, 2, size=200), (pairs[:, 0] > 0).astype(int)
    assert qa_spread(pairs, by_direction) < qa_spread(pairs, random) - 0.1


@pytest.mark.parametrize("n_pairs", [0, 1, 4])
def test_pairs_that_are_all_alike_have_no_spread(n_pairs):
    pairs = np.tile(unit_rows(1).astype(np.float32), (n_pairs, 1))
    with pytest.raises(ValueError, match=f"spread of the {n_pairs} QA pairs = .*: must be"):
        qa_spread(pairs, np.zeros(n_pairs, dtype=int))


# three documents at 0, 45 and 90 degrees to the target
TOWARD = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
TARGET = np.array([[1.0, 0.0], [0.8, 0.6]])


@pytest.mark.parametrize(
    ("pairs", "owners", "correlation"),
    [
        (TOWARD, [0, 1, 2], 1.0),
        (TOWARD[::-1], [0, 1, 2], -1.0),
        (TOWARD[[1, 0, 2]], [0, 1, 2], 0.5),
        # the mean of a document's pairs counts: 0 owns the nearest and the farthest
        (TOWARD[[0, 2, 0, 1]], [0, 0, 1, 2], -0.5),
    ],
)
def test_rank_correlation_worked_by_hand(pairs, owners, correlation):
    found = target_rank_correlation(TOWARD, pairs, np.array(owners), TARGET)
    assert found == pytest.approx(correlation)


def test_rank_correlation_is_near_nothing_where_pairs_are_unrelated():
    found = target_rank_correlation(
        unit_rows(2000, seed=1), unit_rows(2000, seed=2), np.arange(2000), unit_rows(3, seed=3)
    )
    assert abs(found) < 0.1


@pytest.mark.parametrize("documents", [TOWARD[:1], TOWARD[[1, 1, 1]]])
def test_documents_without_an_order_are_refused(documents):
    with pytest.raises(ValueError, match=f"the {len(documents)} documents have no order"):
        target_rank_correlation(documents, documents, np.arange(len(documents)), TARGET)

import numpy as np
import pytest

from equal_assets.progress import silent
from equal_assets.resources.embedding.contrastive import train_head
from equal_assets.settings import WarmUpSettings


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def planted(n, *, seed=0):
    """Pairs that share half of their dimensions with their documents; the rest is noise."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 8))
    return tuple(unit(np.hstack([shared, 2 * rng.normal(size=(n, 8))])) for _ in range(2))


def train(anchors, positives, *, anchor_ids=None, positive_ids=None, **settings):
    rows = np.arange(len(anchors))
    return train_head(
        anchors,
        positives,
        anchor_ids=rows if anchor_ids is None else anchor_ids,
        positive_ids=rows if positive_ids is None else positive_ids,
        settings=WarmUpSettings(**settings),
        progress=silent,
    )


def own_is_nearest(anchors, positives, weights):
    similarity = unit(anchors @ weights.T) @ unit(positives @ weights.T).T
    return np.mean(similarity.argmax(axis=1) == np.arange(len(anchors)))


def test_head_finds_what_documents_and_pairs_share_and_holds_on_others():
    weights, losses = train(*planted(400), epochs=20, learning_rate=0.01)
    assert losses[-1] < 0.3 * losses[0]
    others = planted(200, seed=1)
    assert own_is_nearest(*others, weights) > own_is_nearest(*others, np.eye(16)) + 0.2


def test_head_begins_as_the_identity():
    weights, losses = train(*planted(100), epochs=1, learning_rate=1e-12)
    np.testing.assert_allclose(weights, np.eye(16), atol=1e-9)
    assert len(losses) == 1


def test_first_loss_is_that_of_the_untuned_embeddings():
    anchors, positives = planted(50)
    logits = (anchors @ positives.T) / 0.1
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - np.diag(logits))
    _, losses = train(anchors, positives, epochs=1, temperature=0.1)
    assert losses[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("same", ["anchor_ids", "positive_ids"])
def test_rows_of_the_same_text_are_no_negatives_of_each_other(same):
    anchors, positives = planted(30)
    _, losses = train(anchors, positives, epochs=1, **{same: np.zeros(30, dtype=int)})
    assert losses == [pytest.approx(0.0, abs=1e-6)]  # no negative is left


def test_batches_of_an_epoch_are_of_nearly_equal_size():
    _, losses = train(*planted(65), epochs=3, batch_size=64)
    assert len(losses) == 6
    assert min(losses) > 0  # a batch of one pair would have no negatives

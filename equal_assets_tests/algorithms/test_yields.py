import numpy as np
import pytest

from equal_assets.algorithms.yields import LEAST_PAIRS, YieldModel


def sample(n=400):
    """Return documents of two kinds: feature 0 says which; 6 pairs of 50 characters, or none."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(n, 5)).astype(np.float32)
    pairs = np.where(features[:, 0] > 0, 6, 0)
    return features, pairs, 50 * pairs


def test_tells_texts_with_pairs_from_texts_without():
    features, pairs, characters = sample()
    yields = YieldModel(features[:200], pairs[:200], characters[:200]).predict(features[200:])
    is_rich = pairs[200:] > 0
    assert np.median(yields.pairs[is_rich]) == pytest.approx(6, rel=0.1)
    assert np.median(yields.pairs[~is_rich]) < 0.2
    assert np.median(yields.answer_lengths[is_rich]) == pytest.approx(50, rel=0.1)


def test_expects_the_mean_where_texts_tell_nothing():
    pairs = np.array([0, 2, 1, 1])
    yields = YieldModel(np.zeros((4, 3)), pairs, 10 * pairs).predict(np.ones((2, 3)))
    np.testing.assert_allclose(yields.pairs, 1 + LEAST_PAIRS)
    np.testing.assert_allclose(yields.answer_lengths, 10)


def test_a_sample_without_pairs_expects_the_least_everywhere():
    yields = YieldModel(np.zeros((3, 2)), np.zeros(3), np.zeros(3)).predict(np.zeros((2, 2)))
    np.testing.assert_array_equal(yields.pairs, LEAST_PAIRS)
    np.testing.assert_array_equal(yields.answer_lengths, 0.0)


def test_an_empty_sample_and_an_empty_corpus_are_no_error():
    model = YieldModel(np.zeros((0, 2)), np.zeros(0), np.zeros(0))
    assert len(model.predict(np.zeros((0, 2))).pairs) == 0
    assert (model.predict(np.zeros((2, 2))).pairs > 0).all()


def test_predictions_do_not_depend_on_the_company():
    features, pairs, characters = sample()
    model = YieldModel(features, pairs, characters)
    whole = model.predict(features)
    shuffled = np.random.default_rng(1).permutation(len(features))
    np.testing.assert_array_equal(model.predict(features[shuffled]).pairs, whole.pairs[shuffled])


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        YieldModel(np.zeros((3, 2)), np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="must be >= 0"):
        YieldModel(np.zeros((1, 2)), np.array([-1]), np.zeros(1))

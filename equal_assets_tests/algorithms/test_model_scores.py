import math

import numpy as np
import pytest

from equal_assets.algorithms.model_scores import (
    influence_scores,
    perplexity_scores,
    target_gradient,
)


def test_perplexity_score_of_a_text_whose_tokens_have_probability_one_half():
    scores = perplexity_scores(np.array([3 * math.log(0.5)]), np.array([3]))
    assert scores == pytest.approx([1 / (1 + math.log(2))])


def test_likelier_text_scores_higher_whatever_its_length():
    scores = perplexity_scores(np.array([-10.0, -10.0, -400.0, 0.0]), np.array([2, 10, 100, 5]))
    assert (np.argsort(-scores) == [3, 1, 2, 0]).all()
    assert scores.max() == 1.0
    assert scores.min() > 0


def test_target_gradient_is_the_weighted_mean_of_unit_gradients():
    gradients = np.array([[10.0, 0.0], [0.0, 0.1]])
    np.testing.assert_allclose(target_gradient(gradients, np.array([0.75, 0.25])), [0.75, 0.25])


def test_influence_is_the_cosine_to_the_target():
    gradients = np.array([[0.0, 5.0], [-2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    scores = influence_scores(gradients, np.array([0.0, 0.3]))
    np.testing.assert_allclose(scores, [1.0, 0.0, math.sqrt(0.5), 0.0])


def test_influence_does_not_depend_on_the_size_of_gradients():
    rng = np.random.default_rng(0)
    gradients, target = rng.normal(size=(5, 8)).astype(np.float32), rng.normal(size=8)
    sizes = np.array([[1e-6], [1.0], [3.0], [1e4], [1e9]], np.float32)
    np.testing.assert_allclose(
        influence_scores(gradients * sizes, 7 * target),
        influence_scores(gradients, target),
        rtol=1e-5,
    )

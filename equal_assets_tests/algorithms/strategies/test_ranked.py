from dataclasses import replace

import numpy as np
import pytest

from equal_assets.algorithms.strategies.ranked import (
    RankedDocuments,
    round_robin_order,
    score_order,
    similarity_order,
    space_order,
)
from equal_assets.algorithms.strategies.strategy import Space
from equal_assets_tests.algorithms.worlds import N_DIMENSIONS, corpus, planted_world, target


def angle(*degrees):
    """Return unit vectors in the plane of the first two dimensions."""
    radians = np.deg2rad(degrees)
    rows = np.zeros((len(degrees), N_DIMENSIONS))
    rows[:, 0], rows[:, 1] = np.cos(radians), np.sin(radians)
    return rows


def test_similarity_order_is_by_distance_to_the_mean_of_the_target():
    documents = corpus(angle(80, 20, 45, 0), [0, 0, 0, 0])
    np.testing.assert_array_equal(
        similarity_order(documents, target(angle(0, 60))), [1, 2, 3, 0]
    )  # mean direction 30 degrees


def test_score_order_is_best_first_then_nearest_then_those_without_a_score():
    documents = corpus(
        angle(80, 20, 45, 0, 30), [0] * 5, scores=np.array([4.0, 2.0, 4.0, np.nan, np.nan])
    )
    np.testing.assert_array_equal(score_order(documents, target(angle(0))), [2, 0, 1, 3, 4])


def test_score_order_needs_scores():
    with pytest.raises(ValueError, match=r"corpus\.scores = None"):
        score_order(corpus(angle(0), [0]), target(angle(0)))


def test_round_robin_gives_each_question_its_nearest_document_that_is_left():
    documents = corpus(angle(1, 2, 3, 88, 50), [0, 0, 0, 1, 1])
    questions = target(angle(0, 90))
    order = round_robin_order(
        documents, questions, n_documents=5, rng=np.random.default_rng(0)
    ).tolist()
    turns = np.random.default_rng(0).permutation(2)
    expected = [0, 3, 1, 4, 2] if turns[0] == 0 else [3, 0, 4, 1, 2]
    assert order == expected


@pytest.mark.parametrize("n_documents", [1, 7, 480])
def test_round_robin_orders_distinct_documents(n_documents):
    world = planted_world(0)
    order = round_robin_order(
        world.corpus, world.target, n_documents=n_documents, rng=np.random.default_rng(0)
    )
    assert len(order) == len(set(order.tolist())) == n_documents


def test_shorter_order_is_the_beginning_of_a_longer_one():
    world = planted_world(1)
    short, long = (
        round_robin_order(world.corpus, world.target, n_documents=n, rng=np.random.default_rng(3))
        for n in (40, 200)
    )
    np.testing.assert_array_equal(short, long[:40])


def test_another_space_decides_in_turn_where_a_strategy_has_one():
    documents = corpus(angle(1, 2, 3, 88, 50), [0, 0, 0, 1, 1])
    states = np.array([[0, 1], [0, 3], [2, 0], [1, 1], [0, 0]], dtype=np.float32)
    space = Space(states, np.eye(2, dtype=np.float32))
    order = space_order(
        replace(documents, space=space), n_documents=5, rng=np.random.default_rng(0)
    ).tolist()
    turns = np.random.default_rng(0).permutation(2)
    assert order == ([2, 1, 3, 0, 4] if turns[0] == 0 else [1, 2, 0, 3, 4])


def test_ranking_that_is_too_short_for_the_round_is_refused():
    world = planted_world(0)
    player = RankedDocuments(world.corpus, world.target, np.arange(5))
    with pytest.raises(ValueError, match="6 documents wanted, 5 of the ranking are unread"):
        player.plan(6, np.random.default_rng(0))

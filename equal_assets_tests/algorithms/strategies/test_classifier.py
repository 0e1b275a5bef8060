import numpy as np

from equal_assets.algorithms.strategies import classifier
from equal_assets.algorithms.strategies.classifier import classifier_order
from equal_assets_tests.algorithms.worlds import corpus, near, planted_world, target, unit


def test_documents_of_the_targets_arm_come_first():
    for seed in range(5):
        world = planted_world(seed, best=3)
        order = classifier_order(world.corpus, world.target, rng=np.random.default_rng(seed))
        assert sorted(order) == list(range(480))
        assert (world.corpus.arms[order[:40]] == 3).mean() >= 0.9


def test_every_question_is_served_not_their_mean():
    rng = np.random.default_rng(0)
    first, second, far = unit(np.eye(16)[:3])
    documents = np.concatenate([near(center, 50, rng) for center in (first, second, far, -far)])
    between = unit(first + second)[None]
    known = corpus(np.concatenate([documents, between]), [0] * 201)
    questions = target(np.concatenate([near(center, 20, rng) for center in (first, second)]))
    order = classifier_order(known, questions, rng=rng)
    assert {row // 50 for row in order[:90] if row < 200} == {0, 1}


def test_what_is_learned_from_a_sample_orders_all(monkeypatch):
    world = planted_world(1, best=2, per_arm=100)
    monkeypatch.setattr(classifier, "SAMPLE_DOCUMENTS", 120)
    orders = [
        classifier_order(world.corpus, world.target, rng=np.random.default_rng(seed))
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()
    assert len(orders[0]) == 1200
    assert (world.corpus.arms[orders[0][:100]] == 2).mean() >= 0.9

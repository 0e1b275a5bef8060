from dataclasses import asdict, replace

import numpy as np
import pytest

from equal_assets.algorithms import pruning
from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost
from equal_assets.algorithms.pruning import ALL, Judgment, decide, judge
from equal_assets.algorithms.strategies.strategy import Target


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def unit(rows):
    rows = np.asarray(rows, dtype=np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def at(*degrees):
    """Return vectors of the plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def target(embeddings, weights=None):
    weights = np.ones(len(embeddings)) if weights is None else np.asarray(weights, dtype=float)
    return Target(
        embeddings=embeddings,
        answer_lengths=np.ones(len(embeddings)),
        weights=weights / weights.sum(),
    )


def prune(pairs, reference, *, lengths=None, shortest=0.0, **changes):
    """Prune pairs whose answers are all long enough."""
    lengths = np.ones(len(pairs)) if lengths is None else np.asarray(lengths, dtype=float)
    return pruning.prune(pairs, lengths, reference, shortest=shortest, **changes)


def cloud(rng, n, *, width=0.6, n_dimensions=6):
    """Return unit vectors around one direction."""
    return unit(np.eye(n_dimensions)[0] + width * rng.normal(size=(n, n_dimensions)))


QUESTIONS = target(at(0, 90))
PAIRS = at(1, 10, 20, 50, 84, 120)
"""By nearness to 0 degrees rows 0 1 2 3 4 5; to 90 degrees rows 4 5 3 2 1 0."""


def test_each_question_keeps_its_nearest_pairs():
    pruned = prune(PAIRS, QUESTIONS, per_question=1, at_least=0)
    assert pruned.is_kept.tolist() == [True, False, False, False, True, False]
    assert pruned.ranks.tolist() == [1, 2, 3, 3, 1, 2]
    assert pruned.questions.tolist() == [0, 0, 0, 1, 1, 1]
    assert (pruned.per_question, pruned.judgments) == (1, ())
    two = prune(PAIRS, QUESTIONS, per_question=2, at_least=0)
    assert two.is_kept.tolist() == [True, True, False, False, True, True]
    assert prune(PAIRS, QUESTIONS, per_question=3, at_least=0).per_question == ALL


def test_of_equal_places_the_nearer_question_is_named():
    pruned = prune(at(3, 40), target(at(0, 1)), per_question=1, at_least=0)
    assert pruned.ranks.tolist() == [1, 2]
    assert pruned.questions.tolist() == [1, 1]


def test_question_without_weight_chooses_nothing():
    pruned = prune(PAIRS, target(at(0, 90), [1, 0]), per_question=1, at_least=0)
    assert pruned.is_kept.tolist() == [True] + 5 * [False]


def test_at_least_so_many_are_kept():
    for at_least, n_kept, is_raised in ((2, 2, False), (3, 4, True), (99, 6, True)):
        pruned = prune(PAIRS, QUESTIONS, per_question=1, at_least=at_least)
        assert (pruned.is_kept.sum(), pruned.is_raised) == (n_kept, is_raised)


def test_empty_pool_stays_empty():
    for per_question in (None, 1):
        pruned = prune(PAIRS[:0], QUESTIONS, per_question=per_question, at_least=50)
        assert len(pruned.is_kept) == len(pruned.ranks) == 0


def test_numbers_out_of_range_and_lengths_of_other_pairs_are_refused():
    with pytest.raises(
        ValueError, match="per_question = -1: must be at least 0, or None to decide"
    ):
        prune(PAIRS, QUESTIONS, per_question=-1, at_least=0)
    with pytest.raises(ValueError, match=r"shortest = 1\.1: must be 0 to 1"):
        prune(PAIRS, QUESTIONS, shortest=1.1, per_question=1, at_least=0)
    with pytest.raises(ValueError, match="6 pairs, 5 lengths: lengths must match"):
        prune(PAIRS, QUESTIONS, lengths=[1] * 5, per_question=1, at_least=0)


LONG = Target(
    embeddings=at(0, 90), answer_lengths=np.array([40.0, 80.0]), weights=np.array([0.5, 0.5])
)
"""The quantile .25 of its answers is 50 characters."""


def test_pairs_with_answers_shorter_than_the_target_s_go_before_any_question_chooses():
    lengths = [49, 50, 51, 500, 1, 50]
    pruned = prune(PAIRS, LONG, lengths=lengths, shortest=0.25, per_question=1, at_least=0)
    assert pruned.is_short.tolist() == [True, False, False, False, True, False]
    assert pruned.is_kept.tolist() == [False, True, False, False, False, True]
    assert pruned.ranks.tolist() == [0, 1, 2, 2, 0, 1]
    whole = prune(PAIRS, LONG, lengths=lengths, shortest=0.25, per_question=ALL, at_least=0)
    assert (whole.is_kept.tolist(), whole.per_question) == ((~pruned.is_short).tolist(), ALL)
    none = prune(PAIRS, LONG, lengths=lengths, per_question=ALL, at_least=0)
    assert none.is_kept.all()


def test_the_longest_of_short_answers_stay_where_there_would_be_too_few_pairs():
    lengths = [1, 2, 3, 4, 5, 60]
    for at_least, n_kept in ((0, 1), (1, 1), (3, 3), (99, 6)):
        pruned = prune(
            PAIRS, LONG, lengths=lengths, shortest=0.25, per_question=ALL, at_least=at_least
        )
        assert pruned.is_kept.tolist() == [row >= 6 - n_kept for row in range(6)]
    short = prune(
        PAIRS, LONG, lengths=[1, 1, 1, 2, 1, 1], shortest=0.25, per_question=1, at_least=0
    )
    assert short.is_kept.tolist() == [row == 3 for row in range(6)]


def test_answers_of_questions_without_weight_say_nothing_about_length():
    known = Target(LONG.embeddings, LONG.answer_lengths, np.array([0.0, 1.0]))
    pruned = prune(
        PAIRS, known, lengths=[79] * 3 + [80] * 3, shortest=0.5, per_question=9, at_least=0
    )
    assert pruned.is_short.tolist() == 3 * [True] + 3 * [False]


def test_order_of_the_pairs_does_not_matter(rng):
    pool, questions = cloud(rng, 120), target(cloud(rng, 40))
    order, lengths = rng.permutation(len(pool)), rng.uniform(0.1, 1.5, size=len(pool))
    for per_question in (None, 3):
        how = {"per_question": per_question, "shortest": 0.3, "at_least": 0}
        questions = replace(questions, answer_lengths=rng.uniform(0.1, 1.5, size=40))
        first = prune(pool, questions, lengths=lengths, **how)
        second = prune(pool[order], questions, lengths=lengths[order], **how)
        assert second.is_kept.tolist() == first.is_kept[order].tolist()
        assert second.ranks.tolist() == first.ranks[order].tolist()
        assert second.per_question == first.per_question


def test_copy_stays_or_goes_with_its_original(rng):
    pool, questions = cloud(rng, 60), target(cloud(rng, 20))
    pruned = prune(np.concatenate([pool, pool]), questions, per_question=2, at_least=0)
    assert pruned.is_kept[:60].tolist() == pruned.is_kept[60:].tolist()
    assert 0 < pruned.is_kept.sum() < 120


def test_judged_by_the_questions_that_did_not_choose(rng):
    pool, questions = cloud(rng, 90), target(cloud(rng, 16))
    similarity, found = pool @ questions.embeddings.T, []
    for way in range(4):
        is_first = np.array([row // 2**way % 2 == 0 for row in range(16)])
        for half in (is_first, ~is_first):
            chosen = {row for column in similarity.T[half] for row in np.argsort(-column)[:4]}
            found.append(ot_cost(cosine_cost(pool[sorted(chosen)], questions.embeddings[~half])))
    judged = {row.per_question: row for row in judge(pool, questions)}
    assert list(judged) == [1, 2, 4, 8, 16, 32, 64, ALL]
    assert judged[4].cost == pytest.approx(np.mean(found))
    lowest = min(judged.values(), key=lambda row: row.cost)
    assert lowest.error == 0 < max(row.error for row in judged.values())


def test_questions_without_weight_judge_nothing(rng):
    pool, known = cloud(rng, 50), cloud(rng, 20)
    with_others = np.concatenate([known, -known])
    weighted = target(with_others, [1] * 20 + [0] * 20)
    for with_them, without in zip(judge(pool, weighted), judge(pool, target(known)), strict=True):
        assert asdict(with_them) == pytest.approx(asdict(without))


def test_most_that_is_not_clearly_worse_than_the_best_is_taken():
    def judged(*rows):
        return [Judgment(*row) for row in rows]

    assert decide(judged((1, 0.50, 0.1), (2, 0.40, 0.0), (4, 0.41, 0.02), (ALL, 0.6, 0.1))) == 4
    assert decide(judged((1, 0.50, 0.1), (2, 0.40, 0.0), (4, 0.43, 0.02), (ALL, 0.6, 0.1))) == 2
    assert decide(judged((1, 0.40, 0.0), (2, 0.45, 0.01), (ALL, 0.41, 0.02))) == ALL
    assert decide([]) == ALL


def test_with_too_few_questions_to_tell_everything_is_kept(rng):
    pool, questions = np.concatenate([cloud(rng, 40), -cloud(rng, 40)]), cloud(rng, 16)
    assert judge(pool, target(questions[:15])) == ()
    assert prune(pool, target(questions[:15]), per_question=None, at_least=0).per_question == ALL
    assert prune(pool, target(questions), per_question=None, at_least=0).per_question != ALL


def test_pairs_that_serve_nothing_go_and_those_like_the_target_stay(rng):
    useful, useless = cloud(rng, 200, width=0.3), -cloud(rng, 200, width=0.3)
    questions = target(cloud(rng, 100, width=0.3))
    pruned = prune(np.concatenate([useful, useless]), questions, per_question=None, at_least=0)
    assert not pruned.is_kept[200:].any()
    assert pruned.is_kept[:200].sum() > 100
    assert pruned.per_question > 1


def test_of_many_questions_some_judge_and_all_choose(rng, monkeypatch):
    pool, questions = cloud(rng, 400), target(cloud(rng, 64))
    every = {row.per_question: row for row in judge(pool, questions)}
    monkeypatch.setattr("equal_assets.algorithms.pruning.JUDGES", 32)
    some = {row.per_question: row for row in judge(pool, questions)}
    fewer = target(questions.embeddings[np.linspace(0, 63, 32).astype(int)])
    assert some[ALL].cost == pytest.approx(judge(pool, fewer)[-1].cost)  # nothing is chosen
    assert some[1].cost < judge(pool, fewer)[0].cost  # twice as many choose
    assert some[1].cost == pytest.approx(every[1].cost, rel=0.2)
    assert max(row.error for row in some.values()) > max(row.error for row in every.values())


def test_large_choice_is_judged_by_a_part_of_it(rng, monkeypatch):
    pool, questions = cloud(rng, 400), target(cloud(rng, 64))
    whole = {row.per_question: row.cost for row in judge(pool, questions)}
    monkeypatch.setattr("equal_assets.algorithms.pruning.JUDGED_PAIRS", 200)
    part = {row.per_question: row.cost for row in judge(pool, questions)}
    assert part[1] == whole[1]
    assert part[ALL] != whole[ALL]
    assert part[ALL] == pytest.approx(whole[ALL], rel=0.05)

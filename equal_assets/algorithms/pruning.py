"""Which pairs of a pool serve a target: those with answers as long as its own, near its questions.

A pair that is extracted has been paid for, so leaving it out costs nothing. How many pairs each
question keeps is decided on questions that had no say in which ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from equal_assets.algorithms.optimal_transport import (
    check_unit_rows,
    cosine_cost,
    ot_cost_by_target,
)
from equal_assets.algorithms.strategies.strategy import Target

ALL = 0
"""In place of a number of pairs per question: nothing is left out."""

SPLITS = 4
"""Ways to halve the reference questions; in each, either half judges what the other chose."""

LEAST_QUESTIONS = 2**SPLITS
"""With fewer, two of the ways to halve them are the same, and everything is kept."""

ERRORS = 1.0
"""Standard errors by which keeping more may look worse than the best number, and still be taken."""

JUDGED_PAIRS = 2_000
"""Of a larger choice, every k-th by rank is transported: the simplex takes too long for all."""

JUDGES = 1_000
"""Of more questions, every k-th judges, for the same reason; all choose."""

NUMBERS = (1, 2, 4, 8, 16, 32, 64, ALL)
"""Pairs per question that are judged."""

BLOCK_QUESTIONS = 64

DIGITS = 6
"""Of what is ranked: a pair has the same rank wherever it is in the pool."""


@dataclass(frozen=True)
class Judgment:
    """How well a number of pairs per question serves questions that did not choose them.

    Attributes
    ----------
    per_question : int
        :data:`ALL` for the whole pool.
    cost : float
        Mean OT cost to the half of the reference questions that did not choose; lower is better.
    error : float
        Standard error of its difference to the lowest cost.
    """

    per_question: int
    cost: float
    error: float


@dataclass(frozen=True)
class Pruning:
    """What is left of a pool, and why.

    Attributes
    ----------
    is_kept, is_short : ndarray of shape (n_pairs,), bool
        A short one is not kept.
    ranks : ndarray of shape (n_pairs,), int64
        Best place of each pair among those nearest to a reference question, from 1; 0: too short.
    questions : ndarray of shape (n_pairs,), int64
        Row of the reference question for which it has that place, of several the nearest.
    per_question : int
        Pairs that each question keeps; :data:`ALL` if nothing is left out.
    is_raised : bool
        Whether each question keeps more than it was to, so that enough pairs stay.
    judgments : tuple of Judgment
        What decided how many, fewest pairs first; empty where that was given.
    """

    is_kept: np.ndarray
    is_short: np.ndarray
    ranks: np.ndarray
    questions: np.ndarray
    per_question: int
    is_raised: bool
    judgments: tuple[Judgment, ...]


def prune(
    pairs: np.ndarray,
    answer_lengths: np.ndarray,
    target: Target,
    *,
    per_question: int | None,
    shortest: float,
    at_least: int,
) -> Pruning:
    """Keep the pairs of a pool with long enough answers that are the nearest of any question.

    Parameters
    ----------
    pairs : ndarray of shape (n_pairs, n_dimensions)
        Unit rows; may be empty.
    answer_lengths : ndarray of shape (n_pairs,)
        Characters of each answer.
    target : Target
        Reference questions; those of weight 0 choose and judge nothing.
    per_question : int or None
        Pairs that each question keeps, or :data:`ALL`; ``None`` decides by :func:`judge` and
        :func:`decide`.
    shortest : float
        Quantile of the lengths of the reference answers, 0 to 1, below which an answer is short; 0:
        none is. See :func:`is_long_enough`.
    at_least : int
        Pairs to keep if there are so many: shorter ones stay, and each question keeps more, where
        that takes it.

    Returns
    -------
    Pruning
        The same for any order of the pairs. Pairs equally near to a question share a place, so a
        copy stays or goes with its original.

    Raises
    ------
    ValueError
        If ``per_question`` is below 0, ``shortest`` is no share, the lengths are not one for each
        pair, or a vector is not of unit length.
    """
    _check(pairs, answer_lengths, per_question=per_question, shortest=shortest)
    if not len(pairs):
        none = np.zeros(0, dtype=np.int64)
        return Pruning(none.astype(bool), none.astype(bool), none, none, ALL, False, ())
    is_long = is_long_enough(answer_lengths, target, shortest=shortest, at_least=at_least)
    rows = np.flatnonzero(is_long)
    check_unit_rows(pairs=pairs, reference=target.embeddings)
    with threadpool_limits(1, user_api="blas"):
        (places,), (nearest,) = _places(pairs[rows], target, [target.weights > 0])
        judgments = judge(pairs[rows], target) if per_question is None else ()
    ranks, questions = np.zeros((2, len(pairs)), dtype=np.int64)
    ranks[rows], questions[rows] = np.ceil(places), nearest
    wanted = decide(judgments) if per_question is None else per_question
    least = np.sort(ranks[rows])[min(at_least, len(rows)) - 1] if at_least > 0 else 0
    number = max(wanted, int(least)) if wanted != ALL else int(ranks.max())
    is_kept = is_long & (ranks <= number)
    return Pruning(
        is_kept=is_kept,
        is_short=~is_long,
        ranks=ranks,
        questions=questions,
        per_question=ALL if is_kept[rows].all() else number,
        is_raised=number > wanted != ALL,
        judgments=judgments,
    )


def is_long_enough(
    answer_lengths: np.ndarray, target: Target, *, shortest: float, at_least: int
) -> np.ndarray:
    """Say which answers are as long as the target's: a student that learns others gets worse.

    Parameters
    ----------
    answer_lengths : ndarray of shape (n_pairs,)
        Characters.
    target : Target
    shortest : float
        Quantile of the lengths of the reference answers that is long enough; 0: every length is.
    at_least : int
        Pairs to keep if there are so many, the longest; one stays in any case.

    Returns
    -------
    ndarray of shape (n_pairs,), bool
    """
    if not shortest or not len(answer_lengths):
        return np.ones(len(answer_lengths), dtype=bool)
    enough = float(np.quantile(target.answer_lengths[target.weights > 0], shortest))
    n_kept = min(max(1, at_least), len(answer_lengths))
    enough = min(enough, float(np.sort(answer_lengths)[-n_kept]))
    return np.asarray(answer_lengths >= enough)


def judge(pairs: np.ndarray, target: Target) -> tuple[Judgment, ...]:
    """Judge each number of pairs per question by questions that did not choose.

    Parameters
    ----------
    pairs : ndarray of shape (n_pairs, n_dimensions)
        Unit rows, at least one.
    target : Target

    Returns
    -------
    tuple of Judgment
        For each of :data:`NUMBERS`; empty if there are fewer than :data:`LEAST_QUESTIONS`
        questions of weight above 0: too few to tell.

    Notes
    -----
    A number that is chosen and judged by the same questions overfits: one pair per question always
    looks best. So the questions are halved in :data:`SPLITS` ways, each half chooses, and the
    other half is the target of the transport. Smaller parts would not do: the OT cost to few
    questions punishes whatever is near to others, so it favors few pairs.

    To first order the OT cost changes with a question's weight by its dual potential. So the
    spread over the questions of the difference of two potentials tells what chance does to the
    difference of two costs.
    """
    asked = np.flatnonzero(target.weights > 0)
    if len(asked) < LEAST_QUESTIONS:
        return ()
    judges = asked[_spread(len(asked), JUDGES)]
    halves = _halves(np.concatenate([judges, np.setdiff1d(asked, judges)]), len(target.weights))
    parts = {number: np.zeros(len(target.weights)) for number in NUMBERS}  # of the cost
    places, _ = _places(pairs, target, halves)
    for half, by_half in zip(halves, places, strict=True):
        others = judges[~half[judges]]
        for number, costs in parts.items():
            chosen = pairs[_evenly(by_half, number)]
            by_question = ot_cost_by_target(
                cosine_cost(chosen, target.embeddings[others]),
                target_weights=target.weights[others],
            )
            costs[others] += by_question / SPLITS
    weights = target.weights[judges] / target.weights[judges].sum()
    best = min(parts.values(), key=lambda costs: costs[judges] @ weights)
    return tuple(
        Judgment(
            per_question=number,
            cost=float(costs[judges] @ weights),
            error=_standard_error((costs - best)[judges], weights),
        )
        for number, costs in parts.items()
    )


def decide(judgments: Sequence[Judgment]) -> int:
    """Return how many pairs each question keeps: the most that look no worse than the best.

    Returns
    -------
    int
        The largest number whose cost exceeds the lowest by at most :data:`ERRORS` standard errors;
        :data:`ALL` where nothing was judged. So few questions, which tell little, keep more.
    """
    if not judgments:
        return ALL
    lowest = min(judgment.cost for judgment in judgments)
    good = [row.per_question for row in judgments if row.cost <= lowest + ERRORS * row.error]
    return ALL if ALL in good else max(good)


def _check(
    pairs: np.ndarray, answer_lengths: np.ndarray, *, per_question: int | None, shortest: float
) -> None:
    if per_question is not None and per_question < 0:
        raise ValueError(f"per_question = {per_question}: must be at least 0, or None to decide")
    if not 0 <= shortest <= 1:
        raise ValueError(f"shortest = {shortest}: must be 0 to 1")
    if len(answer_lengths) != len(pairs):
        raise ValueError(f"{len(pairs)} pairs, {len(answer_lengths)} lengths: lengths must match")


def _places(
    pairs: np.ndarray, target: Target, groups: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best place of each pair for any question of a group, and for which.

    Rounded up, a place is a rank from 1; of equal ranks the nearer pair is before.

    Parameters
    ----------
    pairs, target
        As in :func:`judge`.
    groups : sequence of ndarray of shape (n_questions,), bool

    Returns
    -------
    tuple of ndarray of shape (n_groups, n_pairs)
    """
    best = np.full((len(groups), len(pairs)), np.inf)
    found = np.zeros(best.shape, dtype=np.int64)
    for start in range(0, len(target.embeddings), BLOCK_QUESTIONS):
        block = target.embeddings[start : start + BLOCK_QUESTIONS]
        similarity = np.round(pairs @ block.T, DIGITS)  # (n_pairs, n_block)
        for question, column in enumerate(similarity.T, start):
            n_above = len(pairs) - np.searchsorted(np.sort(column), column, side="right")
            place = n_above + 1 / (1 + np.exp(column))
            for group, is_in in enumerate(groups):
                if is_in[question]:
                    found[group, place < best[group]] = question
                    np.minimum(best[group], place, out=best[group])
    return best, found


def _evenly(places: np.ndarray, number: int) -> np.ndarray:
    """Return the rows up to a rank; of very many, every k-th by place."""
    rows = np.flatnonzero(places <= number) if number != ALL else np.arange(len(places))
    in_order = rows[np.argsort(places[rows], kind="stable")]
    return in_order[_spread(len(rows), JUDGED_PAIRS)]


def _spread(n_rows: int, most: int) -> np.ndarray:
    """Return so many of the rows, evenly spread; all if there are no more."""
    return np.linspace(0, n_rows - 1, min(n_rows, most)).astype(np.int64)


def _halves(asked: np.ndarray, n_questions: int) -> list[np.ndarray]:
    """Return both halves of the questions asked, in each of the ways to halve them, as masks."""
    sides = [(np.arange(len(asked)) >> way) & 1 for way in range(SPLITS)]
    halves = [asked[side == which] for side in sides for which in (0, 1)]
    return [np.isin(np.arange(n_questions), half) for half in halves]


def _standard_error(differences: np.ndarray, weights: np.ndarray) -> float:
    centered = differences - differences @ weights
    return float(np.sqrt((weights * centered) @ (weights * centered)))

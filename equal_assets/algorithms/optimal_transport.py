"""Cost matrix -> exact optimal transport -> OT cost -> reward (arXiv:2505.12250, section 3.2)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

REWARD_WITHOUT_PAIRS = -1.0
"""Reward of an arm that yielded no QA pair: that of pairs orthogonal to the whole target.

The paper leaves it open; documents that cost a call and yield nothing must not look good.
"""


class ConvergenceError(RuntimeError):
    """The network simplex stopped before it reached the optimum."""


@dataclass(frozen=True)
class SamplingBias:
    """How much higher the OT cost from a few pairs is than from all pairs of their source.

    Attributes
    ----------
    sizes : ndarray of shape (n_sizes,), int64
        Numbers of pairs, increasing; the first is 1.
    biases : ndarray of shape (n_sizes,), float64
        Mean excess of the OT cost at each size, cosine distance; >= 0, never rising.
    """

    sizes: np.ndarray
    biases: np.ndarray


def check_unit_rows(**embeddings: np.ndarray) -> None:
    """Raise unless every matrix has rows of unit length and all have the same dimensions.

    Parameters
    ----------
    **embeddings : ndarray of shape (n_rows, n_dimensions)
        Under the name to use in errors.

    Raises
    ------
    ValueError
        If a matrix is empty, the dimensions differ, or a row is not of unit length.
    """
    for name, rows in embeddings.items():
        if rows.ndim != 2 or not len(rows):
            raise ValueError(f"{name} has shape {rows.shape}: must be (n >= 1, n_dimensions)")
        norms = np.linalg.norm(rows, axis=1)
        if not np.allclose(norms, 1.0, atol=1e-2):
            raise ValueError(
                f"{name} has a row of length {norms[np.argmax(abs(norms - 1))]:.3f}: "
                "must be 1; normalize the embeddings"
            )
    (first, rows), *others = embeddings.items()
    for name, other in others:
        if rows.shape[1] != other.shape[1]:
            raise ValueError(f"{first} has {rows.shape[1]} dimensions, {name} {other.shape[1]}")


def cosine_cost(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the cosine distance between every source and target embedding.

    Parameters
    ----------
    source : ndarray of shape (n_source, n_dimensions)
        Embedded QA pairs; every row of unit length.
    target : ndarray of shape (n_target, n_dimensions)
        Embedded QA pairs of the target; every row of unit length.

    Returns
    -------
    ndarray of shape (n_source, n_target), float64
        ``1 - cos(x, y)``, in [0, 2].

    Raises
    ------
    ValueError
        If a matrix is empty, the dimensions differ, or a row is not of unit length.
    """
    check_unit_rows(source=source, target=target)
    cost = 1.0 - source.astype(np.float64) @ target.astype(np.float64).T  # (n_source, n_target)
    return np.clip(cost, 0.0, 2.0)


def ot_cost(cost_matrix: np.ndarray, *, target_weights: np.ndarray | None = None) -> float:
    """Return the exact optimal transport cost between two distributions.

    ``OT(mu, nu) = min over plans pi with marginals mu, nu of sum(pi * cost_matrix)``

    Parameters
    ----------
    cost_matrix : ndarray of shape (n_source, n_target), float64
        Cost of moving a unit of mass; every source row weighs ``1 / n_source``.
    target_weights : ndarray of shape (n_target,), optional
        Weights of the target columns, >= 0, in any unit: they are divided by their sum. Uniform by
        default.

    Returns
    -------
    float
        Lower is nearer; between the smallest and the largest entry of ``cost_matrix``.

    Raises
    ------
    ConvergenceError
        If the solver stops before the optimum.
    ValueError
        If there is not one finite weight >= 0 for each target, or all are 0.

    Notes
    -----
    The authors' code runs 5,000 proximal iterations instead; the network simplex of POT is exact
    and 7 to 40 times faster at these sizes.

    References
    ----------
    arXiv:2505.12250, section 3.2; Bonneel et al. 2011 for the solver.
    """
    return _transport(cost_matrix, target_weights)[0]


def ot_cost_by_target(
    cost_matrix: np.ndarray, *, target_weights: np.ndarray | None = None
) -> np.ndarray:
    """Return how much each target contributes to the exact optimal transport cost.

    Parameters
    ----------
    cost_matrix, target_weights
        As in :func:`ot_cost`.

    Returns
    -------
    ndarray of shape (n_target,), float64
        Their weighted mean is the OT cost. Up to a constant they are dual potentials: how fast
        the cost rises with the weight of a target.

    Raises
    ------
    ConvergenceError, ValueError
        As :func:`ot_cost`.
    """
    cost, potentials, weights = _transport(cost_matrix, target_weights)
    return cost + potentials - potentials @ weights


def _transport(
    cost_matrix: np.ndarray, target_weights: np.ndarray | None
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the OT cost, the dual potentials of the targets, and their weights."""
    import ot  # here: it imports torch, which takes seconds

    n_source, n_target = cost_matrix.shape
    source = np.full(n_source, 1.0 / n_source)
    target = _normalized_weights(target_weights, n_target)
    costs = np.ascontiguousarray(cost_matrix, dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # POT warns if it has not converged
        try:
            cost, solved = ot.emd2(source, target, costs, numItermax=10_000_000, log=True)
        except UserWarning as warning:
            raise ConvergenceError(
                f"optimal transport of a {cost_matrix.shape} cost matrix: {warning}"
            ) from warning
    return float(cost), solved["v"], target


def _normalized_weights(weights: np.ndarray | None, n_target: int) -> np.ndarray:
    if weights is None:
        return np.full(n_target, 1.0 / n_target)
    if weights.shape != (n_target,):
        raise ValueError(f"target_weights has shape {weights.shape}: must be ({n_target},)")
    if not np.isfinite(weights).all() or weights.min() < 0:
        bad = weights[~(np.isfinite(weights) & (weights >= 0))][0]
        raise ValueError(f"target_weights has the entry {bad}: must be finite and >= 0")
    if not weights.any():
        raise ValueError("target_weights are all 0: must be > 0 at least once")
    return weights / weights.sum(dtype=np.float64)


def ot_reward(
    pair_embeddings: np.ndarray,
    reference_embeddings: np.ndarray,
    *,
    target_weights: np.ndarray | None = None,
) -> float:
    """Return the reward of an arm: minus the OT cost from its QA pairs to the reference set.

    Parameters
    ----------
    pair_embeddings : ndarray of shape (n_pairs, n_dimensions)
        All QA pairs extracted from the arm so far, unit rows; may be empty.
    reference_embeddings : ndarray of shape (n_reference, n_dimensions)
        The target's reference pairs, unit rows.
    target_weights : ndarray of shape (n_reference,), optional
        How much each reference pair counts; uniform by default.

    Returns
    -------
    float
        Higher is better; :data:`REWARD_WITHOUT_PAIRS` for an arm without pairs.
    """
    if not len(pair_embeddings):
        return REWARD_WITHOUT_PAIRS
    cost = cosine_cost(pair_embeddings, reference_embeddings)
    return -ot_cost(cost, target_weights=target_weights)


def sampling_bias(
    reference_embeddings: np.ndarray,
    sizes: Sequence[int],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> SamplingBias:
    """Measure on the reference set how much the OT cost rises when there are few pairs.

    Each draw halves the reference set at random, draws pairs with replacement from one half and
    transports them to the other. The bias is that cost minus the cost of the whole half, which is
    all that the pairs were drawn from.

    Parameters
    ----------
    reference_embeddings : ndarray of shape (n_reference, n_dimensions)
        The target's reference pairs, unit rows; at least 4.
    sizes : sequence of int
        Numbers of pairs at which to measure the bias, each >= 2, increasing; 1 is always added.
    n_draws : int
        Draws to average, >= 1.
    rng : numpy.random.Generator
        The same state gives the same biases.

    Returns
    -------
    SamplingBias

    Raises
    ------
    ValueError
        If the reference set is smaller than 4, the sizes do not increase from 2 up, or there is
        no draw.
    """
    if len(reference_embeddings) < 4:
        raise ValueError(f"reference pairs = {len(reference_embeddings)}: must be at least 4")
    if not len(sizes) or min(sizes) < 2 or np.any(np.diff(sizes) <= 0):
        raise ValueError(f"sizes = {list(sizes)}: must be increasing numbers, each >= 2")
    if n_draws < 1:
        raise ValueError(f"n_draws = {n_draws}: must be at least 1")
    excess = np.mean([_excess(reference_embeddings, sizes, rng) for _ in range(n_draws)], axis=0)
    # noise must not make more pairs look worse than fewer
    biases = np.minimum.accumulate(np.maximum(excess, 0.0))
    return SamplingBias(sizes=np.array([1, *sizes], dtype=np.int64), biases=biases)


def measure_bias(reference_embeddings: np.ndarray) -> SamplingBias:
    """Return :func:`sampling_bias` at the numbers of pairs that arms hold: 1 to 256.

    Parameters
    ----------
    reference_embeddings : ndarray of shape (n_reference, n_dimensions)
        The target's reference pairs, unit rows; at least 4.
    """
    sizes = [2**power for power in range(1, 9)]
    rng = np.random.default_rng(0)
    return sampling_bias(reference_embeddings, sizes, n_draws=10, rng=rng)


def _excess(reference: np.ndarray, sizes: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Return one draw of the bias at 1 and at every size."""
    order = rng.permutation(len(reference))
    half = len(reference) // 2
    cost = cosine_cost(reference[order[:half]], reference[order[half:]])
    drawn = rng.integers(half, size=sizes[-1])  # shared by the sizes: their differences matter
    # a single pair can only spread evenly: its mean cost is known without a draw
    costs = [cost.mean(), *(ot_cost(cost[drawn[:n]]) for n in sizes)]
    return np.array(costs) - ot_cost(cost)


def debiased_ot_reward(
    pair_embeddings: np.ndarray,
    reference_embeddings: np.ndarray,
    bias: SamplingBias,
    *,
    target_weights: np.ndarray | None = None,
) -> float:
    """Return the reward that an arm would have if all of its QA pairs had been extracted.

    OT from few pairs is biased upward, so with :func:`ot_reward` an arm looks worse the less is
    known about it. A single pair must spread over the whole target; with more pairs, matching each
    to its own part saves more of the cost. With ``f`` the share of that saving which n pairs miss
    (measured on the reference set: its bias at n over its bias at 1),

        ``saving = (mean cost - OT) + f * (bias at 1) / 2``
        ``reward = -(OT - f * saving)``

    The first term is the saving that the arm's own pairs show. The part they cannot show is taken
    to be half of what the target saves against itself: midway between nothing (an arm whose pairs
    are all alike) and an arm as wide as the target.

    Parameters
    ----------
    pair_embeddings : ndarray of shape (n_pairs, n_dimensions)
        All QA pairs extracted from the arm so far, unit rows; may be empty.
    reference_embeddings : ndarray of shape (n_reference, n_dimensions)
        The target's reference pairs, unit rows.
    bias : SamplingBias
        Measured on the same reference set. It is interpolated over the logarithm of the size;
        beyond the largest size it falls with the square root of the size.
    target_weights : ndarray of shape (n_reference,), optional
        How much each reference pair counts; uniform by default.

    Returns
    -------
    float
        Higher is better, comparable between arms with different numbers of pairs. Never below
        :func:`ot_reward`; being an estimate, it may exceed 0. :data:`REWARD_WITHOUT_PAIRS`
        for an arm without pairs.

    Raises
    ------
    ConvergenceError
        If the solver stops before the optimum.
    ValueError
        If a matrix has rows that are not of unit length, or the dimensions differ.
    """
    if not len(pair_embeddings):
        return REWARD_WITHOUT_PAIRS
    cost = cosine_cost(pair_embeddings, reference_embeddings)
    transported = ot_cost(cost, target_weights=target_weights)
    bias_here = _bias_at(bias, len(pair_embeddings))
    missed = bias_here / bias.biases[0] if bias.biases[0] else 0.0  # 0: a target of one point
    spread = np.average(cost.mean(axis=0), weights=target_weights)
    saving = (spread - transported) + missed * bias.biases[0] / 2
    return float(missed * saving - transported)


def _bias_at(bias: SamplingBias, n_pairs: int) -> float:
    inside = np.interp(np.log(n_pairs), np.log(bias.sizes), bias.biases)
    return float(inside * min(1.0, np.sqrt(bias.sizes[-1] / n_pairs)))

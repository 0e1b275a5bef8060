"""Two students on the same questions, and whether chance explains that one is better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equal_assets.algorithms.judging.metrics import perplexity


@dataclass(frozen=True)
class PairedAccuracy:
    """The first student's accuracy against the second's.

    Parameters
    ----------
    difference : float
        First minus second, in [-1, 1].
    p_value : float
        Of McNemar's exact test, two-sided.
    n_first_only, n_second_only : int
        Questions that only one answers correctly; the others say nothing.
    """

    difference: float
    p_value: float
    n_first_only: int
    n_second_only: int


@dataclass(frozen=True)
class PairedPerplexity:
    """The first student's perplexity of the true answers against the second's.

    Parameters
    ----------
    ratio : float
        First divided by second; below 1 the first is better.
    low, high : float
        Confidence interval of the ratio.
    p_value : float
        Two-sided, of the ratio being 1; never below ``2 / (n_resamples + 1)``.
    """

    ratio: float
    low: float
    high: float
    p_value: float


def compare_accuracies(first: np.ndarray, second: np.ndarray) -> PairedAccuracy:
    """Compare two accuracies by McNemar's exact test.

    Parameters
    ----------
    first, second : ndarray of shape (n_questions,), bool
        Whether each student answers the question correctly, in one order of questions.

    Returns
    -------
    PairedAccuracy
        With a p-value of 1 where the students never differ.

    Raises
    ------
    ValueError
        If the arrays are not bool, differ in shape, or are empty.

    Notes
    -----
    If the students are equally good, each question that only one answers correctly is a fair coin.
    For rates over several samples a question this test does not hold: it counts questions.

    References
    ----------
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 1947.
    """
    if first.dtype != bool or second.dtype != bool:
        raise ValueError(f"first is {first.dtype}, second {second.dtype}: must be bool arrays")
    _check_paired(first=first, second=second)
    from scipy.stats import binomtest  # here: it takes most of a second to import

    n_first_only = int(np.sum(first & ~second))
    n_second_only = int(np.sum(second & ~first))
    n_differ = n_first_only + n_second_only
    return PairedAccuracy(
        difference=(n_first_only - n_second_only) / len(first),
        p_value=float(binomtest(n_first_only, n_differ, 0.5).pvalue) if n_differ else 1.0,
        n_first_only=n_first_only,
        n_second_only=n_second_only,
    )


def compare_perplexities(
    first: np.ndarray,
    second: np.ndarray,
    *,
    n_tokens: np.ndarray,
    confidence: float,
    n_resamples: int,
    rng: np.random.Generator,
) -> PairedPerplexity:
    """Compare two perplexities of the same answers by a paired bootstrap over questions.

    Parameters
    ----------
    first, second : ndarray of shape (n_questions,)
        Log-probability of each true answer under each student, summed over its tokens; nats.
    n_tokens : ndarray of shape (n_questions,), int
        Tokens of each answer, > 0, the same for both students: they share a tokenizer.
    confidence : float
        Of the interval, in (0, 1); 0.95 is usual.
    n_resamples : int
        Bootstrap samples, >= 1,000 for a 95% interval.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    PairedPerplexity
        The interval is the percentile interval.

    Raises
    ------
    ValueError
        If the shapes differ, there are fewer than two questions, a token count is not positive, or
        a log-probability is not finite.

    Notes
    -----
    ``log ratio = sum(second - first) / sum(n_tokens)`` is the difference of the log perplexities.
    A question is drawn with both students' answers, so its difficulty cancels.
    """
    _check_paired(first=first, second=second, n_tokens=n_tokens)
    if len(first) < 2:
        raise ValueError("questions = 1: must be at least 2; one value gives no variance")
    if n_tokens.min() <= 0:
        raise ValueError(f"n_tokens holds {n_tokens.min()}: must be > 0")
    from scipy.stats import bootstrap  # here, as above

    ratio = perplexity(first, n_tokens) / perplexity(second, n_tokens)
    drawn = bootstrap(
        (second - first, n_tokens),
        _ratio_of_sums,
        paired=True,
        vectorized=True,
        n_resamples=n_resamples,
        batch=500,  # resamples in memory at a time
        confidence_level=confidence,
        method="percentile",
        rng=rng,
    )
    low, high = np.exp(drawn.confidence_interval)
    # 1 is added for the sample itself: a p-value of 0 would claim more than the draws can tell
    below, above = (
        (1 + np.sum(side)) / (n_resamples + 1)
        for side in (drawn.bootstrap_distribution <= 0, drawn.bootstrap_distribution >= 0)
    )
    return PairedPerplexity(
        ratio=ratio,
        low=float(low),
        high=float(high),
        p_value=float(min(1.0, 2 * min(below, above))),
    )


def _ratio_of_sums(differences: np.ndarray, n_tokens: np.ndarray, axis: int = -1) -> np.ndarray:
    return differences.sum(axis=axis) / n_tokens.sum(axis=axis)


def _check_paired(**arrays: np.ndarray) -> None:
    shapes = {name: array.shape for name, array in arrays.items()}
    first = next(iter(shapes.values()))
    if len(set(shapes.values())) > 1 or len(first) != 1 or not first[0]:
        listing = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"shapes are {listing}: must share one shape (n_questions >= 1,)")

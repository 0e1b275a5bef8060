"""Metrics of students and pools: accuracy, perplexity, coverage, thresholds."""

from __future__ import annotations

import math

import numpy as np

CONFIDENCE = 0.95
"""Of every interval around a metric of students."""


def pmi_scores(
    conditional: np.ndarray, unconditional: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """Score every choice by the pointwise mutual information of question and answer.

    ``PMI(q, a) = (log p(a | q) - log p(a)) / len(a)``

    Parameters
    ----------
    conditional : ndarray of shape (n_questions, n_choices)
        ``log p(a | q)``, summed over the answer; nats.
    unconditional : ndarray of shape (n_questions, n_choices)
        ``log p(a)`` of the same answers without their question; nats.
    lengths : ndarray of shape (n_questions, n_choices)
        Length of each answer, > 0; tokens or characters.

    Returns
    -------
    ndarray of shape (n_questions, n_choices), float64
        Nats per token or character; higher means that the question makes the answer likelier.

    Raises
    ------
    ValueError
        If the shapes differ, are not two-dimensional, or a length is not positive.

    Notes
    -----
    The plain likelihood prefers answers that are common everywhere; dividing by ``p(a)`` leaves
    only what the question adds.
    """
    shapes = (conditional.shape, unconditional.shape, lengths.shape)
    if len(set(shapes)) > 1 or conditional.ndim != 2:
        raise ValueError(
            f"conditional, unconditional and lengths have shapes {shapes[0]}, {shapes[1]} and "
            f"{shapes[2]}: must share one shape (n_questions, n_choices)"
        )
    if lengths.size and lengths.min() <= 0:
        raise ValueError(f"lengths holds {lengths.min()}: must be > 0; leave out empty answers")
    return (conditional.astype(np.float64) - unconditional) / lengths


def correct_choices(scores: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Tell for every question whether the correct choice scores above all others.

    Parameters
    ----------
    scores : ndarray of shape (n_questions, n_choices)
        Higher is better; ``-inf`` rules a choice out.
    correct : ndarray of shape (n_questions,), int
        Column of the correct choice.

    Returns
    -------
    ndarray of shape (n_questions,), bool
        A tie for the best score counts as wrong: a model that cannot tell gets no credit.

    Raises
    ------
    ValueError
        If there is no question, fewer than two choices, a NaN, or ``correct`` does not name one
        column per question.
    """
    if scores.ndim != 2 or not len(scores) or scores.shape[1] < 2:
        raise ValueError(
            f"scores has shape {scores.shape}: must be (n_questions >= 1, n_choices >= 2)"
        )
    if np.isnan(scores).any():
        raise ValueError(f"scores holds {np.isnan(scores).sum()} NaN: must be numbers or -inf")
    n_questions, n_choices = scores.shape
    if correct.shape != (n_questions,):
        raise ValueError(f"correct has shape {correct.shape}: must be ({n_questions},)")
    if correct.min() < 0 or correct.max() >= n_choices:
        raise ValueError(
            f"correct holds {correct.min()} to {correct.max()}: must be 0 to {n_choices - 1}"
        )
    rows = np.arange(n_questions)
    others = scores.astype(np.float64)
    others[rows, correct] = -np.inf
    return scores[rows, correct] > others.max(axis=1)


def accuracy_interval(
    n_correct: int, n_questions: int, *, confidence: float
) -> tuple[float, float]:
    """Return the Wilson score interval of an accuracy.

    Parameters
    ----------
    n_correct : int
        Questions answered correctly, 0 to ``n_questions``.
    n_questions : int
        Questions asked, >= 1.
    confidence : float
        Share of such intervals that hold the true accuracy, in (0, 1); 0.95 is usual.

    Returns
    -------
    tuple of float
        Lower and upper end, in [0, 1].

    Raises
    ------
    ValueError
        If a value is outside its range.

    Notes
    -----
    Unlike two standard errors on both sides it stays in [0, 1], and is wide at accuracies of 0
    and 1.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
    """
    if n_questions < 1:
        raise ValueError(f"n_questions = {n_questions}: must be >= 1")
    if not 0 <= n_correct <= n_questions:
        raise ValueError(f"n_correct = {n_correct}: must be 0 to {n_questions} (n_questions)")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence}: must be between 0 and 1, both excluded")
    from scipy.stats import binomtest  # here: it takes most of a second to import

    interval = binomtest(n_correct, n_questions).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def perplexity(log_probabilities: np.ndarray, n_tokens: np.ndarray) -> float:
    """Return the perplexity per token over all answers: long answers weigh more.

    ``exp(-sum(log_probabilities) / sum(n_tokens))``

    Parameters
    ----------
    log_probabilities : ndarray of shape (n_answers,)
        Log-probability of each answer, summed over its tokens; nats.
    n_tokens : ndarray of shape (n_answers,), int
        Tokens of each answer, >= 0; not all 0.

    Returns
    -------
    float
        At least 1 for true probabilities; lower is better.

    Raises
    ------
    ValueError
        If the shapes differ, a log-probability is not finite, a count is negative, or there is no
        token at all.
    """
    if log_probabilities.shape != n_tokens.shape:
        raise ValueError(
            f"log_probabilities has shape {log_probabilities.shape}, n_tokens {n_tokens.shape}: "
            "must share one shape (n_answers,)"
        )
    if not np.isfinite(log_probabilities).all():
        raise ValueError(
            f"log_probabilities holds {np.sum(~np.isfinite(log_probabilities))} values that are "
            "not finite: must be finite; has training diverged?"
        )
    if not n_tokens.sum() or n_tokens.min() < 0:
        raise ValueError(
            f"n_tokens sums to {n_tokens.sum()} over {n_tokens.size} answers: must be counts >= 0 "
            "with at least one token"
        )
    return float(np.exp(-log_probabilities.sum(dtype=np.float64) / n_tokens.sum()))


def perplexity_interval(
    log_probabilities: np.ndarray, n_tokens: np.ndarray, *, confidence: float
) -> tuple[float, float]:
    """Return a confidence interval of :func:`perplexity` over questions like these.

    Parameters
    ----------
    log_probabilities, n_tokens : ndarray of shape (n_answers,)
        As in :func:`perplexity`; at least two answers.
    confidence : float
        In (0, 1); 0.95 is usual.

    Returns
    -------
    tuple of float
        Lower and upper end; :func:`perplexity` lies between them.

    Raises
    ------
    ValueError
        As :func:`perplexity`; or if there are fewer than two answers.

    Notes
    -----
    The mean log-probability per token is a ratio of two sums over questions, whose variance is
    that of the residuals ``l_i - r n_i`` (delta method). A question is the unit that is drawn: the
    tokens of one answer are not independent.

    References
    ----------
    W. G. Cochran, Sampling Techniques, 3rd edition, section 6.3.
    """
    center = np.log(perplexity(log_probabilities, n_tokens))
    n_answers = len(n_tokens)
    if n_answers < 2:
        raise ValueError(f"answers = {n_answers}: must be at least 2; one value gives no variance")
    residuals = log_probabilities + center * n_tokens
    error = np.sqrt(n_answers / (n_answers - 1) * np.sum(residuals**2)) / n_tokens.sum()
    margin = _t_quantile(confidence, n_answers - 1) * error
    return float(np.exp(center - margin)), float(np.exp(center + margin))


def mean_interval(values: np.ndarray, *, confidence: float) -> tuple[float, float]:
    """Return Student's t interval of the mean of shares, such as pass rates of questions.

    Parameters
    ----------
    values : ndarray of shape (n_questions,)
        In [0, 1], at least two.
    confidence : float
        In (0, 1); 0.95 is usual.

    Returns
    -------
    tuple of float
        Lower and upper end, in [0, 1].

    Raises
    ------
    ValueError
        If there are fewer than two values, or one is outside its range.

    Notes
    -----
    For shares of several tries. For questions that are right or wrong, :func:`accuracy_interval`
    is better.
    """
    if len(values) < 2:
        raise ValueError(f"values = {len(values)}: must be at least 2; one value gives no variance")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"values span {values.min()} to {values.max()}: must be 0 to 1")
    error = values.std(ddof=1) / np.sqrt(len(values))
    margin = _t_quantile(confidence, len(values) - 1) * error
    return float(max(0.0, values.mean() - margin)), float(min(1.0, values.mean() + margin))


def draw_distractors(n_questions: int, n_choices: int, rng: np.random.Generator) -> np.ndarray:
    """Draw for every question the other questions whose answers are its wrong choices.

    Parameters
    ----------
    n_questions : int
        Questions of the test, at least ``n_choices``.
    n_choices : int
        Choices per question, the true answer included; >= 2.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of shape (n_questions, n_choices - 1), int64
        Indices of questions: distinct within a row, never the row itself.

    Raises
    ------
    ValueError
        If there are fewer than two choices, or fewer questions than choices.
    """
    if n_choices < 2:
        raise ValueError(f"n_choices = {n_choices}: must be >= 2")
    if n_questions < n_choices:
        raise ValueError(
            f"n_questions = {n_questions}: must be >= {n_choices} (n_choices); every question "
            "takes its wrong choices from the others, so give more test questions or fewer choices"
        )
    drawn = np.stack(
        [rng.choice(n_questions - 1, n_choices - 1, replace=False) for _ in range(n_questions)]
    )
    rows = np.arange(n_questions)[:, None]
    return drawn + (drawn >= rows)  # steps over the question itself


def coverage(similarity: np.ndarray) -> float:
    """Return how near the pool comes to a target question, on average.

    ``mean over questions of (max over pairs of similarity)``

    Parameters
    ----------
    similarity : ndarray of shape (n_pairs, n_questions)
        Similarity of each QA pair to each target question; higher is nearer.

    Returns
    -------
    float
        On the scale of ``similarity``; higher is better.

    Raises
    ------
    ValueError
        If there is no pair or no target question, or ``similarity`` holds a NaN.
    """
    _check_similarity(similarity)
    if not len(similarity):
        raise ValueError(
            f"similarity has shape {similarity.shape}: must be (n_pairs >= 1, n_questions); an "
            "empty pool has no mean"
        )
    return float(similarity.max(axis=0).mean(dtype=np.float64))


def top_share_threshold(values: np.ndarray, *, share: float) -> float:
    """Return the lowest of the highest values: of a share of all, rounded up, at least one.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        Higher ranks first; at least one.
    share : float
        Of the values, in (0, 1].

    Returns
    -------
    float
        One of ``values``; with ties, more than ``share`` of them may reach it.

    Raises
    ------
    ValueError
        If there is no value, a NaN, or ``share`` is outside its range.

    Examples
    --------
    >>> top_share_threshold(np.array([0.1, 0.4, 0.3, 0.2]), share=0.5)
    0.3
    """
    if not 0 < share <= 1:
        raise ValueError(f"share = {share}: must be above 0 and at most 1")
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values has shape {values.shape}: must be (n_values >= 1,)")
    if np.isnan(values).any():
        raise ValueError(f"values holds {np.isnan(values).sum()} NaN: must be numbers")
    n_top = math.ceil(round(share * len(values), 9))  # 0.07 * 100 is a little more than 7
    n_below = len(values) - n_top
    return float(np.partition(values, n_below)[n_below])


def documents_to_match(documents: np.ndarray, costs: np.ndarray, *, goal: float) -> int | None:
    """Return how many documents were spent when a cost first came down to a goal.

    Parameters
    ----------
    documents : ndarray of shape (n_points,), int
        Documents spent at each point, ascending.
    costs : ndarray of shape (n_points,), float64
        Cost at each point, lower is better; NaN where there was no pair yet.
    goal : float
        Cost to reach.

    Returns
    -------
    int or None
        ``None`` if no point reaches the goal.

    Raises
    ------
    ValueError
        If the arrays differ in shape, ``documents`` does not ascend, or ``goal`` is NaN.
    """
    if documents.shape != costs.shape or documents.ndim != 1:
        raise ValueError(
            f"documents has shape {documents.shape}, costs {costs.shape}: must share one shape "
            "(n_points,)"
        )
    if (np.diff(documents) <= 0).any():
        raise ValueError(f"documents = {documents.tolist()}: must be ascending counts")
    if math.isnan(goal):
        raise ValueError("goal = NaN: must be a number to reach")
    reached = np.flatnonzero(costs <= goal)
    return int(documents[reached[0]]) if len(reached) else None


def _check_similarity(similarity: np.ndarray) -> None:
    if similarity.ndim != 2 or not similarity.shape[1]:
        raise ValueError(
            f"similarity has shape {similarity.shape}: must be (n_pairs, n_questions >= 1)"
        )
    if np.isnan(similarity).any():
        raise ValueError(f"similarity holds {np.isnan(similarity).sum()} NaN: must be numbers")


def _t_quantile(confidence: float, freedom: int) -> float:
    """Return how many standard errors lie on each side of a mean in an interval by Student's t."""
    from scipy.stats import t

    return float(t.ppf((1 + confidence) / 2, freedom))

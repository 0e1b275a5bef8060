"""How a model scores a text: perplexity and influence, higher is better."""

from __future__ import annotations

import numpy as np


def perplexity_scores(log_probabilities: np.ndarray, n_tokens: np.ndarray) -> np.ndarray:
    """Return ``1 / (1 + log perplexity)``: likely texts score high.

    Parameters
    ----------
    log_probabilities : ndarray of shape (n_texts,)
        Of each text, summed over its tokens; nats, <= 0.
    n_tokens : ndarray of shape (n_texts,)
        Tokens that were scored, >= 1.

    Returns
    -------
    ndarray of shape (n_texts,), float64
        In ``(0, 1]``; 1 for a text of perplexity 1.

    Notes
    -----
    Low perplexity is taken for quality, as when web pages are filtered by a language model of good
    text (arXiv:1911.00359); others prefer the middle of the range (arXiv:2309.04564). The score is
    bounded and changes as slowly as the logarithm, so differences between arms are about as large
    as with OT, for which the exploration bonus is made.

    Examples
    --------
    >>> perplexity_scores(np.array([-6.0]), np.array([2]))
    array([0.25])
    """
    return 1.0 / (1.0 - log_probabilities / n_tokens)


def target_gradient(gradients: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the direction in which the reference pairs pull the weights of a model.

    Parameters
    ----------
    gradients : ndarray of shape (n_reference, n_dimensions)
        Loss gradients of the reference pairs, projected.
    weights : ndarray of shape (n_reference,)
        How much each pair counts, >= 0; their sum is 1.

    Returns
    -------
    ndarray of shape (n_dimensions,), float64
        Weighted mean of the unit gradients: no pair counts more for being long or hard.
    """
    return weights @ _unit_rows(gradients)


def influence_scores(gradients: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return how far a training step on each text is a step on the target.

    Parameters
    ----------
    gradients : ndarray of shape (n_texts, n_dimensions)
        Loss gradients of the texts, projected as those of the target.
    target : ndarray of shape (n_dimensions,)
        As :func:`target_gradient` returns it.

    Returns
    -------
    ndarray of shape (n_texts,), float64
        Cosine similarity, in ``[-1, 1]``; 0 for a gradient of zeros.

    References
    ----------
    arXiv:2402.04333 (LESS), section 4. There, gradients are taken at checkpoints of a warm-up and
    preconditioned as in Adam; here they come from one model, unchanged.
    """
    length = max(float(np.linalg.norm(target)), 1e-30)
    return _unit_rows(gradients) @ (target / length)


def _unit_rows(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    return rows / np.maximum(lengths, 1e-30)

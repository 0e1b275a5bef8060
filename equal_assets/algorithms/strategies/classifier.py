"""A classifier of the target: the one direction that tells what is near some question."""

from __future__ import annotations

import numpy as np

from equal_assets.algorithms.strategies.strategy import Corpus, Target
from equal_assets.algorithms.vectors import products

SAMPLE_DOCUMENTS = 10_000
"""Drawn at random to learn from; all of a smaller corpus."""

PENALTY = 1.0
"""Of the squared coefficients, in a ridge regression on rows of length 1."""


def classifier_order(corpus: Corpus, target: Target, *, rng: np.random.Generator) -> np.ndarray:
    """Order documents by what a linear model of their embeddings says of them, best first.

    The model learns from a random sample. Each question ranks the sample by similarity, and a
    document's label is the logarithm of its best rank: few are the first of some question, most are
    near none.

    Parameters
    ----------
    corpus, target
    rng : numpy.random.Generator
        Draws the sample.

    Returns
    -------
    ndarray of shape (n_documents,), int64

    References
    ----------
    arXiv:2507.12466 (BETR): the documents of a sample are scored by their similarity to benchmark
    examples, and a light classifier learns to predict that for all documents.
    """
    from sklearn.linear_model import Ridge  # here: definitions would take a second longer to load

    drawn = rng.permutation(corpus.n_documents)[:SAMPLE_DOCUMENTS]
    sample = corpus.embeddings[drawn]
    similarity = sample @ target.embeddings.T  # (n_sample, n_questions)
    ranks = np.argsort(np.argsort(-similarity, axis=0, kind="stable"), axis=0)
    model = Ridge(alpha=PENALTY).fit(sample, -np.log1p(ranks.min(axis=1)))
    scores = products(corpus.embeddings, model.coef_.astype(np.float32)[None])[0]
    return np.argsort(-scores, kind="stable")

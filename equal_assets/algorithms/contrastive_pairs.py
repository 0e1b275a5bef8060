"""Warm-up sample, training pairs for contrastive tuning, and measures of what it gained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equal_assets.algorithms.segments import sums_of

MIN_DOCUMENTS = 2
"""With pairs: one to tune on, one to measure on."""

MOST_SIMILARITIES = 1 << 24
"""Of documents with pairs that are held at once: 64 MiB, and twice as much for their order."""

NO_SPREAD = 1e-6
"""Spread below which unit rows of single precision cannot be told apart."""


@dataclass(frozen=True)
class Split:
    """Rows of (document, QA pair) tuples, split into training and held-out ones.

    Attributes
    ----------
    train, held_out : ndarray of shape (n,), int64
        Row indices; no document is on both sides.
    """

    train: np.ndarray
    held_out: np.ndarray


def sample_documents(n_documents: int, *, share: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the warm-up sample: ``ceil(share * n_documents)`` distinct rows, sorted.

    Returns
    -------
    ndarray of shape (n_sample,), int64
    """
    size = math.ceil(round(share * n_documents, 6))  # 0.07 * 100 is 7.000000000000001
    return np.sort(rng.choice(n_documents, size=size, replace=False))


def split_by_document(
    document_ids: Sequence[str], *, held_out: float, rng: np.random.Generator
) -> Split:
    """Split rows so that all pairs of a document are on one side.

    Parameters
    ----------
    document_ids : sequence of str, length n_pairs
        Document of each pair.
    held_out : float
        Share of the documents to hold out, in (0, 1).
    rng : numpy.random.Generator
        Draws the held-out documents.

    Raises
    ------
    ValueError
        If fewer than two documents have pairs: one side would be empty.
    """
    documents, rows = np.unique(np.asarray(document_ids, dtype=object), return_inverse=True)
    if len(documents) < MIN_DOCUMENTS:
        raise ValueError(
            f"documents with QA pairs in the warm-up sample = {len(documents)}: must be at least "
            "2; raise warmup.share, or use an extractor that finds pairs in this corpus"
        )
    n_held_out = min(max(1, round(held_out * len(documents))), len(documents) - 1)
    chosen = np.zeros(len(documents), dtype=bool)
    chosen[rng.permutation(len(documents))[:n_held_out]] = True
    return Split(train=np.flatnonzero(~chosen[rows]), held_out=np.flatnonzero(chosen[rows]))


def recall_at(
    document_embeddings: np.ndarray, pair_embeddings: np.ndarray, owners: np.ndarray, *, k: int
) -> float:
    """Return the share of a document's own QA pairs among the ``k`` pairs nearest to it.

    Parameters
    ----------
    document_embeddings : ndarray of shape (n_documents, n_dimensions)
        Unit rows.
    pair_embeddings : ndarray of shape (n_pairs, n_dimensions)
        Unit rows; pairs of all the documents.
    owners : ndarray of shape (n_pairs,), int64
        Row of the document that each pair was extracted from; every document owns a pair.
    k : int
        Pairs looked at, >= 1.

    Returns
    -------
    float
        Mean over documents of ``hits / min(k, own pairs)``, in [0, 1].
    """
    hits = np.empty(len(document_embeddings), dtype=np.int64)
    at_once = max(1, MOST_SIMILARITIES // len(pair_embeddings))
    for start in range(0, len(hits), at_once):
        rows = np.arange(len(hits))[start : start + at_once]
        similarity = document_embeddings[rows] @ pair_embeddings.T  # (n_rows, n_pairs)
        nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        hits[rows] = (owners[nearest] == rows[:, None]).sum(axis=1)
    own = np.bincount(owners, minlength=len(document_embeddings))
    return float(np.mean(hits / np.minimum(k, own)))


def qa_spread(pair_embeddings: np.ndarray, labels: np.ndarray) -> float:
    """Return how far QA pairs spread within the clusters of their documents; lower is purer.

    The spread of a set of unit rows is their mean cosine distance to one another, themselves
    included: ``1 - |mean|^2``. The mean over clusters, each weighted by its number of pairs, is
    divided by the spread of all pairs, so that embedding spaces can be compared.

    Parameters
    ----------
    pair_embeddings : ndarray of shape (n_pairs, n_dimensions)
        Unit rows.
    labels : ndarray of shape (n_pairs,), int64
        Cluster of the document that each pair was extracted from, >= 0.

    Returns
    -------
    float
        In [0, 1]: 0 if the pairs of each cluster are all alike, 1 if clusters explain nothing.

    Raises
    ------
    ValueError
        If there are no pairs, or all are alike: there is no spread to compare with.

    Notes
    -----
    The share of variance that the clusters leave unexplained (``1 - R^2``). It falls as clusters
    get smaller: compare only clusterings of the same documents with equally many clusters.
    """
    rows = pair_embeddings.astype(np.float64)
    overall = 1.0 - np.square(rows.mean(axis=0)).sum() if len(rows) else 0.0
    if overall < NO_SPREAD:
        raise ValueError(
            f"spread of the {len(rows)} QA pairs = {overall:.1g}: must be at least {NO_SPREAD}; "
            "give pairs that differ"
        )
    n_clusters = int(labels.max()) + 1
    sums = sums_of(rows, labels, n_clusters)
    sizes = np.maximum(1, np.bincount(labels, minlength=n_clusters))
    within = 1.0 - (np.square(sums).sum(axis=1) / sizes).sum() / len(rows)
    return float(max(0.0, within) / overall)


def target_rank_correlation(
    document_embeddings: np.ndarray,
    pair_embeddings: np.ndarray,
    owners: np.ndarray,
    reference_embeddings: np.ndarray,
) -> float:
    """Correlate how documents rank by similarity to a target with how their QA pairs rank.

    Parameters
    ----------
    document_embeddings : ndarray of shape (n_documents, n_dimensions)
        Unit rows.
    pair_embeddings : ndarray of shape (n_pairs, n_dimensions)
        Unit rows.
    owners : ndarray of shape (n_pairs,), int64
        Row of the document that each pair was extracted from; every document owns a pair.
    reference_embeddings : ndarray of shape (n_reference, n_dimensions)
        Unit rows; the QA pairs of the target. Similarity is the mean cosine to them.

    Returns
    -------
    float
        Spearman's rank correlation over documents, in [-1, 1]; a document's pairs are averaged.

    Raises
    ------
    ValueError
        If there are fewer than two documents, or all are equally similar to the target.
    """
    target = reference_embeddings.mean(axis=0)
    of_documents = document_embeddings @ target  # (n_documents,)
    own = np.bincount(owners, minlength=len(document_embeddings))
    of_pairs = np.bincount(owners, weights=pair_embeddings @ target) / own  # (n_documents,)
    if len(of_documents) < 2 or np.ptp(of_documents) == 0 or np.ptp(of_pairs) == 0:
        raise ValueError(
            f"the {len(of_documents)} documents have no order of similarity to the target: must be "
            "at least 2 that differ"
        )
    from scipy.stats import spearmanr  # here: it takes a while to import

    return float(spearmanr(of_documents, of_pairs).statistic)

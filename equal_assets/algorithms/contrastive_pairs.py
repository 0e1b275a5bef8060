"""Warm-up sample, training pairs for contrastive tuning, and recall of own QA pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Split:
    """Rows of (document, QA pair) tuples: those that train and those that are held out.

    Attributes
    ----------
    train, held_out : ndarray of shape (n,), int64
        Row indices; no document stands on both sides.
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
    """Split rows so that all pairs of a document stand on one side.

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
        If fewer than two documents have pairs: then one side would be empty.
    """
    documents, rows = np.unique(np.asarray(document_ids, dtype=object), return_inverse=True)
    if len(documents) < 2:
        raise ValueError(
            f"the warm-up sample has {len(documents)} documents with QA pairs, at least 2 are "
            "needed: raise warmup.share, or use an extractor that finds pairs in this corpus"
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
    similarity = document_embeddings @ pair_embeddings.T  # (n_documents, n_pairs)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    hits = (owners[nearest] == np.arange(len(document_embeddings))[:, None]).sum(axis=1)
    own = np.bincount(owners, minlength=len(document_embeddings))
    return float(np.mean(hits / np.minimum(k, own)))

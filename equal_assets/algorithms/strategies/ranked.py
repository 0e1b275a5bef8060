"""Strategies that fix the order of all documents before the first extraction, and never learn."""

from __future__ import annotations

import numpy as np

from equal_assets.algorithms.strategies.strategy import (
    Corpus,
    Pull,
    Space,
    Strategy,
    Target,
    group_by_arm,
)
from equal_assets.algorithms.vectors import product_rows, products


class RankedDocuments(Strategy):
    """Takes documents in a fixed order; arms are only recorded."""

    def __init__(self, corpus: Corpus, target: Target, order: np.ndarray) -> None:
        """Take the order, best first: distinct rows, as many as the budget pays for."""
        super().__init__(corpus, target)
        self.order = order

    def _plan(self, wanted: int, rng: np.random.Generator) -> list[Pull]:
        rows = self.order[self.unread[self.order]][:wanted]
        if len(rows) < wanted:
            raise ValueError(f"{wanted} documents wanted, {len(rows)} of the ranking are unread")
        groups = group_by_arm(rows, self.corpus.arms)
        return [Pull(arm=arm, documents=tuple(rows)) for arm, rows in groups.items()]


def corpus_order(corpus: Corpus) -> np.ndarray:
    """Order documents as the corpus does: ndarray of shape (n_documents,), int64."""
    return np.arange(corpus.n_documents)


def similarity_order(corpus: Corpus, target: Target) -> np.ndarray:
    """Order documents by similarity to the mean of the target's pairs, nearest first.

    Returns
    -------
    ndarray of shape (n_documents,), int64
    """
    center = target.weights @ target.embeddings
    similarity = products(corpus.embeddings, center.astype(np.float32)[None])[0]
    return np.argsort(-similarity, kind="stable")


def score_order(corpus: Corpus, target: Target) -> np.ndarray:
    """Order documents by their scores, best first.

    Ties are in order of similarity to the target; so are documents without a score, which come
    last.

    Returns
    -------
    ndarray of shape (n_documents,), int64

    Raises
    ------
    ValueError
        If the corpus has no scores.
    """
    if corpus.scores is None:
        raise ValueError(
            "corpus.scores = None: must be a score per document, which decides the order"
        )
    by_similarity = similarity_order(corpus, target)
    scores = np.where(np.isnan(corpus.scores), -np.inf, corpus.scores)
    return by_similarity[np.argsort(-scores[by_similarity], kind="stable")]


def round_robin_order(
    corpus: Corpus, target: Target, *, n_documents: int, rng: np.random.Generator
) -> np.ndarray:
    """Let each target question in turn take the nearest document that no other has taken.

    Parameters
    ----------
    corpus, target
    n_documents : int
        Documents to order, at most the whole corpus.
    rng : numpy.random.Generator
        Draws the order of the questions, once.

    Returns
    -------
    ndarray of shape (n_documents,), int64

    References
    ----------
    arXiv:2602.14696: greedy round-robin does best on average at low budgets.
    """
    space = Space(corpus.embeddings, target.embeddings)
    return _in_turn(space, min(n_documents, corpus.n_documents), rng)


def space_order(corpus: Corpus, *, n_documents: int, rng: np.random.Generator) -> np.ndarray:
    """Do what :func:`round_robin_order` does by the similarities of the corpus's own space.

    Raises
    ------
    ValueError
        If the corpus has no such space.
    """
    if corpus.space is None:
        raise ValueError(
            "corpus.space = None: must be what documents and questions are compared by"
        )
    return _in_turn(corpus.space, min(n_documents, corpus.n_documents), rng)


def _in_turn(space: Space, n_documents: int, rng: np.random.Generator) -> np.ndarray:
    """Let each question in turn, in an order drawn once, take its nearest document that is left."""
    similarities = product_rows(space.documents, space.questions)
    nearest = [_nearest(similarity, n_documents) for similarity in similarities]
    taken = np.zeros(len(space.documents), dtype=bool)
    position = np.zeros(len(nearest), dtype=np.int64)
    turns = rng.permutation(len(nearest))
    order: list[int] = []
    while len(order) < n_documents:
        for question in turns[: n_documents - len(order)]:
            while taken[row := nearest[question][position[question]]]:
                position[question] += 1
            taken[row] = True
            order.append(int(row))
    return np.array(order)


def _nearest(similarity: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the rows of the highest similarities, highest first, ties in order of row, int32."""
    if n_neighbors < len(similarity):
        rows = np.argpartition(-similarity, n_neighbors - 1)[:n_neighbors]
        rows.sort()
    else:
        rows = np.arange(len(similarity))
    return rows[np.argsort(-similarity[rows], kind="stable")].astype(np.int32)

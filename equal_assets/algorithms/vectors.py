"""Vectors of all documents, a block at a time: those in memory, and those that are stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from equal_assets.algorithms.segments import sums_of

BLOCK_ROWS = 16_384
"""Of vectors in memory: leaves room for what is computed from a block."""

MOST_PRODUCTS = 1 << 28
"""Products that are held at once, in single precision: 1 GiB."""


class StoredVectors(Protocol):
    """Vectors of all documents that are not in memory, shape (n_documents, n_dimensions).

    ``np.asarray`` brings them there.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """Documents and dimensions."""
        ...

    def __len__(self) -> int:
        """Return the number of documents."""
        ...

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Return the vectors of rows, in their order: shape (n_rows, n_dimensions), float32."""
        ...

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows with their vectors, every row once, always in the same order."""
        ...

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all vectors."""
        ...


Vectors = np.ndarray | StoredVectors


def blocks(vectors: Vectors) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield the index of some rows, and their vectors, until all were there."""
    if not isinstance(vectors, np.ndarray):
        yield from vectors.blocks()
        return
    for start in range(0, len(vectors), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        yield rows, vectors[rows]


def products(vectors: Vectors, others: np.ndarray) -> np.ndarray:
    """Return the inner products of all vectors with a few others.

    Parameters
    ----------
    vectors : Vectors of shape (n_documents, n_dimensions)
    others : ndarray of shape (n_others, n_dimensions), float32

    Returns
    -------
    ndarray of shape (n_others, n_documents), float32
    """
    found = np.empty((len(others), len(vectors)), dtype=np.float32)
    for rows, block in blocks(vectors):
        found[:, rows] = others @ block.T
    return found


def product_rows(vectors: Vectors, others: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the inner products of all vectors with each of others, in order.

    The vectors are read as often as memory demands: once for as many of the others as have
    :data:`MOST_PRODUCTS` products.
    """
    at_once = max(1, MOST_PRODUCTS // max(1, len(vectors)))
    for start in range(0, len(others), at_once):
        yield from products(vectors, others[start : start + at_once])


def vector_sums(
    vectors: Vectors, owners: np.ndarray, n_owners: int, *, squared: bool = False
) -> np.ndarray:
    """Return the sum of the vectors of each owner.

    Parameters
    ----------
    vectors : Vectors of shape (n_documents, n_dimensions)
    owners : ndarray of shape (n_documents,), int64
        ``0..n_owners-1``; one may own none.
    n_owners : int
    squared : bool
        Of their elements' squares instead.

    Returns
    -------
    ndarray of shape (n_owners, n_dimensions), float64
    """
    sums = np.zeros((n_owners, vectors.shape[1]))
    for rows, block in blocks(vectors):
        present, local = np.unique(owners[rows], return_inverse=True)
        added = block.astype(np.float64) ** 2 if squared else block
        sums[present] += sums_of(added, local, len(present))
    return sums

"""Which earlier row lies near a row, among any number of rows: in bounded memory, nearly linear."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

BLOCK_ROWS = 1024
"""Rows that are compared at once."""

RECENT_ROWS = 4096
"""Kept rows that are compared one by one; what comes before is looked up in tables."""

MOST_TABLES = 128
MISSED = 1e-4
"""Share of the pairs right at the threshold that no table holds together; nearer pairs are missed
less."""

NORM = 0.8
"""Length of most rows once their mean is subtracted, at least: angles grow by that."""

LEAST_BITS, MOST_BITS = 8, 30
SPARE_BITS = 2
"""Bits of a key beyond those that number the rows: fewer rows share a key by chance."""

SEED = 0

ROUNDING = 1e-6
"""How far the cosine of two equal unit vectors may fall short of 1 in float32."""

SLACK = 1e-4
"""By how much float32 products may differ from exact ones."""

PAIRS_AT_ONCE = 1 << 16


def first_near(
    vectors: np.ndarray, *, threshold: float, sides: np.ndarray | None = None
) -> np.ndarray:
    """Return for each row the first earlier row that stays and is near, or -1: it stays itself.

    Parameters
    ----------
    vectors : ndarray of shape (n_rows, n_dimensions), float32
        Unit rows, or zeros, which are near nothing.
    threshold : float
        Least cosine at which two rows are near.
    sides : ndarray of shape (n_rows, n_axes), int8, optional
        1, 0 or -1; rows on different sides of any axis are not near.

    Returns
    -------
    ndarray of shape (n_rows,), int64

    Notes
    -----
    Rows that stay are kept in tables, by the signs of their products with random directions: near
    rows share most signs. What shares a key in any table is compared in full, so no row is near by
    an estimate; a few rows right at the threshold may not be found. The last rows that stay are
    compared one by one, so with fewer than :data:`RECENT_ROWS` of them nothing is missed.

    References
    ----------
    Charikar 2002, "Similarity estimation techniques from rounding algorithms".
    """
    first = np.full(len(vectors), -1)
    rows = np.flatnonzero(vectors.any(axis=1))
    sides = np.zeros((len(vectors), 0), dtype=np.int8) if sides is None else sides
    space = _Space(vectors, sides, threshold)
    kept = _KeptRows(space, _keys_for(vectors[rows], threshold))
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        first[block] = _resolved(block, kept.first_near(block), space)
        kept.add(block[first[block] < 0])
    return first


@dataclass(frozen=True)
class _Space:
    """The rows, and what is near among them."""

    vectors: np.ndarray  # (n_rows, n_dimensions)
    sides: np.ndarray  # (n_rows, n_axes)
    threshold: float

    def near(self, block: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the pairs of a block and other rows that are near, shape (2, n_pairs)."""
        products = self.vectors[block] @ self.vectors[rows].T
        likely = np.argwhere(products >= self.threshold - SLACK)
        return self.exact(np.stack([block[likely[:, 0]], rows[likely[:, 1]]]))

    def exact(self, pairs: np.ndarray) -> np.ndarray:
        """Return those of some pairs of rows that are near, by their exact cosine."""
        left, right = (self.vectors[rows] for rows in pairs)
        pairs = pairs[:, np.einsum("ij,ij->i", left, right) >= self.threshold - SLACK]
        pairs = pairs[:, cosines(self.vectors, pairs) >= self.threshold - ROUNDING]
        one, other = (self.sides[rows] for rows in pairs)
        return pairs[:, ~(one * other < 0).any(axis=1)]


@dataclass(frozen=True)
class _Keys:
    """Gives each row a key in each table."""

    mean: np.ndarray  # (n_dimensions,)
    directions: np.ndarray  # (n_dimensions, n_tables * n_bits)
    n_bits: int

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the keys of rows, shape (n_tables, n_rows)."""
        signs = ((rows - self.mean) @ self.directions > 0).reshape(len(rows), -1, self.n_bits)
        weights = (1 << np.arange(self.n_bits)).astype(np.uint32)
        return np.ascontiguousarray((signs @ weights).T.astype(np.uint32))


def _keys_for(vectors: np.ndarray, threshold: float) -> _Keys:
    """Return keys whose tables miss few pairs at the threshold, and hold few others together."""
    half = math.sqrt(max(2 - 2 * threshold, 0.0)) / (2 * NORM)
    alike = 1 - 2 * math.asin(min(half, 1.0)) / math.pi  # chance that near rows share a sign
    least = 1 - MISSED ** (1 / MOST_TABLES)  # chance of a shared key that MOST_TABLES need
    enough = MOST_BITS if alike >= 1 else int(math.log(least) / math.log(max(alike, 1e-9)))
    wanted = math.ceil(math.log2(max(len(vectors), 1))) + SPARE_BITS
    n_bits = max(LEAST_BITS, min(enough, wanted, MOST_BITS))
    shared = min(alike**n_bits, 1 - 1e-12)
    n_tables = min(MOST_TABLES, math.ceil(math.log(MISSED) / math.log1p(-shared)))
    size = (vectors.shape[1], n_tables * n_bits)
    directions = np.random.default_rng(SEED).standard_normal(size, dtype=np.float32)
    mean = vectors.mean(axis=0, dtype=np.float64) if len(vectors) else np.zeros(size[0])
    return _Keys(mean.astype(np.float32), directions, n_bits)


@dataclass
class _KeptRows:
    """The rows that stay so far."""

    space: _Space
    keys: _Keys
    recent: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    tables: list[_Tables] = field(default_factory=list)

    def add(self, rows: np.ndarray) -> None:
        """Add rows, which come after all others; tables of like size are joined."""
        self.recent = np.concatenate([self.recent, rows])
        if len(self.recent) < RECENT_ROWS:
            return
        joined = _Tables.of(self.recent, self.keys(self.space.vectors[self.recent]))
        self.recent = self.recent[:0]
        while self.tables and len(self.tables[-1].rows) <= len(joined.rows):
            joined = self.tables.pop().joined(joined)
        self.tables.append(joined)

    def first_near(self, block: np.ndarray) -> np.ndarray:
        """Return the first row that stays near each of a block, or -1."""
        near = [self.space.near(block, self.recent)]
        if self.tables:
            keys = self.keys(self.space.vectors[block])
            for tables in self.tables:
                for pairs in tables.sharing(block, keys):
                    near.append(self.space.exact(pairs))
        found, others = np.concatenate(near, axis=1)
        first = np.full(len(block), np.iinfo(np.int64).max)
        np.minimum.at(first, np.searchsorted(block, found), others)
        return np.where(first == np.iinfo(np.int64).max, -1, first)


@dataclass(frozen=True)
class _Tables:
    """Rows by their key in each table."""

    rows: np.ndarray  # (n_rows,), ascending
    keys: np.ndarray  # (n_tables, n_rows), each table sorted
    order: np.ndarray  # (n_tables, n_rows), index into rows

    @classmethod
    def of(cls, rows: np.ndarray, keys: np.ndarray) -> _Tables:
        """Return the tables of rows with these keys."""
        order = np.argsort(keys, axis=1, kind="stable").astype(np.uint32)
        return cls(rows, np.take_along_axis(keys, order, axis=1), order)

    def joined(self, later: _Tables) -> _Tables:
        """Return the tables of these rows and later ones."""
        keys = np.concatenate([self.keys, later.keys], axis=1)
        merged = np.concatenate([self.order, later.order + np.uint32(len(self.rows))], axis=1)
        order = np.argsort(keys, axis=1, kind="stable")  # of two sorted runs: a merge
        return _Tables(
            np.concatenate([self.rows, later.rows]),
            np.take_along_axis(keys, order, axis=1),
            np.take_along_axis(merged, order, axis=1),
        )

    def sharing(self, block: np.ndarray, keys: np.ndarray) -> Iterator[np.ndarray]:
        """Yield pairs of a block and these rows that share a key, each once; (2, n_pairs)."""
        found = [np.zeros(0, dtype=np.int64)]
        for own, table, order in zip(keys, self.keys, self.order, strict=True):
            lows = np.searchsorted(table, own, side="left")
            counts = np.searchsorted(table, own, side="right") - lows
            ends = np.cumsum(counts)
            places = np.arange(ends[-1]) + np.repeat(lows - (ends - counts), counts)
            local = np.repeat(np.arange(len(block)), counts)
            found.append(local * len(self.rows) + order[places])
        pairs = np.unique(np.concatenate(found))
        for start in range(0, len(pairs), PAIRS_AT_ONCE):
            local, others = np.divmod(pairs[start : start + PAIRS_AT_ONCE], len(self.rows))
            yield np.stack([block[local], self.rows[others]])


def cosines(vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the cosine of each pair of unit rows; pairs have the shape (2, n_pairs)."""
    left, right = (vectors[rows].astype(np.float64) for rows in pairs)
    return np.einsum("ij,ij->i", left, right)


def _resolved(block: np.ndarray, first: np.ndarray, space: _Space) -> np.ndarray:
    """Return the first row near each of a block, its own earlier rows that stay among them."""
    rows, others = np.searchsorted(block, space.near(block, block))
    is_earlier = others < rows
    rows, others = rows[is_earlier], others[is_earlier]
    for row in np.unique(rows):
        if first[row] < 0:
            earlier = others[rows == row]
            stays = earlier[first[earlier] < 0]
            first[row] = block[stays.min()] if len(stays) else -1
    return first

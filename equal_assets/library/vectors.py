"""Arrays from outside, checked: what they must be is said before anything is computed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def unit_rows(
    name: str, values: ArrayLike, *, n_dimensions: int | None = None, may_be_empty: bool = False
) -> np.ndarray:
    """Return vectors as float32 rows of length 1.

    Raises
    ------
    ValueError
        If they are no matrix of finite numbers, a row is all zeros, or the dimensions differ.
    """
    rows = np.asarray(values, dtype=np.float32)
    if may_be_empty and not rows.size:
        return np.zeros((0, n_dimensions or 0), dtype=np.float32)
    if rows.ndim != 2 or not rows.size:
        raise ValueError(f"{name} has shape {rows.shape}: must be (n, n_dimensions), n at least 1")
    if n_dimensions is not None and rows.shape[1] != n_dimensions:
        raise ValueError(
            f"{name} has {rows.shape[1]} dimensions: must be {n_dimensions}, those of the documents"
        )
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    bad = np.flatnonzero(~np.isfinite(lengths[:, 0]) | (lengths[:, 0] == 0))
    if len(bad):
        raise ValueError(f"{name}[{bad[0]}] is {rows[bad[0]][:3]}...: must be finite and not zero")
    return rows / lengths


def per_row(name: str, values: ArrayLike | None, *, n_rows: int, of: str) -> np.ndarray:
    """Return one number above 0 for each row, as float64; ones where nothing is given.

    Raises
    ------
    ValueError
        If there are more or fewer, or one is not finite or not above 0.
    """
    if values is None:
        return np.ones(n_rows)
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (n_rows,):
        raise ValueError(
            f"{name} has shape {numbers.shape}: must be ({n_rows},), one for each {of}"
        )
    bad = np.flatnonzero(~(np.isfinite(numbers) & (numbers > 0)))
    if len(bad):
        raise ValueError(f"{name}[{bad[0]}] = {numbers[bad[0]]}: must be above 0")
    return numbers


def weights_of(values: ArrayLike | None, *, n_rows: int) -> np.ndarray:
    """Return how much each reference pair counts; the sum is 1."""
    weights = per_row("weights", values, n_rows=n_rows, of="reference pair")
    return weights / weights.sum()


def row_numbers(name: str, values: ArrayLike, *, n_rows: int) -> np.ndarray:
    """Return rows as int64.

    Raises
    ------
    ValueError
        If one is no whole number, or beyond the rows.
    """
    rows = np.asarray(values)
    if not rows.size:
        return np.zeros(0, dtype=np.int64)
    if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError(f"{name} has shape {rows.shape}, {rows.dtype}: must be whole numbers")
    bad = np.flatnonzero((rows < 0) | (rows >= n_rows))
    if len(bad):
        raise ValueError(f"{name}[{bad[0]}] = {rows[bad[0]]}: must be 0 to {n_rows - 1}")
    return rows.astype(np.int64)

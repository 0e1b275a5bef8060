"""The plane in which clusters are drawn: the first two principal axes of their centroids."""

from __future__ import annotations

import numpy as np

LEAST_SPREAD = 1e-9
"""Relative to the first axis; along an axis with less, points differ by rounding only."""


def place_in_plane(vectors: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Project vectors onto the plane that keeps most of the variance of points.

    Parameters
    ----------
    vectors : ndarray of shape (n_vectors, n_dimensions), float
    points : ndarray of shape (n_points, n_dimensions), float
        One or more. Their order does not matter: an axis and its opposite keep as much, so the
        one whose largest coordinate is positive is taken.

    Returns
    -------
    ndarray of shape (n_vectors, 2), float64
        Zero along an axis in which the points do not spread.

    Raises
    ------
    ValueError
        If there is no point.
    """
    from sklearn.decomposition import PCA  # here: it takes seconds to import

    plane = PCA(n_components=min(2, *points.shape), svd_solver="full")
    with np.errstate(divide="ignore", invalid="ignore"):  # shares of variance, where there is none
        plane.fit(points)
    spread = plane.singular_values_
    places = np.zeros((len(vectors), 2))
    places[:, : len(spread)] = plane.transform(vectors)
    places[:, : len(spread)] *= spread > LEAST_SPREAD * max(spread[0], LEAST_SPREAD)
    return places

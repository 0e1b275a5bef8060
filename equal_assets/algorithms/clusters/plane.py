"""The plane in which clusters are drawn: the first two principal axes of their centroids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Plane:
    """A plane through the mean of points.

    Attributes
    ----------
    center : ndarray of shape (n_dimensions,)
    axes : ndarray of shape (2, n_dimensions)
        Orthonormal; zero where the points do not spread in a second, or any, direction.
    """

    center: np.ndarray
    axes: np.ndarray

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Return where vectors, shape (n_vectors, n_dimensions), lie: shape (n_vectors, 2)."""
        return (vectors - self.center) @ self.axes.T


def principal_plane(points: np.ndarray) -> Plane:
    """Return the plane that keeps most of the variance of points.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_dimensions), float
        One or more.

    Returns
    -------
    Plane
        An axis and its opposite keep as much: the one whose largest coordinate is positive is
        taken, so that the same points give the same picture.

    Raises
    ------
    ValueError
        If there is no point.
    """
    if points.ndim != 2 or not len(points):
        raise ValueError(f"points have shape {points.shape}; allowed: (n_points, n_dimensions)")
    center = points.mean(axis=0)
    _, spread, directions = np.linalg.svd(points - center, full_matrices=False)
    axes = np.zeros((2, points.shape[1]))
    for number in range(min(2, int((spread > 1e-9 * max(spread[0], 1e-9)).sum()))):
        direction = directions[number]
        axes[number] = direction * np.sign(direction[np.abs(direction).argmax()])
    return Plane(center=center, axes=axes)

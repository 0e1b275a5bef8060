import numpy as np
import pytest

from equal_assets.algorithms.clusters.plane import principal_plane


def test_axes_are_the_directions_in_which_the_points_spread_most():
    points = np.array([[3.0, 0, 5], [-3, 0, 5], [0, 1, 5], [0, -1, 5]])
    plane = principal_plane(points)
    assert plane.center.tolist() == [0, 0, 5]
    assert plane.axes == pytest.approx(np.array([[1.0, 0, 0], [0, 1, 0]]), abs=1e-12)
    assert plane.project(np.array([[2.0, 7, 99]])) == pytest.approx(np.array([[2.0, 7]]))


def test_picture_does_not_depend_on_the_order_of_the_points():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 8))
    shuffled = points[rng.permutation(30)]
    assert principal_plane(shuffled).axes == pytest.approx(principal_plane(points).axes)


def test_distances_in_the_plane_are_no_larger_than_in_space():
    points = np.random.default_rng(1).normal(size=(20, 6))
    flat = principal_plane(points).project(points)
    assert (
        np.linalg.norm(flat - flat[0], axis=1) <= np.linalg.norm(points - points[0], axis=1)
    ).all()


@pytest.mark.parametrize(
    ("points", "n_axes"),
    [([[1.0, 2.0]], 0), ([[1.0, 2.0]] * 3, 0), ([[0.0, 0], [2, 0]], 1), ([[1.0], [2.0]], 1)],
)
def test_points_without_a_second_direction_lie_on_a_line(points, n_axes):
    plane = principal_plane(np.array(points))
    assert np.linalg.norm(plane.axes, axis=1).tolist() == pytest.approx(
        [1] * n_axes + [0] * (2 - n_axes)
    )
    assert np.isfinite(plane.project(np.array(points))).all()


def test_no_point_is_refused():
    with pytest.raises(ValueError, match=r"shape \(0, 3\); allowed"):
        principal_plane(np.empty((0, 3)))

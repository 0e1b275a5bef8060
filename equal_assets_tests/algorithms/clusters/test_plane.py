import numpy as np
import pytest

from equal_assets.algorithms.clusters.plane import place_in_plane


def axes(points):
    """Return the two axes of a plane, read off where it places the unit vectors."""
    return place_in_plane(points.mean(axis=0) + np.eye(points.shape[1]), points).T


def test_axes_are_the_directions_in_which_the_points_spread_most():
    points = np.array([[3.0, 0, 5], [-3, 0, 5], [0, 1, 5], [0, -1, 5]])
    assert place_in_plane(np.array([[0.0, 0, 5]]), points).tolist() == [[0, 0]]
    assert axes(points) == pytest.approx(np.array([[1.0, 0, 0], [0, 1, 0]]), abs=1e-12)
    assert place_in_plane(np.array([[2.0, 7, 99]]), points) == pytest.approx(np.array([[2.0, 7]]))


def test_picture_does_not_depend_on_the_order_of_the_points():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 8))
    shuffled = points[rng.permutation(30)]
    assert axes(shuffled) == pytest.approx(axes(points))


def test_distances_in_the_plane_are_no_larger_than_in_space():
    points = np.random.default_rng(1).normal(size=(20, 6))
    flat = place_in_plane(points, points)
    assert (
        np.linalg.norm(flat - flat[0], axis=1) <= np.linalg.norm(points - points[0], axis=1)
    ).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("points", "n_axes"),
    [([[1.0, 2.0]], 0), ([[1.0, 2.0]] * 3, 0), ([[0.0, 0], [2, 0]], 1), ([[1.0], [2.0]], 1)],
)
def test_points_without_a_second_direction_lie_on_a_line(points, n_axes):
    points = np.array(points)
    assert np.linalg.norm(axes(points), axis=1).tolist() == pytest.approx(
        [1] * n_axes + [0] * (2 - n_axes)
    )
    assert np.isfinite(place_in_plane(points, points)).all()


def test_no_point_is_refused():
    with pytest.raises(ValueError, match=r"shape=\(0, 3\)"):
        place_in_plane(np.ones((1, 3)), np.empty((0, 3)))

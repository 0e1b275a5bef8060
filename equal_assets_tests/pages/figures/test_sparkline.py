import base64
import re

import pytest

from equal_assets.pages.figures.sparkline import HEIGHT, MARGIN, MAX_POINTS, WIDTH, sparkline_uri


def points(values):
    drawing = base64.b64decode(sparkline_uri(values).partition(",")[2]).decode()
    (listed,) = re.findall("points='([^']*)'", drawing)
    return [tuple(map(int, point.split(","))) for point in listed.split()]


def test_curve_fills_the_drawing_and_higher_values_stand_higher():
    low, high, left, right = HEIGHT - MARGIN, MARGIN, MARGIN, WIDTH - MARGIN
    assert points([1.0, 3.0, 2.0]) == [(left, low), (WIDTH / 2, high), (right, HEIGHT / 2)]


def test_gap_is_crossed_at_its_own_width():
    assert points([0.0, None, None, 1.0]) == points([0.0, 1.0])
    assert points([0.0, None, 1.0, 1.0])[1][0] == pytest.approx(MARGIN + (WIDTH - 6) * 2 / 3, abs=1)


@pytest.mark.parametrize("values", [[], [None], [2.0], [2.0, 2.0]])
def test_flat_or_empty_curves_are_drawn(values):
    assert all(y == HEIGHT - MARGIN for _, y in points(values))


def test_long_curves_are_thinned_so_that_the_page_shows_them_in_place():
    values = [float(i % 17) for i in range(365)]
    drawn = points(values)
    assert len(drawn) == MAX_POINTS
    assert (drawn[0][0], drawn[-1][0]) == (MARGIN, WIDTH - MARGIN)
    assert len(sparkline_uri(values)) < 900

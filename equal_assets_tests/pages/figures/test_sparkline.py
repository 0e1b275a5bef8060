import re
from urllib.parse import unquote

import pytest

from equal_assets.pages.figures.sparkline import (
    HEIGHT,
    MARGIN,
    MAX_BARS,
    MAX_POINTS,
    WIDTH,
    bars_uri,
    curve_uri,
)

LOW, HIGH, LEFT, RIGHT = HEIGHT - MARGIN, MARGIN, MARGIN, WIDTH - MARGIN


def paths(uri):
    """Return the paths of a drawing, the one on top last."""
    drawing = unquote(uri.removeprefix("data:image/svg+xml,"))
    return re.findall("path d='([^']*)'", drawing)


def points(values, beside=()):
    numbers = [int(n) for n in re.findall(r"-?\d+", paths(curve_uri(values, beside))[-1])]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_curve_fills_the_drawing_and_higher_values_stand_higher():
    assert points([1.0, 3.0, 2.0]) == [(LEFT, LOW), (WIDTH / 2, HIGH), (RIGHT, HEIGHT / 2)]


def test_gap_is_crossed_at_its_own_width():
    assert points([0.0, None, None, 1.0]) == points([0.0, 1.0])
    assert points([0.0, None, 1.0, 1.0])[1][0] == pytest.approx(
        LEFT + (RIGHT - LEFT) * 2 / 3, abs=1
    )


@pytest.mark.parametrize("values", [[], [None], [2.0], [2.0, 2.0]])
def test_flat_or_empty_curves_are_drawn(values):
    assert all(y == LOW for _, y in points(values))


def test_two_curves_share_axes_that_begin_at_zero():
    assert points([4.0, 8.0], [1.0, 2.0]) == [(LEFT, HEIGHT / 2), (RIGHT, HIGH)]
    other, _ = paths(curve_uri([4.0, 8.0], [0.0, 2.0]))
    assert other.startswith(f"M{LEFT},{LOW},{RIGHT},")
    assert "stroke-dasharray" in unquote(curve_uri([1.0], [1.0]))


def test_long_curves_are_thinned_so_that_the_page_shows_them_in_place():
    values = [float(i % 17) for i in range(365)]
    drawn = points(values)
    assert len(drawn) == MAX_POINTS
    assert (drawn[0][0], drawn[-1][0]) == (LEFT, RIGHT)
    assert len(curve_uri(values, values)) < 750


def test_bars_stand_as_high_as_their_counts():
    (drawn,) = paths(bars_uri([10, 5, 0]))
    assert [int(top) for top in re.findall(r"V(\d+)", drawn)] == [HIGH, HEIGHT / 2, LOW]


def test_many_bars_are_thinned_and_none_is_drawn_of_nothing():
    assert paths(bars_uri(range(500)))[0].count("V") == MAX_BARS
    assert len(bars_uri(range(500))) < 900
    assert paths(bars_uri([])) == [""]

"""Drawings small enough for the text of a page: the Dagster UI shows them without a click."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import numpy as np

WIDTH, HEIGHT, MARGIN = 240, 60, 4
MAX_POINTS, MAX_BARS = 20, 40
"""That are drawn: the UI hides Markdown of 1,000 characters or more behind a link."""

INK, PALE = "#2d6cb5", "#8a94a6"
"""Both stand out on a light and on a dark page."""


def curve_uri(values: Sequence[float | None], beside: Sequence[float | None] = ()) -> str:
    """Return a curve, left to right, as a ``data:`` address that holds an SVG.

    Parameters
    ----------
    values : sequence of float or None
        Where there is none, the curve goes straight on.
    beside : sequence of float or None
        A second curve at the same steps, drawn dashed. Both then begin at zero.
    """
    curves = [_points(curve) for curve in (values, beside)]
    low, span = _scale(np.concatenate(curves), from_zero=len(curves[1]) > 0)
    own, other = (_path(curve, low, span) for curve in curves)
    dashed = (
        f"<path d='{other}' fill='none' stroke='{PALE}' stroke-dasharray='4'/>" if other else ""
    )
    return _uri(f"{dashed}<path d='{own}' fill='none' stroke='{INK}' stroke-width='2'/>")


def bars_uri(heights: Sequence[float]) -> str:
    """Return bars, left to right, as a ``data:`` address that holds an SVG.

    Parameters
    ----------
    heights : sequence of float
        >= 0. Of many, some at equal distances are drawn.
    """
    drawn = np.array(heights, float)[_spread(len(heights), MAX_BARS)]
    step = (WIDTH - 2 * MARGIN) / max(len(drawn), 1)
    tops = HEIGHT - MARGIN - drawn / max(drawn.max(initial=0), 1e-12) * (HEIGHT - 2 * MARGIN)
    bars = "".join(
        f"M{MARGIN + step * (place + 0.5):.0f},{HEIGHT - MARGIN}V{top:.0f}"
        for place, top in enumerate(tops)
    )
    return _uri(f"<path d='{bars}' stroke='{INK}' stroke-width='{max(step - 1, 1):.0f}'/>")


def _points(values: Sequence[float | None]) -> np.ndarray:
    """Return steps and values, shape (n_points, 2), of what is there."""
    known = [(step, value) for step, value in enumerate(values) if value is not None]
    points = np.array(known, float).reshape(-1, 2)
    return points[_spread(len(points), MAX_POINTS)]


def _spread(n: int, n_most: int) -> np.ndarray:
    """Return places at equal distances, the first and the last among them."""
    return np.linspace(0, n - 1, min(n_most, n)).round().astype(int)


def _scale(points: np.ndarray, *, from_zero: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return lower end and extent of both axes."""
    if not len(points):
        return np.zeros(2), np.ones(2)
    low, high = points.min(axis=0), points.max(axis=0)
    if from_zero:
        low[1] = min(low[1], 0.0)
    return low, np.where(high > low, high - low, 1)


def _path(curve: np.ndarray, low: np.ndarray, span: np.ndarray) -> str:
    """Return a curve as a path of the drawing, whose y points down."""
    scaled = (curve - low) / span
    x = MARGIN + scaled[:, 0] * (WIDTH - 2 * MARGIN)
    y = HEIGHT - MARGIN - scaled[:, 1] * (HEIGHT - 2 * MARGIN)
    listed = ",".join(f"{a:.0f},{b:.0f}" for a, b in zip(x, y, strict=True))
    return f"M{listed}" if listed else ""


def _uri(drawn: str) -> str:
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}'>{drawn}</svg>"
    return "data:image/svg+xml," + quote(svg, safe="=':/,")

"""A curve small enough for the text of a page: the Dagster UI shows it without a click."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import numpy as np

WIDTH, HEIGHT, MARGIN = 150, 40, 3
MAX_POINTS = 30
"""Points that are drawn: the UI hides Markdown of 1,000 characters or more behind a link."""


def sparkline_uri(values: Sequence[float | None]) -> str:
    """Return a curve, left to right, as a ``data:`` address that holds an SVG.

    Parameters
    ----------
    values : sequence of float or None
        Where there is none, the curve goes straight on.
    """
    known = np.array([(step, value) for step, value in enumerate(values) if value is not None])
    points = ""
    if len(known):
        chosen = np.linspace(0, len(known) - 1, min(MAX_POINTS, len(known))).round().astype(int)
        points = _polyline(known[chosen])
    drawing = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}'>"
        f"<polyline points='{points}' fill='none' stroke='#2d6cb5' stroke-width='2'/></svg>"
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"


def _polyline(curve: np.ndarray) -> str:
    """Return steps and values, shape (n_points, 2), as points of the drawing; y points down."""
    low, span = curve.min(axis=0), np.ptp(curve, axis=0)
    scaled = (curve - low) / np.where(span > 0, span, 1)
    x = MARGIN + scaled[:, 0] * (WIDTH - 2 * MARGIN)
    y = HEIGHT - MARGIN - scaled[:, 1] * (HEIGHT - 2 * MARGIN)
    return " ".join(f"{a:.0f},{b:.0f}" for a, b in zip(x, y, strict=True))

"""What every figure is drawn on, and how it is carried inside a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_INCHES = (4.6, 3.2)
PNG_DPI = 80
PNG_COLORS = 64
"""Dagster keeps the pictures of every event: with few colors they take a third of the bytes."""


def subplots(
    n_rows: int, n_columns: int, *, panel: tuple[float, float] = PANEL_INCHES
) -> tuple[Figure, list[Axes]]:
    """Return a figure and its panels, row by row; ``panel`` is width and height in inches."""
    from matplotlib.figure import Figure

    size = (panel[0] * n_columns, panel[1] * n_rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
        axis.set_axisbelow(True)
    return figure, axes


@dataclass(frozen=True)
class Picture:
    """A figure that was drawn: the bytes of a PNG file."""

    png: bytes

    @property
    def uri(self) -> str:
        """A ``data:`` address that holds it."""
        return _data_uri("image/png", self.png)


def drawn(figure: Figure) -> Picture:
    """Draw a figure as a small PNG."""
    from PIL import Image

    canvas, small = io.BytesIO(), io.BytesIO()
    figure.savefig(canvas, format="png", dpi=PNG_DPI)
    image = Image.open(canvas).convert("RGB").quantize(PNG_COLORS, dither=Image.Dither.NONE)
    image.save(small, format="png", optimize=True)
    return Picture(small.getvalue())


def svg_uri(figure: Figure) -> str:
    """Return a figure as a ``data:`` address that holds an SVG, sharp in print."""
    import matplotlib

    drawn = io.BytesIO()
    # ids and date would make another file of the same figure
    with matplotlib.rc_context({"svg.hashsalt": "equal-assets"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return _data_uri("image/svg+xml", drawn.getvalue())


def _data_uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"

"""Pictures of the UI for docs/, taken where a test has just brought a page about."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page

MARGIN_PIXELS = 10
MAX_BYTES = 200_000


@dataclass(frozen=True)
class Pictures:
    """Writes PNG files into a folder; without one, nothing."""

    folder: Path | None

    def take(
        self,
        name: str,
        page: Page,
        around: Locator | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Take a picture of a page, or of a part of it with a margin.

        Parameters
        ----------
        name : str
        page : Page
        around : Locator, optional
            The part.
        size : tuple of int, optional
            Width and height from its upper left corner, in the place of its own; pixels.
        """
        if self.folder is None:
            return
        path = self.folder / f"{name}.png"
        page.mouse.move(0, 0)  # no button stands highlighted
        clip = _box(around, size) if around else None
        page.screenshot(path=path, clip=clip, animations="disabled")
        Image.open(path).quantize().save(path, optimize=True)  # 256 colors: half the bytes
        n_bytes = path.stat().st_size
        assert n_bytes <= MAX_BYTES, f"{path}: {n_bytes} bytes; allowed: {MAX_BYTES}"


def _box(part: Locator, size: tuple[int, int] | None) -> dict[str, float]:
    box = part.bounding_box()
    assert box is not None, "what is to be pictured is not visible"
    width, height = size or (box["width"], box["height"])
    return {
        "x": max(0, box["x"] - MARGIN_PIXELS),
        "y": max(0, box["y"] - MARGIN_PIXELS),
        "width": width + 2 * MARGIN_PIXELS,
        "height": height + 2 * MARGIN_PIXELS,
    }

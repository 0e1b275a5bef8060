"""Pictures of the UI for docs/, taken where a test has just brought a page about."""

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page

MARGIN_PIXELS = 10
MAX_BYTES = 200_000


@dataclass(frozen=True)
class Pictures:
    """Writes PNG files into a folder; without one, nothing."""

    folder: Path | None

    def take(self, name: str, page: Page, around: Locator | None = None) -> None:
        """Take a picture of a page, or of a part of it with a margin."""
        if self.folder is None:
            return
        path = self.folder / f"{name}.png"
        page.mouse.move(0, 0)  # no button stands highlighted
        page.screenshot(path=path, clip=_box(around) if around else None, animations="disabled")
        size = path.stat().st_size
        assert size <= MAX_BYTES, f"{path}: {size} bytes; allowed: {MAX_BYTES}"


def _box(part: Locator) -> dict[str, float]:
    box = part.bounding_box()
    assert box is not None, "what is to be pictured is not visible"
    return {
        "x": max(0, box["x"] - MARGIN_PIXELS),
        "y": max(0, box["y"] - MARGIN_PIXELS),
        "width": box["width"] + 2 * MARGIN_PIXELS,
        "height": box["height"] + 2 * MARGIN_PIXELS,
    }

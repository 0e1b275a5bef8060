"""A preview as one HTML page that needs nothing beside itself."""

from __future__ import annotations

from pathlib import Path

from equal_assets.pages.html import rendered
from equal_assets.pages.preview import Preview, spending
from equal_assets.pages.preview_tables import EXPLAINED, outlook_table, variants_table
from equal_assets.resources.publishing import publish_text

PREVIEW_FILE = "preview.html"


def write_preview(preview: Preview) -> str:
    """Return the page of a preview."""
    several = len(preview.variants) > 1
    tables = [*([variants_table(preview)] if several else []), outlook_table(preview)]
    return rendered(
        PREVIEW_FILE, preview=preview, tables=tables, explained=EXPLAINED, spending=spending
    )


def publish_preview(preview: Preview, path: Path) -> None:
    """Write the page of a preview to a file."""
    publish_text(write_preview(preview), path)

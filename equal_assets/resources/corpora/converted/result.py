"""What a converter makes of a PDF, HTML, DOCX or EPUB file, or why it fails."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from equal_assets.resources.corpora.candidates import Reason

MAX_UNPACKED_BYTES = 1 << 28
"""Limit for the parts of a DOCX or EPUB: far above any book without its pictures."""

MAX_UNPACKED_RATIO = 200
"""Ratio of unpacked to packed bytes; text reaches 10, a ZIP bomb 1,000."""


MAX_CHARACTERS = 20_000_000
"""Limit for a file, as much as 7,000 full pages; a longer one is rejected."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A file as Markdown.

    Attributes
    ----------
    pages : list of (int or None, str)
        Page numbers, if the format has pages, with their Markdown.
    title, author, url, license : str or None
        As the file states them.
    rejected : list of (int, Reason, str)
        Pages that cannot be used, with the reason and its detail.
    """

    pages: list[tuple[int | None, str]] = field(default_factory=list)
    title: str | None = None
    author: str | None = None
    url: str | None = None
    license: str | None = None
    rejected: list[tuple[int, Reason, str]] = field(default_factory=list)


class UnusableFileError(Exception):
    """A file that yields no text, with the reason under which its rejection is counted."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def check_length(n_characters: int) -> None:
    """Raise :class:`UnusableFileError` if a text is longer than any book."""
    if n_characters > MAX_CHARACTERS:
        detail = f"more than {MAX_CHARACTERS:,} characters"
        raise UnusableFileError(Reason.FILE_BEYOND_BOUNDS, detail)


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open the ZIP file that a DOCX or EPUB is.

    Raises
    ------
    UnusableFileError
        If it is encrypted, or would unpack to more than any book. The archive states the sizes, and
        no more than that is unpacked.
    zipfile.BadZipFile
        If it is not a ZIP file.
    """
    archive = zipfile.ZipFile(path)
    parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise UnusableFileError(Reason.ENCRYPTED_FILE, "the archive is encrypted")
    packed = sum(part.compress_size for part in parts)
    unpacked = sum(part.file_size for part in parts if not part.filename.lower().endswith(PICTURES))
    if unpacked > MAX_UNPACKED_BYTES or unpacked > MAX_UNPACKED_RATIO * max(packed, 1 << 16):
        detail = f"{packed:,} bytes that unpack to {unpacked:,}"
        raise UnusableFileError(Reason.FILE_BEYOND_BOUNDS, detail)
    return archive


PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".emf", ".wmf", ".tif", ".tiff",
            ".mp3", ".mp4", ".ttf", ".otf", ".woff", ".woff2")  # fmt: skip
"""Parts that are not read."""

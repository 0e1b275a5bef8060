"""Word documents, through mammoth (extra ``files``)."""

from __future__ import annotations

from pathlib import Path

import mammoth
from bs4 import BeautifulSoup

from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted.html import PARSER, markdown_of
from equal_assets.resources.corpora.converted.result import (
    Converted,
    UnusableFileError,
    open_archive,
)

PROPERTIES = "docProps/core.xml"
OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")


def convert_docx(path: Path) -> Converted:
    """Convert a document by the styles of its paragraphs; pictures are left out."""
    with path.open("rb") as file:
        if file.read(len(OLE_MAGIC)) == OLE_MAGIC:
            detail = "a document with a password, or one of Word 97 to 2003"
            raise UnusableFileError(Reason.ENCRYPTED_FILE, detail)
    with open_archive(path) as archive:
        names = archive.namelist()
        properties = archive.read(PROPERTIES) if PROPERTIES in names else b""
    with path.open("rb") as file:
        no_pictures = mammoth.images.img_element(lambda image: {})
        html = mammoth.convert_to_html(file, convert_image=no_pictures).value
    stated = BeautifulSoup(properties, PARSER)
    return Converted(
        pages=[(None, markdown_of(html))],
        title=_text(stated, "dc:title"),
        author=_text(stated, "dc:creator"),
    )


def _text(soup: BeautifulSoup, name: str) -> str | None:
    tag = soup.find(name)
    return tag.get_text(" ", strip=True) or None if tag else None

"""EPUB books: a ZIP file of pages, and a package file that orders them (extra ``files``).

Read here because the libraries that read EPUB are under the AGPL; the pages are HTML.
"""

from __future__ import annotations

import posixpath
import zipfile
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup, Tag

from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted.html import PARSER, markdown_of
from equal_assets.resources.corpora.converted.result import (
    Converted,
    UnusableFileError,
    open_archive,
)

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
PAGES = ("application/xhtml+xml", "text/html")


def convert_epub(path: Path) -> Converted:
    """Convert the pages of a book in reading order, without its table of contents."""
    with open_archive(path) as archive:
        root = BeautifulSoup(archive.read(CONTAINER), PARSER).find("rootfile")
        package = str(root["full-path"]) if root else ""
        book = BeautifulSoup(archive.read(package), PARSER)
        pages = _reading_order(book, posixpath.dirname(package))
        locked = set(pages) & _encrypted(archive)
        if locked:
            detail = f"{len(locked)} of {len(pages)} pages are encrypted (DRM)"
            raise UnusableFileError(Reason.ENCRYPTED_FILE, detail)
        texts = [markdown_of(BeautifulSoup(archive.read(name), PARSER)) for name in pages]
    stated = {name: book.find(f"dc:{name}") for name in ("title", "creator", "rights", "source")}
    values = {name: _text(tag) for name, tag in stated.items()}
    source = values["source"] or ""
    return Converted(
        pages=[(None, text) for text in texts],
        title=values["title"],
        author=values["creator"],
        url=source if source.startswith(("http://", "https://")) else None,
        license=values["rights"],
    )


def _reading_order(book: BeautifulSoup, folder: str) -> list[str]:
    """Return the names of the pages in the archive."""
    items = {str(item.get("id")): item for item in book.find_all("item")}
    order = [items.get(str(reference.get("idref"))) for reference in book.find_all("itemref")]
    return [
        posixpath.normpath(posixpath.join(folder, unquote(str(item["href"]))))
        for item in order
        if item is not None
        and item.get("media-type") in PAGES
        and "nav" not in item.get_attribute_list("properties")
    ]


def _encrypted(archive: zipfile.ZipFile) -> set[str]:
    if ENCRYPTION not in archive.namelist():
        return set()
    references = BeautifulSoup(archive.read(ENCRYPTION), PARSER).find_all("enc:cipherreference")
    references += BeautifulSoup(archive.read(ENCRYPTION), PARSER).find_all("cipherreference")
    return {unquote(str(reference.get("uri"))) for reference in references}


def _text(tag: Tag | None) -> str | None:
    return tag.get_text(" ", strip=True) or None if tag else None

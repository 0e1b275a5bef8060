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
        package = _package(archive)
        book = BeautifulSoup(archive.read(package), PARSER)
        pages = _reading_order(book, posixpath.dirname(package))
        locked = set(pages) & _encrypted(archive)
        if locked:
            detail = f"{len(locked)} of {len(pages)} pages are encrypted (DRM)"
            raise UnusableFileError(Reason.ENCRYPTED_FILE, detail)
        read = [BeautifulSoup(archive.read(name), PARSER) for name in pages]
        texts = [markdown_of(page.body or page) for page in read]
    stated = {name: _all(book, name) for name in ("title", "creator", "rights", "source")}
    values = {name: _text(tags[0] if tags else None) for name, tags in stated.items()}
    source = values["source"] or ""
    return Converted(
        pages=[(None, text) for text in texts],
        title=values["title"],
        author=values["creator"],
        url=source if source.startswith(("http://", "https://")) else None,
        license=values["rights"],
    )


def _all(soup: Tag, name: str) -> list[Tag]:
    """Return the elements of a name, whatever prefix a book gives their namespace."""
    return soup.find_all(lambda tag: tag.name.rpartition(":")[2] == name)


def _package(archive: zipfile.ZipFile) -> str:
    """Return the name of the package file in the archive."""
    roots = _all(BeautifulSoup(archive.read(CONTAINER), PARSER), "rootfile")
    if not roots or not roots[0].get("full-path"):
        raise UnusableFileError(Reason.UNREADABLE_FILE, f"{CONTAINER} names no package file")
    return str(roots[0]["full-path"])


def _reading_order(book: Tag, folder: str) -> list[str]:
    """Return the names of the pages in the archive."""
    items = {str(item.get("id")): item for item in _all(book, "item")}
    order = [items.get(str(reference.get("idref"))) for reference in _all(book, "itemref")]
    contents = {
        str(reference.get("href")).partition("#")[0]
        for reference in _all(book, "reference")
        if reference.get("type") == "toc"
    }
    return [
        posixpath.normpath(posixpath.join(folder, unquote(str(item["href"]))))
        for item in order
        if item is not None
        and item.get("media-type") in PAGES
        and "nav" not in item.get_attribute_list("properties")
        and item["href"] not in contents
    ]


def _encrypted(archive: zipfile.ZipFile) -> set[str]:
    if ENCRYPTION not in archive.namelist():
        return set()
    references = _all(BeautifulSoup(archive.read(ENCRYPTION), PARSER), "cipherreference")
    return {unquote(str(reference.get("uri"))) for reference in references}


def _text(tag: Tag | None) -> str | None:
    return tag.get_text(" ", strip=True) or None if tag else None

"""The source of a text format: decoded as it states, with line ends alike."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted.result import UnusableFileError
from equal_assets.resources.corpora.encoded import read_utf8

STATED = re.compile(
    rb"\\usepackage\s*\[([\w-]+)\]\s*\{inputenc\}|\\inputencoding\s*\{([\w-]+)\}"
    rb"|coding[:=]\s*([\w.-]+)|!\s*TEX\s+encoding\s*=\s*([\w. -]+?)\s*$",
    re.MULTILINE | re.IGNORECASE,
)
"""How LaTeX, editors and docutils name an encoding in a file."""

OF_LATEX = {
    "latin1": "latin-1",
    "latin2": "iso8859-2",
    "latin3": "iso8859-3",
    "latin4": "iso8859-4",
    "latin5": "iso8859-9",
    "latin9": "iso8859-15",
    "latin10": "iso8859-16",
    "ansinew": "cp1252",
    "applemac": "mac-roman",
    "isolatin": "latin-1",
    "windowslatin1": "cp1252",
    "macosroman": "mac-roman",
}
"""Names that Python does not know, or not so."""


def source_of(path: Path) -> str:
    """Return the text of a file: UTF-8 or UTF-16, else in the encoding that it names.

    Raises
    ------
    UnusableFileError
        If it is neither UTF-8 nor names an encoding in which it can be read.
    """
    content = b"".join(read_utf8(path, None))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = _as_stated(content)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _as_stated(content: bytes) -> str:
    stated = STATED.search(content)
    if stated is None:
        detail = "it names no encoding: save it as UTF-8"
        raise UnusableFileError(Reason.INVALID_UTF8, detail)
    name = next(group for group in stated.groups() if group).decode("ascii").lower()
    try:
        known = OF_LATEX.get(re.sub(r"[ .-]", "", name), name)
        return content.decode(codecs.lookup(known).name)
    except (LookupError, UnicodeDecodeError):
        detail = f"it names the encoding {name}, and is in another: save it as UTF-8"
        raise UnusableFileError(Reason.INVALID_UTF8, detail) from None

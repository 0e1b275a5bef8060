"""PDF, through pdfplumber: text in reading order, tables, headings by type size (extra ``files``).

A PDF has no headings, only larger type: lines in larger type than most of the text are taken for
headings. Smaller letters above or below the line are powers and indices. Pages without text
(scans), and those in fonts that do not say which characters they draw, are rejected: nothing is
recognized.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pdfplumber
from pdfminer.layout import LTChar, LTTextBox, LTTextLine
from pdfminer.pdfdocument import PDFEncryptionError, PDFPasswordIncorrect
from pdfplumber.page import Page
from pdfplumber.utils.exceptions import PdfminerException

from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted.result import (
    Converted,
    UnusableFileError,
    check_length,
)

LARGER = 1.12
"""Least type size of a heading, relative to the text; 11 points over 10 is emphasis."""

HEADING_CHARACTERS = 150

EDGE = 0.1
"""Share of a page's height, top and bottom, that holds running heads and page numbers."""

RUNNING_PAGES = 3
"""Pages that must repeat a line at an edge, digits aside, to make it a running head."""


UNKNOWN = re.compile("\\(cid:\\d+\\)|[\x00-\x08\x0e-\x1f\ufffd\ue000-\uf8ff]")
"""A character of which a font draws the shape alone: of no Unicode value, or of a private one."""

MOST_UNKNOWN = 0.02
"""Share of such characters that rejects a page; below it, most are signs of lists."""

SMALLER = 0.85
"""Most type size of a power or an index, relative to its line."""

RAISED, LOWERED = 0.15, -0.08
"""Where their baseline is, in type sizes of the line; TeX raises by 0.36 and lowers by 0.15."""

DESCENT = 0.2
"""Depth of letters below the baseline, in type sizes; that of common fonts."""

HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\xad]\n(?=[a-zß-öø-ÿœšžčřěґа-яё])")
"""A word cut at the end of a line; before a capital or a figure the hyphen belongs to it."""

LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    size: float  # points, rounded to halves; 0: of a table
    is_at_edge: bool = False


def convert_pdf(path: Path) -> Converted:
    """Convert a document page by page."""
    try:
        with pdfplumber.open(path, laparams={}) as pdf:
            stated = {name: str(value).strip() for name, value in (pdf.metadata or {}).items()}
            read = [(_rejection(page), list(_blocks(page))) for page in _read(pdf.pages)]
    except PdfminerException as error:
        cause = error.args[0] if error.args else error
        if isinstance(cause, PDFPasswordIncorrect | PDFEncryptionError):
            raise UnusableFileError(Reason.ENCRYPTED_FILE, "it needs a password") from error
        raise
    rejected = [(n, *rejection) for n, (rejection, _) in enumerate(read, 1) if rejection]
    pages = _without_running_heads([[] if rejection else blocks for rejection, blocks in read])
    levels = _heading_levels(line for blocks in pages for block in blocks for line in block)
    return Converted(
        pages=[(number, _markdown(blocks, levels)) for number, blocks in enumerate(pages, 1)],
        title=stated.get("Title") or None,
        author=stated.get("Author") or None,
        rejected=rejected,
    )


def _rejection(page: Page) -> tuple[Reason, str] | None:
    """Return why a page cannot be used: it is a picture, or nobody knows what its letters are."""
    characters = [str(char["text"]) for char in page.chars if str(char["text"]).strip(" ")]
    unknown = sum(1 for character in characters if UNKNOWN.match(character))
    if unknown > MOST_UNKNOWN * len(characters):
        detail = (
            f"page {page.page_number}: {unknown} of {len(characters)} characters have no Unicode "
            "value in their font; recognize them, for example with `ocrmypdf --force-ocr`"
        )
        return Reason.UNREADABLE_CHARACTERS, detail
    if not characters and page.images:
        return Reason.NO_TEXT_IN_FILE, f"page {page.page_number}: a picture alone, as of a scanner"
    return None


def _read(pages: Iterable[Page]) -> Iterator[Page]:
    """Yield pages, each released before the next; their total length is bounded."""
    n_characters = 0
    for page in pages:
        yield page
        n_characters += len(page.chars)
        page.close()
        check_length(n_characters)


def _blocks(page: Page) -> Iterator[list[_Line]]:
    """Yield the paragraphs of a page in reading order; a table comes at its first cell."""
    tables = [table for table in page.find_tables() if len(table.rows) > 1]
    shown: set[int] = set()
    for box in page.layout:
        if not isinstance(box, LTTextBox):
            continue
        lines: list[_Line] = []
        for line in box:
            if not isinstance(line, LTTextLine) or not line.get_text().strip():
                continue
            inside = _table_at(line, tables, page)
            if inside is None:
                lines.append(_Line(_text(line), _type_size(line), _is_at_edge(line, page)))
            elif inside not in shown:
                shown.add(inside)
                lines.append(_Line(_table_markdown(tables[inside].extract()), 0))
        yield from _split_by_size(lines)


def _text(line: LTTextLine) -> str:
    """Return the text of a line, with powers as ``^{}`` and indices as ``_{}``."""
    chars = [char for char in line if isinstance(char, LTChar) and char.get_text().strip()]
    sizes = Counter(round(char.size, 1) for char in chars)
    size = max((size for size in sizes if sizes[size] >= len(chars) / 5), default=0.0)
    lows = sorted(_baseline(char) for char in chars if round(char.size, 1) == size)
    written, mark = "", ""
    for item in line:
        if isinstance(item, LTChar) and item.get_text().strip():
            now = _mark(item, size, lows[len(lows) // 2])
            written += ("}" if mark else "") + (f"{now}{{" if now else "") if now != mark else ""
            mark = now
        elif mark and item.get_text() != "":
            written, mark = written + "}", ""
        written += item.get_text()
    return (written.rstrip() + ("}" if mark else "")).strip()


def _baseline(char: LTChar) -> float:
    return float(char.y0 + DESCENT * char.size)


def _mark(char: LTChar, size: float, baseline: float) -> str:
    """Return ``^`` for a power, ``_`` for an index, nothing for text."""
    if char.size > SMALLER * size or not char.upright:
        return ""
    rise = (_baseline(char) - baseline) / size
    return "^" if rise > RAISED else "_" if rise < LOWERED else ""


def _is_at_edge(line: LTTextLine, page: Page) -> bool:
    return bool(line.y0 < EDGE * page.height or line.y1 > (1 - EDGE) * page.height)


def _without_running_heads(pages: list[list[list[_Line]]]) -> list[list[list[_Line]]]:
    """Drop lines repeated at the edge of several pages, digits aside."""
    seen = Counter(
        text
        for blocks in pages
        for text in {_without_digits(line) for block in blocks for line in block if line.is_at_edge}
    )
    running = {text for text, n in seen.items() if n >= RUNNING_PAGES}

    def is_text(line: _Line) -> bool:
        return not line.is_at_edge or _without_digits(line) not in running

    kept = [[[line for line in block if is_text(line)] for block in blocks] for blocks in pages]
    return [[block for block in blocks if block] for blocks in kept]


def _without_digits(line: _Line) -> str:
    return re.sub(r"\d+", "#", line.text)


def _table_at(line: LTTextLine, tables: list[Any], page: Page) -> int | None:
    x, y = (line.x0 + line.x1) / 2, page.height - (line.y0 + line.y1) / 2
    for index, table in enumerate(tables):
        left, top, right, bottom = table.bbox
        if left <= x <= right and top <= y <= bottom:
            return index
    return None


def _type_size(line: LTTextLine) -> float:
    sizes = Counter(round(2 * char.size) / 2 for char in line if isinstance(char, LTChar))
    return max(sizes, key=lambda size: (sizes[size], size), default=0.0)


def _split_by_size(lines: list[_Line]) -> Iterator[list[_Line]]:
    """Yield runs of lines of one type size: a heading and its text may share a box."""
    run: list[_Line] = []
    for line in lines:
        if run and line.size != run[-1].size:
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _heading_levels(lines: Iterable[_Line]) -> dict[float, int]:
    """Return the heading levels of type sizes, the largest first; six at most."""
    characters: Counter[float] = Counter()
    for line in lines:
        characters[line.size] += len(line.text) if line.size else 0
    if not characters:
        return {}
    usual = max(characters, key=lambda size: (characters[size], size))
    larger = sorted((size for size in characters if size >= LARGER * usual), reverse=True)
    return {size: min(level, 6) for level, size in enumerate(larger, 1)}


def _markdown(blocks: list[list[_Line]], levels: dict[float, int]) -> str:
    texts = []
    for block in blocks:
        text = HYPHENATED.sub("", "\n".join(line.text for line in block)).replace("\xad", "")
        text = UNKNOWN.sub("\ufffd", text.translate(LIGATURES))
        level = levels.get(block[0].size)
        if level and len(text) <= HEADING_CHARACTERS:
            texts.append(f"{'#' * level} {' '.join(text.split())}")
        else:  # a line that begins with # is not a heading here
            texts.append(re.sub(r"^(#{1,6}\s)", r"\\\1", text, flags=re.MULTILINE))
    return "\n\n".join(texts) + "\n\n"  # a page ends a paragraph


def _table_markdown(rows: list[list[str | None]]) -> str:
    cells = [[" ".join((cell or "").split()).replace("|", "\\|") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * len(cells[0]), *lines[1:]])

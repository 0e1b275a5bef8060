"""Markdown, split at its headings into sections of sensible length."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from equal_assets.algorithms.chunks import cut_text
from equal_assets.algorithms.extraction.laid_out import fenced_lines

HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
SEPARATOR = "\n\n"
"""Between the headings and texts of parts that are joined."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a text, with the headings above it.

    Attributes
    ----------
    path : tuple of str
        Headings, outermost first; empty before the first one.
    text : str
        Its content without these headings; Markdown, never empty.
    page : int or None
        Where it begins, if the text has pages.
    """

    path: tuple[str, ...]
    text: str
    page: int | None = None


def split_at_headings(
    pages: Iterable[tuple[int | None, str]], *, max_characters: int
) -> list[Section]:
    r"""Split Markdown at its headings; join short neighbors, cut long sections.

    Parameters
    ----------
    pages : iterable of (int or None, str)
        Page numbers, if there are pages, with their Markdown. A heading is a line that begins
        with ``#`` to ``######`` outside of fenced code; a fence that is never closed opens none.
    max_characters : int
        Longest text, >= 1. Longer sections are cut where paragraphs end; neighbors under one
        heading are joined while they fit, and keep their own headings in the text.

    Returns
    -------
    list of Section
        In order. Every heading is in a path or a text.

    >>> text = "# A\nx\n## B\ny"
    >>> [(s.path, s.text) for s in split_at_headings([(None, text)], max_characters=2)]
    [(('A',), 'x'), (('A', 'B'), 'y')]
    >>> [(s.path, s.text) for s in split_at_headings([(None, text)], max_characters=99)]
    [(('A',), 'x\n\n## B\n\ny')]
    """
    sections: list[Section] = []
    group = _Group()
    for part in _parts(pages):
        if group.parts and not (
            _is_below(part, group.parts[0]) and group.length_with(part) <= max_characters
        ):
            sections += _sections(group.parts, max_characters)
            group = _Group()
        group.add(part)
    return sections + (_sections(group.parts, max_characters) if group.parts else [])


@dataclass(frozen=True, slots=True)
class _Part:
    """The text between two headings, with the offsets at which pages begin in it."""

    path: tuple[str, ...]
    text: str
    page_starts: tuple[tuple[int, int | None], ...]

    def page_at(self, offset: int) -> int | None:
        return [page for start, page in self.page_starts if start <= offset][-1]


class _Group:
    """Neighbors that become one section, and how long their joined text is."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self._shared: tuple[str, ...] = ()
        self._length = 0

    def length_with(self, part: _Part) -> int:
        """Return the length of the text with one more part."""
        if self._shares(part):
            more = SEPARATOR.join(_pieces(part, self.parts[-1].path, len(self._shared)))
            return self._length + len(more) + (len(SEPARATOR) if self._length and more else 0)
        return len(_joined([*self.parts, part])[1])

    def add(self, part: _Part) -> None:
        """Add a part; all are joined again only where fewer headings are shared."""
        if self.parts and self._shares(part):
            self._length = self.length_with(part)
            self.parts.append(part)
            return
        self.parts.append(part)
        self._shared, text = _joined(self.parts)
        self._length = len(text)

    def _shares(self, part: _Part) -> bool:
        return part.path[: len(self._shared)] == self._shared


def _parts(pages: Iterable[tuple[int | None, str]]) -> Iterable[_Part]:
    """Yield the parts of a text; a heading directly followed by a deeper one gives none."""
    headings: list[tuple[int, str]] = []
    lines: list[tuple[int | None, str]] = []
    written = [(page, line) for page, text in pages for line in text.splitlines()]
    is_code = fenced_lines([line for _, line in written])
    for (page, line), is_fenced in zip(written, is_code, strict=True):
        match = None if is_fenced else HEADING.match(line)
        if match is None or not match[2]:
            lines.append((page, line))
            continue
        level = len(match[1])
        if any(text.strip() for _, text in lines) or (headings and headings[-1][0] >= level):
            yield _part(headings, lines)
        lines = [(page, "")]
        headings = [heading for heading in headings if heading[0] < level] + [(level, match[2])]
    if headings or any(text.strip() for _, text in lines):
        yield _part(headings, lines)


def _part(headings: Sequence[tuple[int, str]], lines: Sequence[tuple[int | None, str]]) -> _Part:
    starts: list[tuple[int, int | None]] = []
    length = 0
    text = "\n".join(line for _, line in lines)
    skipped = len(text) - len(text.lstrip())
    for page, line in lines:
        if not starts or page != starts[-1][1]:
            starts.append((max(0, length - skipped), page))
        length += len(line) + 1
    return _Part(tuple(title for _, title in headings), text.strip(), tuple(starts))


def _is_below(part: _Part, first: _Part) -> bool:
    parent = first.path[:-1]
    return part.path[: len(parent)] == parent


def _joined(group: Sequence[_Part]) -> tuple[tuple[str, ...], str]:
    """Return the headings that parts share, and their text with all others."""
    shared = group[0].path
    for part in group[1:]:
        while part.path[: len(shared)] != shared:
            shared = shared[:-1]
    pieces: list[str] = []
    above = shared
    for part in group:
        pieces += _pieces(part, above, len(shared))
        above = part.path
    return shared, SEPARATOR.join(pieces)


def _pieces(part: _Part, above: tuple[str, ...], n_shared: int) -> list[str]:
    """Return a part's own headings below those that are shared, and its text; none is empty."""
    own = [
        f"{'#' * (depth + 1)} {part.path[depth]}"
        for depth in range(n_shared, len(part.path))
        if part.path[: depth + 1] != above[: depth + 1]
    ]
    return [*own, part.text] if part.text else own


def _sections(group: Sequence[_Part], max_characters: int) -> list[Section]:
    path, text = _joined(group)
    if not text:  # headings alone
        return [Section(path[:-1], path[-1], group[0].page_at(0))]
    if len(group) > 1:
        return [Section(path, text, group[0].page_at(0))]
    if len(text) <= max_characters:
        return [Section(path, text, group[0].page_at(0))]
    return [
        Section((*path, *chunk.path), text[chunk.start : chunk.end], group[0].page_at(chunk.start))
        for chunk in cut_text(text, max_characters=max_characters)
    ]

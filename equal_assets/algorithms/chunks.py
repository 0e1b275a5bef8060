"""Long texts, cut where they suffer least: before headings, exercises, paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from equal_assets.algorithms.blocks import ANSWER, Block, Heading, read_blocks

BOUNDARIES = (
    re.compile(r"\n(?=[^\S\n]{0,6}(?:[-*+•]|\(?\w{1,4}[.)])[^\S\n])"),  # between items
    re.compile(r"\n"),
    re.compile("(?<=[.!?؟۔।॥।។៕။])\\s+|(?<=[。！？｡])"),  # between sentences; no space follows 。
    re.compile(r"\s+"),
)
"""Where a block that is too long is cut, best first; else anywhere."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a text.

    Attributes
    ----------
    start, end : int
        Its span, without white space around it.
    path : tuple of str
        The headings above it that are not in it, outermost first.
    """

    start: int
    end: int
    path: tuple[str, ...] = ()


def cut_text(text: str, *, max_characters: int, overlap_characters: int = 0) -> list[Chunk]:
    r"""Cut a text into chunks; neighbors may share some whole blocks.

    A chunk ends before the highest heading, else before an exercise, else a paragraph, so that it
    is at least a quarter full, if that is possible. Never cut, where it fits into a chunk, is a
    paragraph, code between fences, a table, a formula, a question with its answer.

    Parameters
    ----------
    text : str
    max_characters : int
        Longest chunk, not counting the headings that it begins with; >= 1.
    overlap_characters : int
        A chunk begins with the last blocks (or lines, sentences, words, if those are too long) of
        the one before it, up to this many characters; >= 0, below ``max_characters``.

    Returns
    -------
    list of Chunk
        In order, none empty. Together they hold every character that is not white space. A
        paragraph that is appended to a text changes at most its last two chunks.

    Raises
    ------
    ValueError
        If a length is out of range.

    >>> text = "# A\n\none\n\n## B\n\ntwo"
    >>> [(text[c.start : c.end], c.path) for c in cut_text(text, max_characters=12)]
    [('# A\n\none', ()), ('## B\n\ntwo', ('A',))]
    """
    if max_characters < 1:
        raise ValueError(f"max_characters = {max_characters}: must be >= 1")
    if not 0 <= overlap_characters < max_characters:
        raise ValueError(
            f"overlap_characters = {overlap_characters}: must be 0 to {max_characters - 1}"
        )
    blocks, headings = read_blocks(text, longest=max_characters)
    pieces = [piece for block in blocks for piece in _pieces(text, block, max_characters)]
    spans = list(_packed(pieces, max_characters, overlap_characters))
    return list(_below_headings(spans, headings))


def split_text(text: str, *, max_characters: int, overlap_characters: int) -> list[str]:
    """Return the texts of the chunks of :func:`cut_text`; a text that fits is left as it is."""
    chunks = cut_text(text, max_characters=max_characters, overlap_characters=overlap_characters)
    if len(text) <= max_characters and chunks:
        return [text]
    return [text[chunk.start : chunk.end] for chunk in chunks]


def _pieces(text: str, block: Block, longest: int) -> Iterator[Block]:
    """Yield a block, or where it is too long, the parts of it that are not."""
    if block.length <= longest:
        yield block
        return
    spans = _cut(text, block.body, block.end, longest, level=0)
    for start, end, level in spans:
        is_first = start == block.body
        announces = block.announces if end == block.end else ""
        part = Block(start, start, end, ANSWER + 1 + level, announces=announces)
        yield replace(block, end=end, announces=announces) if is_first else part


def _cut(
    text: str, start: int, end: int, longest: int, *, level: int
) -> Iterator[tuple[int, int, int]]:
    """Yield spans without white space around them, and at which boundary each begins."""
    if level == len(BOUNDARIES):
        for cut in range(start, end, longest):
            yield cut, min(cut + longest, end), level
        return
    at = start
    for boundary in [*BOUNDARIES[level].finditer(text, start, end), None]:
        piece = text[at : boundary.start() if boundary else end]
        if piece.strip():
            left, right = at + len(piece) - len(piece.lstrip()), at + len(piece.rstrip())
            if right - left <= longest:
                yield left, right, level
            else:
                first, *others = _cut(text, left, right, longest, level=level + 1)
                yield first[0], first[1], level
                yield from others
        at = boundary.end() if boundary else end


def _packed(pieces: Sequence[Block], longest: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Yield the spans of the chunks."""
    first = new = 0
    while new < len(pieces):
        last = _last(pieces, first, new, longest)
        end = pieces[last].end
        yield pieces[first].start, end
        begun, first = first, last + 1
        new = first
        # pieces that fit into the overlap and leave room for the next one begin the next chunk
        while (
            new < len(pieces)
            and first - 1 > begun
            and end - pieces[first - 1].start <= overlap
            and pieces[new].end - pieces[first - 1].body <= longest
        ):
            first -= 1


def _last(pieces: Sequence[Block], first: int, new: int, longest: int) -> int:
    """Return the last piece of the chunk that begins with a piece and holds a new one."""
    begin, end = pieces[first].body, pieces[-1].end
    last = new
    while last + 1 < len(pieces) and pieces[last + 1].end - begin <= longest:
        last += 1
    if last + 1 == len(pieces):
        return last

    def loss(place: int) -> tuple[bool, bool, bool, int, int]:
        """Say what speaks against ending there.

        What is announced and does not follow; little in it, little left, what is cut apart.
        """
        following = pieces[place + 1]
        is_open = pieces[place].is_open_to(following)
        is_short = pieces[place].end - begin < longest // 4
        is_little = end - following.start < longest // 4
        return is_open, is_short, is_little, following.strength, -place

    return min(range(new, last + 1), key=loss)


def _below_headings(
    spans: Sequence[tuple[int, int]], headings: Sequence[Heading]
) -> Iterator[Chunk]:
    """Yield chunks with the headings above them."""
    above: list[Heading] = []
    passed = 0
    for start, end in spans:
        while passed < len(headings) and headings[passed].start <= start:
            level = headings[passed].level
            above = [heading for heading in above if heading.level < level] + [headings[passed]]
            passed += 1
        path = tuple(heading.title for heading in above if heading.start < start)
        yield Chunk(start, end, path)

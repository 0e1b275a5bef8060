"""Long texts, split at the ends of paragraphs, with some overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator

BOUNDARIES = (
    re.compile(r"\n[^\S\n]*\n\s*"),  # between paragraphs
    re.compile(r"\n"),
    re.compile("(?<=[.!?؟۔।॥።។៕။])\\s+|(?<=[。！？｡])"),  # between sentences; no space follows 。
    re.compile(r"\s+"),
)
"""Where a text may be split, best first."""


def split_text(text: str, *, max_characters: int, overlap_characters: int) -> list[str]:
    """Split a text into chunks at the best boundaries; neighbors share some whole pieces.

    Parameters
    ----------
    text : str
    max_characters : int
        Longest chunk, >= 1.
    overlap_characters : int
        A chunk begins with the last paragraphs (or lines, sentences, words, if those are too
        long) of the one before it, up to this many characters; >= 0, below ``max_characters``.

    Returns
    -------
    list of str
        In order, none empty; a text that fits is returned as it is. Together they hold every
        character that is not white space.

    Raises
    ------
    ValueError
        If a length is out of range.
    """
    if max_characters < 1:
        raise ValueError(f"max_characters = {max_characters}: must be >= 1")
    if not 0 <= overlap_characters < max_characters:
        raise ValueError(
            f"overlap_characters = {overlap_characters}: must be 0 to {max_characters - 1}"
        )
    if len(text) <= max_characters:
        return [text] if text.strip() else []
    spans = list(_pieces(text, 0, len(text), max_characters, level=0))
    chunks, first = [], 0
    while first < len(spans):
        start, last = spans[first][0], first
        while last + 1 < len(spans) and spans[last + 1][1] - start <= max_characters:
            last += 1
        end = spans[last][1]
        chunks.append(text[start:end])
        following = last + 1
        # pieces that fit into the overlap and leave room for the next one begin the next chunk
        while (
            following < len(spans)
            and following - 1 > first
            and end - spans[following - 1][0] <= overlap_characters
            and spans[last + 1][1] - spans[following - 1][0] <= max_characters
        ):
            following -= 1
        first = following
    return chunks


def _pieces(
    text: str, start: int, end: int, max_characters: int, *, level: int
) -> Iterator[tuple[int, int]]:
    """Yield spans without white space around them, each at most ``max_characters`` long."""
    if level == len(BOUNDARIES):
        for cut in range(start, end, max_characters):
            yield cut, min(cut + max_characters, end)
        return
    at = start
    for boundary in [*BOUNDARIES[level].finditer(text, start, end), None]:
        piece_end = boundary.start() if boundary else end
        piece = text[at:piece_end]
        if piece.strip():
            left = at + len(piece) - len(piece.lstrip())
            right = at + len(piece.rstrip())
            if right - left <= max_characters:
                yield left, right
            else:
                yield from _pieces(text, left, right, max_characters, level=level + 1)
        at = boundary.end() if boundary else end

"""Long documents are pages: cut into chunks, which are documents of their own."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace

from equal_assets.algorithms.blocks import MAX_HEADING_CHARACTERS
from equal_assets.algorithms.chunks import Chunk, cut_text
from equal_assets.records import Document, Page, QAPair, content_hash, trimmed

SEPARATOR = " > "
"""Between the headings above a chunk."""

MOST_INDENTATION = 80


def cut_page(page: Document, *, max_characters: int, has_id: bool) -> Iterator[Document]:
    """Yield the chunks of a document, or the document itself, if it is not longer than one.

    Parameters
    ----------
    page : Document
    max_characters : int
        Longest chunk, not counting the headings at its top.
    has_id : bool
        Whether the id is its own; else it is made from the text, and so are those of its chunks.
    """
    is_long = len(page.text) > max_characters
    chunks = cut_text(page.text, max_characters=max_characters) if is_long else []
    if len(chunks) <= 1:
        yield page
        return
    pairs, digest = _pairs(page, chunks), page.content_hash
    for number, chunk in enumerate(chunks, start=1):
        text = _text(page, chunk)
        own = f"{page.document_id}#{number}" if has_id else content_hash(text)[:16]
        yield replace(
            page,
            document_id=own,
            text=text,
            qa_pairs=tuple(pairs[number - 1]),
            page=Page(page.document_id, digest, number),
        )


def _text(page: Document, chunk: Chunk) -> str:
    """Return a chunk below the headings above it, as far as they are not its first lines."""
    before = page.text[max(0, chunk.start - MOST_INDENTATION) : chunk.start]
    indentation = len(before) - len(before.rstrip(" \t"))  # which a block of code keeps
    body = trimmed(page.text[chunk.start - indentation : chunk.end])
    title = page.metadata.get("title", "").strip()
    path = chunk.path if title in ("", *chunk.path[:1]) else (title, *chunk.path)
    top = body[: 2 * MAX_HEADING_CHARACTERS].casefold().splitlines()
    first = {line.strip("#*_= \t") for line in top}
    above = [part for part in path if len(part) <= MAX_HEADING_CHARACTERS]
    missing = [part for part in above if part.casefold() not in first]
    return f"{SEPARATOR.join(missing)}\n\n{body}" if missing else body


def _pairs(page: Document, chunks: list[Chunk]) -> list[list[QAPair]]:
    """Return for each chunk the pairs that stand in it; what is found in none is in the first."""
    found: list[list[QAPair]] = [[] for _ in chunks]
    for pair in page.qa_pairs:
        places = (page.text.find(part) for part in (pair.question, pair.answer))
        place = next((place for place in places if place >= 0), 0)
        found[bisect_right(chunks, place, key=lambda chunk: chunk.end)].append(pair)
    return found

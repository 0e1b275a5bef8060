"""The text of a file as UTF-8, whatever it is encoded in."""

from __future__ import annotations

import codecs
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path

import zstandard

from equal_assets.resources.corpora.candidates import MOST_ROW_BYTES, BeyondBoundsError
from equal_assets.resources.corpora.packed import read_chunks

UNREADABLE = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zstandard.ZstdError,
    UnicodeDecodeError,
)
"""Raised while a file is read that is gone, damaged or not what its name says."""

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks of what is not UTF-8; the longer ones first, which begin as the shorter do."""

LOOKED_AT_BYTES = 1024
NUL_SHARE = 0.3
"""Of the bytes at every second place: text in UTF-16, of characters that most files are full of."""


def read_utf8(path: Path, encoding: str | None) -> Iterator[bytes]:
    """Yield the text of a file as UTF-8, a chunk at a time.

    Parameters
    ----------
    path : Path
        Plain or compressed.
    encoding : str, optional
        As the settings name it. Otherwise it is UTF-8, unless a mark or the zeros between the
        characters tell UTF-16 or UTF-32.

    Raises
    ------
    UnicodeDecodeError
        If UTF-16 or UTF-32 breaks off. A character that cannot be decoded becomes bytes that are
        not UTF-8, for the reader to reject the row.
    """
    head, chunks = peek(read_chunks(path), LOOKED_AT_BYTES)
    encoding = codecs.lookup(encoding).name if encoding else _encoding(head)
    return chunks if encoding in (None, "utf-8") else _transcoded(chunks, encoding)


def peek(chunks: Iterator[bytes], n_bytes: int) -> tuple[bytes, Iterator[bytes]]:
    """Return the beginning of a stream, and the whole of it; where it breaks off, it still does."""
    head, broken = b"", None
    try:
        while len(head) < n_bytes and (chunk := next(chunks, None)) is not None:
            head += chunk
    except UNREADABLE as error:
        broken = error
    return head, _from_head(head, chunks, broken)


def _from_head(head: bytes, chunks: Iterator[bytes], broken: Exception | None) -> Iterator[bytes]:
    yield head
    if broken:
        raise broken
    yield from chunks


def open_text(path: Path, encoding: str | None) -> io.TextIOWrapper:
    """Open a file as text with its line ends; bytes that are not UTF-8 become surrogates."""
    stream = io.BufferedReader(_Chunks(read_utf8(path, encoding)))
    return io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")


def bounded_lines(stream: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines of a text with their ends.

    Raises
    ------
    BeyondBoundsError
        At a line that is longer than any row.
    """
    while line := stream.readline(MOST_ROW_BYTES):
        if len(line) == MOST_ROW_BYTES:
            raise BeyondBoundsError(f"a line of more than {MOST_ROW_BYTES:,} characters")
        yield line


def _encoding(head: bytes) -> str | None:
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    looked_at = head[:LOOKED_AT_BYTES]
    n_even, n_odd = looked_at[::2].count(0), looked_at[1::2].count(0)
    if max(n_even, n_odd) <= NUL_SHARE * len(looked_at) / 2 or min(n_even, n_odd) > 0:
        return None
    return "utf-16-le" if n_odd else "utf-16-be"


def _transcoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    # of UTF-16 and UTF-32 no single byte can be kept, but a half of a pair
    errors = "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


class _Chunks(io.RawIOBase):
    """Chunks as a file that `io` can read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        n_bytes = min(len(buffer), len(self._rest))
        buffer[:n_bytes] = self._rest[:n_bytes]
        self._rest = self._rest[n_bytes:]
        return n_bytes

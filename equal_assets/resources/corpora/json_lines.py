"""JSON Lines, plain or compressed, in bounded memory."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.candidates import NumberedRow, Reason, reject, unreadable

CHUNK_BYTES = 1 << 16
# zstd puts up to 128 KiB of text into 4 bytes: this bounds what one step can unpack to 4 MiB.
ZSTD_STEP_BYTES = 128
ZSTD_WINDOW_BYTES = 1 << 31  # what `zstd --long=31` needs, as large public corpora do


def read_json_lines(path: Path, file: str) -> Iterator[NumberedRow | RejectedRow]:
    """Yield the objects of a file, each with its line from 1; ``file`` is its name for people.

    In a file that is one list, rows are counted instead.
    """
    row = 0
    try:
        if (values := _list(path)) is not None:
            yield from (_as_row(value, row, file) for row, value in enumerate(values, start=1))
            return
        for row, line in enumerate(_lines(path), start=1):
            if line.strip():
                yield _parse_json(line, row, file)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        yield unreadable(file, row + 1, error)


def _parse_json(line: bytes, row: int, file: str) -> NumberedRow | RejectedRow:
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return reject(file, row, Reason.INVALID_UTF8, line)
    except (ValueError, RecursionError):
        return reject(file, row, Reason.BROKEN_JSON, line)
    return _as_row(values, row, file)


def _as_row(value: Any, row: int, file: str) -> NumberedRow | RejectedRow:
    if not isinstance(value, dict):
        return reject(file, row, Reason.NOT_AN_OBJECT, json.dumps(value, ensure_ascii=False))
    return row, value


def _list(path: Path) -> list[Any] | None:
    """Return the list that is all of a file; None if it is no such file."""
    chunks = _chunks(path)
    head = next(chunks, b"")
    if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        return None
    try:
        values = json.loads((head + b"".join(chunks)).decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, list) else None


def _lines(path: Path) -> Iterator[bytes]:
    """Yield complete lines, up to where a compressed file breaks off."""
    pieces: list[bytes] = []
    for chunk in _chunks(path):
        first, *others = chunk.split(b"\n")
        pieces.append(first)
        for piece in others:
            yield b"".join(pieces)
            pieces = [piece]
    if any(pieces):
        yield b"".join(pieces)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        if path.suffix.lower() == ".zst":
            yield from _decompress_zstd(file)
        elif path.suffix.lower() == ".gz":
            with gzip.GzipFile(fileobj=file) as plain:
                # `read` would drop what it has gathered if the file breaks off; `read1` does not.
                yield from iter(lambda: plain.read1(CHUNK_BYTES), b"")
        else:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")


def _decompress_zstd(file: io.BufferedReader) -> Iterator[bytes]:
    # Not `stream_reader`: it does not report a truncated file.
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    frame = None
    while packed := file.read(ZSTD_STEP_BYTES):
        while packed:
            frame = frame or decompressor.decompressobj()
            yield frame.decompress(packed)
            packed = frame.unused_data
            if frame.eof:
                frame = None
    if frame is not None:
        raise EOFError("the file ends inside a compressed frame")

"""The bytes of a file, plain or compressed, in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard

from equal_assets.resources.corpora.candidates import BeyondBoundsError

CHUNK_BYTES = 1 << 16
MOST_RATIO, FREE_BYTES = 300, 1 << 28
"""Unpacked bytes for each packed one, beyond the first 256 MiB: rows reach 50, a bomb 1,000."""

# zstd puts up to 128 KiB of text into 4 bytes: this bounds what one step can unpack to 4 MiB.
ZSTD_STEP_BYTES = 128
ZSTD_WINDOW_BYTES = 1 << 31  # what `zstd --long=31` needs, as large public corpora do

Unpack = Callable[[io.BufferedReader], Iterator[bytes]]


def read_chunks(path: Path) -> Iterator[bytes]:
    """Yield the unpacked bytes of a file, up to where a compressed one breaks off.

    What is compressed is known by its ending, or by its first bytes.

    Raises
    ------
    BeyondBoundsError
        If it unpacks to far more than texts do.
    """
    most = FREE_BYTES + MOST_RATIO * path.stat().st_size
    n_bytes = 0
    with path.open("rb") as file:
        for chunk in _unpacking(path, file.peek(1))(file):
            n_bytes += len(chunk)
            if n_bytes > most:
                raise BeyondBoundsError(f"it unpacks to more than {most:,} bytes")
            yield chunk


def _unpacking(path: Path, head: bytes) -> Unpack:
    found = [unpack for magic, unpack in MAGIC.items() if head.startswith(magic)]
    return PACKED.get(path.suffix.lower()) or (found[0] if found else _plain)


def _plain(file: io.BufferedReader) -> Iterator[bytes]:
    yield from iter(lambda: file.read(CHUNK_BYTES), b"")


def _gunzip(file: io.BufferedReader) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file) as plain:
        # `read` would drop what it has gathered if the file breaks off; `read1` does not.
        yield from iter(lambda: plain.read1(CHUNK_BYTES), b"")


def _bunzip2(file: io.BufferedReader) -> Iterator[bytes]:
    with bz2.BZ2File(file) as plain:
        yield from iter(lambda: plain.read1(CHUNK_BYTES), b"")


def _unxz(file: io.BufferedReader) -> Iterator[bytes]:
    with lzma.LZMAFile(file) as plain:
        yield from iter(lambda: plain.read1(CHUNK_BYTES), b"")


def _unzstd(file: io.BufferedReader) -> Iterator[bytes]:
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


PACKED: dict[str, Unpack] = {".gz": _gunzip, ".bz2": _bunzip2, ".xz": _unxz, ".zst": _unzstd}
"""How to unpack a file of an ending."""

MAGIC: dict[bytes, Unpack] = {
    b"\x1f\x8b": _gunzip,
    b"BZh": _bunzip2,
    b"\xfd7zXZ\x00": _unxz,
    b"\x28\xb5\x2f\xfd": _unzstd,
}
"""How to unpack a file that begins with these bytes."""

"""JSON of rows, in bounded memory: one to a line, a list, or one after the other."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.candidates import (
    MOST_ROW_BYTES,
    BeyondBoundsError,
    NumberedRow,
    Reason,
    reject,
    unreadable,
)
from equal_assets.resources.corpora.encoded import UNREADABLE, peek, read_utf8

LOOKED_AT_BYTES = 1 << 16
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SEPARATORS = re.compile(r"[\s,\[\]\ufeff]*")
"""What stands between the values of a file; lists in it are opened."""

NEXT_OBJECT = re.compile(r"(?:[\r\n]|\}\s*,?)\s*(?=\{)")
"""Where reading goes on after a value that is broken."""

KEPT_CHARACTERS = 64
"""Of what was searched, in case that the chunk ends between two objects."""

WRAPPERS = frozenset(
    [
        *("data", "rows", "items", "records", "documents", "docs", "examples", "instances"),
        *("questions", "entries", "articles", "results", "train", "validation", "test"),
    ]
)
"""Names of the list in an object around it."""

SAID_CHARACTERS = 200
"""Of a list, such as its version; more is a document that has a list."""

CUT_CHARACTERS = 12
"""An error so close to the end of what was read may be due to what was not: ``\\ud83d\\u``."""


def read_json_lines(
    path: Path, file: str, encoding: str | None = None
) -> Iterator[NumberedRow | RejectedRow]:
    """Yield the objects of a file, each with its line from 1; ``file`` is its name for people.

    In a list, or in a file of objects that go over several lines or share one, rows are counted
    instead. Of a ``.json`` file that is an object around a list, the rows are those of the list.
    """
    row = 0
    may_be_wrapped = ".json" in (suffix.lower() for suffix in path.suffixes)
    try:
        head, chunks = peek(read_utf8(path, encoding), LOOKED_AT_BYTES)
        if _is_by_line(head):
            for row, line in enumerate(_lines(chunks), start=1):
                if line.strip():
                    item = _parse_line(line, row, file)
                    yield from _unwrapped(item) if may_be_wrapped and row == 1 else (item,)
        else:
            for row, value in enumerate(_values(chunks), start=1):
                item = _as_row(value, row, file)
                yield from _unwrapped(item) if may_be_wrapped and row == 1 else (item,)
    except UNREADABLE as error:
        yield unreadable(file, row + 1, error)


def _is_by_line(head: bytes) -> bool:
    """Tell whether the first value is alone on its line, or broken, and not a list."""
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    line, line_end, _ = text.partition(b"\n")
    if line.startswith(b"["):
        return False
    try:
        _, end = json.JSONDecoder().raw_decode(line.decode("utf-8", "replace"))
    except json.JSONDecodeError as error:
        goes_on = error.pos >= len(error.doc.rstrip()) and not _is_open_string(error)
        return not (line_end and goes_on)
    except (ValueError, RecursionError):
        return True
    return not line.decode("utf-8", "replace")[end:].strip()


# Rows by line


def _parse_line(line: bytes, row: int, file: str) -> NumberedRow | RejectedRow:
    if len(line) > MOST_ROW_BYTES:
        detail = f"a line of more than {MOST_ROW_BYTES:,} bytes"
        return reject(file, row, Reason.FILE_BEYOND_BOUNDS, detail)
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return reject(file, row, Reason.INVALID_UTF8, line)
    except (ValueError, RecursionError):
        return reject(file, row, Reason.BROKEN_JSON, line)
    return _as_row(value, row, file)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines, up to where a compressed file breaks off; of one that is too long, a part."""
    pieces: list[bytes] = []
    n_bytes = 0
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        if n_bytes <= MOST_ROW_BYTES:
            pieces.append(first)
            n_bytes += len(first)
        for piece in others:
            yield b"".join(pieces)
            pieces, n_bytes = [piece], len(piece)
    if any(pieces):
        yield b"".join(pieces)


# Values, wherever they begin and end


class _Broken(NamedTuple):
    """What could not be parsed, from its beginning."""

    text: str


def _values(chunks: Iterable[bytes]) -> Iterator[Any]:
    """Yield the values of a file one after the other, and :class:`_Broken` in place of broken ones.

    What is held in memory is a value and a chunk. A list that has no end is the last one.
    """
    unread = _Unread(chunks)
    depth = 0
    while True:
        depth += unread.skip_separators()
        if not unread.text:
            break
        value = unread.value()
        yield value
        if isinstance(value, _Broken) and not unread.skip_to_object():
            return
    if depth > 0:
        yield _Broken("the file ends inside a list")


class _Unread:
    """The text that has not been parsed yet, as far as it has been read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.text = ""
        self._chunks = iter(chunks)
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._json = json.JSONDecoder()
        self._failed_at = 0

    def skip_separators(self) -> int:
        """Pass over them, and return by how many lists more than before the text is enclosed."""
        depth = 0
        while True:
            found = SEPARATORS.match(self.text)
            passed = found.group() if found else ""
            depth += passed.count("[") - passed.count("]")
            self.text = self.text[len(passed) :]
            if self.text or not self._read():
                return depth

    def value(self) -> Any:
        """Take the value at the beginning, or :class:`_Broken`."""
        while True:
            try:
                value, end = self._json.raw_decode(self.text)
            except json.JSONDecodeError as error:
                if (_is_cut(error) or _is_open_string(error)) and self._double():
                    continue
                self._failed_at = error.pos
                return _Broken(self.text)
            except (ValueError, RecursionError):
                self._failed_at = 0
                return _Broken(self.text)
            if end < len(self.text) or isinstance(value, dict) or not self._read():
                self.text = self.text[end:]
                return value

    def skip_to_object(self) -> bool:
        """Pass over the rest of a broken value, and tell whether anything follows."""
        start = len(self.text[: self._failed_at].rstrip())
        while not (found := NEXT_OBJECT.search(self.text, start)):
            start, self.text = 0, self.text[start:][-KEPT_CHARACTERS:]
            if not self._read():
                return False
        self.text = self.text[found.end() :]
        return True

    def _double(self) -> bool:
        """Read as much again as is unread, so that a long value is parsed a few times only."""
        if len(self.text) > MOST_ROW_BYTES:
            raise BeyondBoundsError(f"a value of more than {MOST_ROW_BYTES:,} characters")
        wanted = min(2 * len(self.text), MOST_ROW_BYTES + 1)
        grows = False
        while len(self.text) < wanted and self._read():
            grows = True
        return grows

    def _read(self) -> bool:
        chunk = next(self._chunks, None)
        self.text += self._decoder.decode(chunk or b"", final=chunk is None)
        return chunk is not None


def _is_cut(error: json.JSONDecodeError) -> bool:
    """Tell whether the text may only lack what follows it; no string goes over a line end."""
    is_late = error.pos >= len(error.doc.rstrip()) - CUT_CHARACTERS
    return is_late and not error.msg.startswith("Invalid control character")


def _is_open_string(error: json.JSONDecodeError) -> bool:
    return error.msg.startswith("Unterminated string")


def _unwrapped(item: NumberedRow | RejectedRow) -> Iterator[NumberedRow | RejectedRow]:
    """Yield the rows in an object that is a list with something said of it, or the object."""
    values = {} if isinstance(item, RejectedRow) else item[1]
    rows = [name for name, held in values.items() if isinstance(held, list) and held]
    is_wrapped = len(rows) == 1 and rows[0].casefold() in WRAPPERS
    is_said = all(len(held) <= SAID_CHARACTERS for held in values.values() if isinstance(held, str))
    if is_wrapped and is_said and all(isinstance(row, dict) for row in values[rows[0]]):
        yield from enumerate(values[rows[0]], start=1)
    else:
        yield item


def _as_row(value: Any, row: int, file: str) -> NumberedRow | RejectedRow:
    if isinstance(value, _Broken):
        return reject(file, row, Reason.BROKEN_JSON, value.text)
    if not isinstance(value, dict):
        return reject(file, row, Reason.NOT_AN_OBJECT, json.dumps(value, ensure_ascii=False))
    return row, value

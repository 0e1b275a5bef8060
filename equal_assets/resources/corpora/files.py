"""Files and folders: each file read by the reader of its kind, or rejected with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.candidates import (
    Candidate,
    NumberedRow,
    Reason,
    reject,
    unreadable,
)
from equal_assets.resources.corpora.converted.conversion import (
    LIBRARIES,
    conversions,
    read_converted,
    sections_of,
)
from equal_assets.resources.corpora.encoded import UNREADABLE, read_utf8
from equal_assets.resources.corpora.front import split_front_matter
from equal_assets.resources.corpora.json_lines import read_json_lines
from equal_assets.resources.corpora.listing import (
    JSON_LINES,
    PARQUET,
    TABLES,
    TEXTS,
    has_kind,
    list_files,
    skipped_files,
)
from equal_assets.resources.corpora.mapping import map_fields
from equal_assets.resources.corpora.places import base_folder, file_name, shown_path
from equal_assets.resources.corpora.tables import read_csv, read_parquet
from equal_assets.settings import FieldMappingSettings, FilesSettings

if TYPE_CHECKING:
    from equal_assets.resources.engine.engine import Engine

MOST_TEXT_BYTES = 1 << 28
"""Of one text file, unpacked: a document of more is none."""


def read_files(
    corpus: FilesSettings, engine: Engine | None = None
) -> Iterator[Candidate | RejectedRow]:
    """Yield the contents of the files that the paths match; a file that is not read is rejected.

    Parameters
    ----------
    corpus : FilesSettings
    engine : Engine, optional
        Converts files such as PDF; by default, a child of this process does.
    """
    base = base_folder()
    for path, (reason, kind) in skipped_files(corpus.paths, roots=corpus.roots).items():
        yield reject(shown_path(path, base), 1, reason, kind)
    paths = list_files(corpus.paths, roots=corpus.roots)
    to_convert = (path for path in paths if has_kind(path, LIBRARIES))
    with closing(conversions(to_convert, corpus, engine)) as converted:
        for path in paths:
            file, is_empty = shown_path(path, base), True
            for item in _read_file(path, file, corpus, converted):
                yield item
                is_empty = False
            if is_empty:
                yield reject(file, 1, Reason.EMPTY_FILE, "it holds no row")


def read_rows(
    path: Path,
    file: str,
    mapping: FieldMappingSettings | None = None,
    encoding: str | None = None,
) -> Iterator[NumberedRow | RejectedRow]:
    """Yield the rows of JSON, CSV or Parquet with the mapped fields; without a mapping, with all.

    Parameters
    ----------
    path : Path
    file : str
        Its name for people.
    mapping : FieldMappingSettings, optional
    encoding : str, optional
        Of text; see ``corpus.encoding``.
    """
    if has_kind(path, PARQUET):
        return read_parquet(path, file, mapping)
    if has_kind(path, TABLES):
        return read_csv(path, file, mapping, encoding)
    return read_json_lines(path, file, encoding)


def has_rows(path: Path) -> bool:
    """Tell whether :func:`read_rows` reads files of this kind."""
    return has_kind(path, (*JSON_LINES, *TABLES, *PARQUET))


def _read_file(
    path: Path, file: str, corpus: FilesSettings, converted: Iterator[dict[str, Any]]
) -> Iterator[Candidate | RejectedRow]:
    if has_kind(path, TEXTS):
        yield from _read_text(path, file, corpus)
        return
    if has_kind(path, LIBRARIES):
        yield from read_converted(path, file, corpus, converted)
        return
    for item in read_rows(path, file, corpus, corpus.encoding):
        if isinstance(item, RejectedRow):
            yield item
        else:
            yield map_fields(item, corpus, source=file_name(file), file=file)


def _read_text(path: Path, file: str, corpus: FilesSettings) -> Iterator[Candidate | RejectedRow]:
    content = bytearray()
    try:
        for chunk in read_utf8(path, corpus.encoding):
            content += chunk
            if len(content) > MOST_TEXT_BYTES:
                detail = f"more than {MOST_TEXT_BYTES >> 20} MiB of text"
                yield reject(file, 1, Reason.FILE_BEYOND_BOUNDS, detail)
                return
    except UNREADABLE as error:
        yield unreadable(file, 1, error)
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield reject(file, 1, Reason.INVALID_UTF8, bytes(content))
        return
    if has_kind(path, (".md",)) and text.strip():
        stated, text = split_front_matter(text)
        is_split = corpus.split == "headings" and bool(text.strip())
        yield from sections_of([(None, text)], file, corpus, stated=stated, at_headings=is_split)
    else:
        yield Candidate(source=file_name(file), file=file, row=1, text=text, license=corpus.license)

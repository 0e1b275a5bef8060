"""Files and folders: which of them are read, and by which reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from equal_assets.errors import CorpusError
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
    Converter,
    read_converted,
    sections_of,
)
from equal_assets.resources.corpora.json_lines import read_json_lines
from equal_assets.resources.corpora.mapping import map_fields
from equal_assets.resources.corpora.places import base_folder, file_name, shown_path
from equal_assets.resources.corpora.tables import read_csv, read_parquet
from equal_assets.settings import FieldMappingSettings, FilesSettings, expand_path

JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst", ".ndjson.zst")
TABLES = (".csv", ".tsv")
PARQUET = (".parquet",)
TEXTS = (".txt", ".md")
SUPPORTED_SUFFIXES = (*JSON_LINES, *PARQUET, *TABLES, *TEXTS, *LIBRARIES)


def read_files(corpus: FilesSettings) -> Iterator[Candidate | RejectedRow]:
    """Yield the contents of the files that the paths match."""
    base = base_folder()
    with Converter(seconds=corpus.file_seconds, memory_mb=corpus.file_memory_mb) as converter:
        for path in list_files(corpus.paths):
            yield from _read_file(path, shown_path(path, base), corpus, converter)


def _read_file(
    path: Path, file: str, corpus: FilesSettings, converter: Converter
) -> Iterator[Candidate | RejectedRow]:
    if _has_suffix(path, TEXTS):
        yield from _read_text(path, file, corpus)
        return
    if _has_suffix(path, tuple(LIBRARIES)):
        yield from read_converted(path, file, corpus, converter)
        return
    for item in read_rows(path, file, corpus):
        if isinstance(item, RejectedRow):
            yield item
        else:
            yield map_fields(item, corpus, source=file_name(file), file=file)


def read_rows(
    path: Path, file: str, mapping: FieldMappingSettings | None = None
) -> Iterator[NumberedRow | RejectedRow]:
    """Yield the rows of JSON, CSV or Parquet with the mapped fields, or with all."""
    if _has_suffix(path, PARQUET):
        return read_parquet(path, file, mapping)
    if _has_suffix(path, TABLES):
        return read_csv(path, file, mapping)
    return read_json_lines(path, file)


def _read_text(path: Path, file: str, corpus: FilesSettings) -> Iterator[Candidate | RejectedRow]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        yield unreadable(file, 1, error)
        return
    except UnicodeDecodeError as error:
        yield reject(file, 1, Reason.INVALID_UTF8, error.object)
        return
    if corpus.split == "headings" and _has_suffix(path, (".md",)) and text.strip():
        yield from sections_of([(None, text)], file, corpus, stated={}, at_headings=True)
    else:
        yield Candidate(source=file_name(file), file=file, row=1, text=text, license=corpus.license)


def list_files(patterns: Iterable[str]) -> list[Path]:
    """Return the supported files that the paths match, each once, in a fixed order."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = [
            file for path in expand_path(pattern, Path("/")) for file in _supported_files(path)
        ]
        if not matches:
            raise CorpusError(
                f"corpus.paths = {pattern}: must match a supported file "
                f"({', '.join(SUPPORTED_SUFFIXES)})"
            )
        found.update(dict.fromkeys(matches))
    return list(found)


def _supported_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if _has_suffix(path, SUPPORTED_SUFFIXES) else []
    return [
        file
        for file in sorted(path.rglob("*"))
        if _has_suffix(file, SUPPORTED_SUFFIXES)
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.is_file()
    ]


def _has_suffix(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(suffixes)

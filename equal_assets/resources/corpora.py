"""Readers that stream a corpus.

Readers yield candidates and rejected rows; one function turns a candidate into a document or, by
the text policy of the settings, into a rejected row. A bad row never stops the stream; a mapping
that fits no row of a table does.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from equal_assets.errors import CorpusError, SettingsError
from equal_assets.records import Document, QAPair, RejectedRow, content_hash
from equal_assets.resources.installed_packages import (
    Docstring,
    PythonFile,
    find_python_files,
    read_docstrings,
)
from equal_assets.settings import (
    FieldMapping,
    Files,
    HubDataset,
    InstalledPackages,
    TextPolicy,
    expand_path,
    project_folder,
)

JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst", ".ndjson.zst")
TABLES = (".csv", ".tsv")
PARQUET = (".parquet",)
TEXTS = (".txt", ".md")
SUPPORTED_SUFFIXES = (*JSON_LINES, *PARQUET, *TABLES, *TEXTS)

EXCERPT_CHARACTERS = 200
ROWS_PER_BATCH = 256
CHUNK_BYTES = 1 << 16
# zstd puts up to 128 KiB of text into 4 bytes: this bounds what one step can unpack to 4 MiB.
ZSTD_STEP_BYTES = 128
ZSTD_WINDOW_BYTES = 1 << 31  # what `zstd --long=31` needs, as large public corpora do
# The `csv` module stops at 131 072 characters by default, which long documents exceed; without
# any bound, one forgotten quote would read the rest of the file into memory.
CSV_FIELD_CHARACTERS = 1 << 24


class Reason(StrEnum):
    """Why a row is rejected: the whole set, so that rejections can be counted by reason."""

    INVALID_UTF8 = "invalid UTF-8"  # bytes, or characters that UTF-8 cannot write
    BROKEN_JSON = "broken JSON"
    NOT_AN_OBJECT = "not an object"
    BROKEN_CSV = "broken CSV"  # quotes that do not close, a field beyond all bounds
    WRONG_FIELD_COUNT = "wrong number of fields"
    MISSING_TEXT = "missing text"
    TEXT_NOT_A_STRING = "text is not a string"
    EMPTY_TEXT = "empty text"
    UNDER_MIN_CHARACTERS = "under min_characters"
    OVER_MAX_CHARACTERS = "over max_characters"
    BROKEN_QA_PAIRS = "broken QA pairs"
    UNREADABLE_VALUE = "unreadable value"  # Parquet: a date that Python has no value for
    NOT_VALID_PYTHON = "not valid Python"
    UNREADABLE_FILE = "unreadable file"  # from this row on: truncated, corrupt, no permission


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What a reader found, before the text policy; the fields are those of a document."""

    source: str
    file: str
    row: int
    text: str
    document_id: str | None = None
    url: str | None = None
    license: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    qa_pairs: tuple[QAPair, ...] = ()


_NumberedRow = tuple[int, dict[str, Any]]


def read_corpus(corpus: InstalledPackages | Files | HubDataset) -> Iterator[Document | RejectedRow]:
    """Stream the documents of a corpus, and the rows that cannot be used.

    Memory is bounded by a batch of rows, a line or a file of text. Duplicates are kept, and
    ``max_documents`` is not applied. The order is the same on every run.

    Parameters
    ----------
    corpus : InstalledPackages, Files or HubDataset
        The section of the settings.

    Yields
    ------
    Document or RejectedRow
        ``RejectedRow.reason`` is a value of :class:`Reason`.

    Raises
    ------
    CorpusError
        On iteration, if a path leads to no supported file, a table lacks a mapped field, a package
        is not installed, or a data set cannot be loaded.
    """
    for item in _read_candidates(corpus):
        yield item if isinstance(item, RejectedRow) else _apply_text_policy(item, corpus)


# The text policy: one place for all readers


def _apply_text_policy(candidate: _Candidate, policy: TextPolicy) -> Document | RejectedRow:
    text = candidate.text.strip()
    reason = _text_rejection(text, candidate, policy)
    if reason is not None:
        return _reject(candidate.file, candidate.row, reason, text)
    return Document(
        document_id=candidate.document_id or content_hash(text)[:16],
        text=text,
        source=candidate.source,
        file=candidate.file,
        row=candidate.row,
        url=candidate.url,
        license=candidate.license,
        metadata=candidate.metadata,
        qa_pairs=candidate.qa_pairs,
    )


def _text_rejection(text: str, candidate: _Candidate, policy: TextPolicy) -> Reason | None:
    fields = (candidate.document_id, candidate.url, candidate.license)
    if not is_unicode(
        text,
        *(value for value in fields if value is not None),
        *candidate.metadata.values(),
        *(pair.text for pair in candidate.qa_pairs),
    ):
        return Reason.INVALID_UTF8
    if not text:
        return Reason.EMPTY_TEXT
    if len(text) < policy.min_characters:
        return Reason.UNDER_MIN_CHARACTERS
    if policy.too_long == "reject" and len(text) > policy.max_characters:
        return Reason.OVER_MAX_CHARACTERS
    return None


def is_unicode(*texts: str) -> bool:
    """Tell whether texts can be stored: JSON and Python allow lone surrogates, UTF-8 does not."""
    try:
        for text in texts:
            text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _reject(file: str, row: int, reason: Reason, excerpt: str | bytes) -> RejectedRow:
    return RejectedRow(file, row, reason.value, _excerpt(excerpt))


def _unreadable(file: str, row: int, error: Exception) -> RejectedRow:
    # An OSError's own text repeats the path of this machine.
    detail = getattr(error, "strerror", None) or str(error)
    return _reject(file, row, Reason.UNREADABLE_FILE, f"{type(error).__name__}: {detail}")


def _excerpt(value: str | bytes) -> str:
    """Return the first characters as one line that any terminal and file can hold."""
    head = value[: EXCERPT_CHARACTERS * 4]  # a character has up to 4 bytes
    encoded = head if isinstance(head, bytes) else head.encode("utf-8", "backslashreplace")
    text = encoded.decode("utf-8", "backslashreplace")[:EXCERPT_CHARACTERS]
    return "".join(character if character.isprintable() else " " for character in text)


# Readers


def _read_candidates(
    corpus: InstalledPackages | Files | HubDataset,
) -> Iterator[_Candidate | RejectedRow]:
    match corpus:
        case InstalledPackages():
            return _read_installed_packages(corpus)
        case Files():
            return _read_files(corpus)
        case HubDataset():
            return _read_hub(corpus)


def _read_installed_packages(corpus: InstalledPackages) -> Iterator[_Candidate | RejectedRow]:
    for python_file in find_python_files(corpus.packages):
        try:
            docstrings = read_docstrings(python_file)
        except OSError as error:
            yield _unreadable(python_file.file, 1, error)
        except SyntaxError as error:
            row = error.lineno or 1
            yield _reject(python_file.file, row, Reason.NOT_VALID_PYTHON, error.msg)
        else:
            yield from (_document_of(docstring, python_file) for docstring in docstrings)


def _document_of(docstring: Docstring, python_file: PythonFile) -> _Candidate:
    release = python_file.release
    return _Candidate(
        source=f"{release.name} {release.version}",
        file=python_file.file,
        row=docstring.row,
        text=docstring.text,
        license=release.license,
        metadata={
            "package": python_file.package,
            "version": release.version,
            "module": python_file.module,
            "qualname": docstring.qualname,
            "kind": docstring.kind,
        },
    )


def _read_files(corpus: Files) -> Iterator[_Candidate | RejectedRow]:
    base = base_folder()
    for path in _list_files(corpus.paths):
        file = shown_path(path, base)
        if _has_suffix(path, TEXTS):
            yield _read_text(path, file)
            continue
        for item in _read_rows(path, file, corpus):
            if isinstance(item, RejectedRow):
                yield item
            else:
                yield _map_fields(item, corpus, source=_name(file), file=file)


def _read_rows(
    path: Path, file: str, mapping: FieldMapping
) -> Iterator[_NumberedRow | RejectedRow]:
    if _has_suffix(path, PARQUET):
        return _read_parquet(path, file, mapping)
    if _has_suffix(path, TABLES):
        return _read_csv(path, file, mapping)
    return read_json_lines(path, file)


def _read_text(path: Path, file: str) -> _Candidate | RejectedRow:
    try:
        content = path.read_bytes()
        return _Candidate(source=_name(file), file=file, row=1, text=content.decode("utf-8-sig"))
    except OSError as error:
        return _unreadable(file, 1, error)
    except UnicodeDecodeError as error:
        return _reject(file, 1, Reason.INVALID_UTF8, error.object)


def read_json_lines(path: Path, file: str) -> Iterator[_NumberedRow | RejectedRow]:
    """Yield the objects of a file, each with its line from 1; ``file`` is what people call it."""
    row = 0
    try:
        for row, line in enumerate(_lines(path), start=1):
            if line.strip():
                yield _parse_json(line, row, file)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        yield _unreadable(file, row + 1, error)


def _parse_json(line: bytes, row: int, file: str) -> _NumberedRow | RejectedRow:
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _reject(file, row, Reason.INVALID_UTF8, line)
    except (ValueError, RecursionError):
        return _reject(file, row, Reason.BROKEN_JSON, line)
    if not isinstance(values, dict):
        return _reject(file, row, Reason.NOT_AN_OBJECT, line)
    return row, values


def _lines(path: Path) -> Iterator[bytes]:
    """Yield complete lines, also those before the place where a compressed file breaks off."""
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
                # `read` would drop what it has gathered when the file breaks off; `read1` does not.
                yield from iter(lambda: plain.read1(CHUNK_BYTES), b"")
        else:
            yield from iter(lambda: file.read(CHUNK_BYTES), b"")


def _decompress_zstd(file: io.BufferedReader) -> Iterator[bytes]:
    # Not `stream_reader`: it ends a truncated file as quietly as a whole one.
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


def _read_parquet(
    path: Path, file: str, mapping: FieldMapping
) -> Iterator[_NumberedRow | RejectedRow]:
    row = 0
    columns = _mapped_fields(mapping)
    try:
        with pq.ParquetFile(path) as table:
            _require_fields(file, columns, table.schema_arrow.names)
            for batch in table.iter_batches(batch_size=ROWS_PER_BATCH, columns=columns):
                yield from _unpack_batch(batch, row, file)
                row += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        yield _unreadable(file, row + 1, error)


def _unpack_batch(
    batch: pa.RecordBatch, row: int, file: str
) -> Iterator[_NumberedRow | RejectedRow]:
    try:
        yield from enumerate(batch.to_pylist(), start=row + 1)
        return
    except (ValueError, OverflowError):
        pass  # one bad value, such as text that is not UTF-8, spoils the batch: find its row
    for index in range(batch.num_rows):
        number = row + index + 1
        try:
            yield number, batch.slice(index, 1).to_pylist()[0]
        except UnicodeDecodeError as error:
            yield _reject(file, number, Reason.INVALID_UTF8, error.object)
        except (ValueError, OverflowError) as error:
            yield _reject(file, number, Reason.UNREADABLE_VALUE, str(error))


def _read_csv(path: Path, file: str, mapping: FieldMapping) -> Iterator[_NumberedRow | RejectedRow]:
    csv.field_size_limit(CSV_FIELD_CHARACTERS)
    delimiter = "\t" if _has_suffix(path, (".tsv",)) else ","
    line = 1
    try:
        # Bytes that are not UTF-8 become surrogates, which the text policy rejects row by row.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            records = _csv_records(csv.reader(stream, delimiter=delimiter, strict=True))
            _, header = next(records, (1, []))
            if isinstance(header, csv.Error):
                raise CorpusError(f"{file}: the header row is broken: {header}")
            _require_fields(file, _mapped_fields(mapping), header)
            for line, fields in records:
                if isinstance(fields, csv.Error):
                    yield _reject(file, line, Reason.BROKEN_CSV, str(fields))
                elif len(fields) == len(header):
                    yield line, dict(zip(header, fields, strict=True))
                else:
                    excerpt = delimiter.join(fields)
                    yield _reject(file, line, Reason.WRONG_FIELD_COUNT, excerpt)
    except OSError as error:
        yield _unreadable(file, line, error)


def _csv_records(reader: Any) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Yield each record that is not blank with its first line, or what is wrong with it."""
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, error
            continue
        if fields:
            yield line, fields


def _read_hub(corpus: HubDataset) -> Iterator[_Candidate | RejectedRow]:
    base = base_folder()
    local = base / corpus.dataset
    name = local.name if local.exists() else corpus.dataset
    file = "/".join(part for part in (name, corpus.subset, corpus.split) if part)
    rows = _open_hub_dataset(corpus, local)
    if rows.column_names is not None:
        columns = _mapped_fields(corpus)
        _require_fields(file, columns, rows.column_names)
        rows = rows.select_columns(columns)
    row = 0
    try:
        for row, values in enumerate(rows, start=1):
            yield _map_fields((row, values), corpus, source=name, file=file)
    except Exception as error:  # `datasets` lets through whatever its many backends raise
        raise CorpusError(
            f"corpus.dataset = {corpus.dataset}: broke off after row {row} of split "
            f"{corpus.split}: {_first_line(error)}"
        ) from error


def _open_hub_dataset(corpus: HubDataset, local: Path) -> Any:
    """Open a data set that was saved on disk, a folder of data files, or one of the hub."""
    try:
        import datasets

        if (local / "dataset_dict.json").is_file():
            return datasets.load_from_disk(str(local))[corpus.split]
        if (local / "state.json").is_file():
            return datasets.load_from_disk(str(local))
        place = str(local) if local.exists() else corpus.dataset
        return datasets.load_dataset(place, name=corpus.subset, split=corpus.split, streaming=True)
    except Exception as error:  # `datasets` lets through whatever its many backends raise
        raise CorpusError(
            f"corpus.dataset = {corpus.dataset}: cannot be loaded (subset {corpus.subset}, split "
            f"{corpus.split}): {_first_line(error)}. A data set of the hub needs a network and "
            "`pip install 'equal-assets[hub]'`; without a network, name a folder of data files or "
            "of a saved data set"
        ) from error


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {_excerpt(str(error).partition(chr(10))[0])}"


# Rows and their fields


def _mapped_fields(mapping: FieldMapping) -> list[str]:
    optional = (mapping.id_field, mapping.url_field, mapping.license_field, mapping.qa_field)
    names = [mapping.text_field, *(name for name in optional if name), *mapping.metadata_fields]
    return list(dict.fromkeys(names))


def _require_fields(file: str, fields: Iterable[str], columns: Iterable[str]) -> None:
    present = list(columns)
    missing = [name for name in fields if name not in present]
    if missing:
        raise CorpusError(
            f"{file} has no field {', '.join(missing)}; it has: {', '.join(present) or 'none'}. "
            "Correct text_field, id_field, url_field, license_field, metadata_fields or qa_field "
            "of the corpus"
        )


def _map_fields(
    numbered: _NumberedRow, mapping: FieldMapping, *, source: str, file: str
) -> _Candidate | RejectedRow:
    row, values = numbered
    text = values.get(mapping.text_field)
    if text is None:
        return _reject(file, row, Reason.MISSING_TEXT, str(values))
    if not isinstance(text, str):
        return _reject(file, row, Reason.TEXT_NOT_A_STRING, str(text))
    try:
        pairs = _parse_qa_pairs(_value(values, mapping.qa_field))
    except (ValueError, RecursionError):
        return _reject(file, row, Reason.BROKEN_QA_PAIRS, str(_value(values, mapping.qa_field)))
    return _Candidate(
        source=source,
        file=file,
        row=row,
        text=text,
        document_id=_optional_text(values, mapping.id_field),
        url=_optional_text(values, mapping.url_field),
        license=_optional_text(values, mapping.license_field),
        metadata={
            name: str(values[name])
            for name in mapping.metadata_fields
            if values.get(name) is not None
        },
        qa_pairs=pairs,
    )


def _value(values: dict[str, Any], name: str | None) -> Any:
    return None if name is None else values.get(name)


def _optional_text(values: dict[str, Any], name: str | None) -> str | None:
    value = _value(values, name)
    return None if value is None else str(value).strip() or None


def _parse_qa_pairs(value: Any) -> tuple[QAPair, ...]:
    """Read a list of question and answer, or its JSON text as CSV has it; else ValueError."""
    if isinstance(value, str):
        value = json.loads(value) if value.strip() else None
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError("not a list")
    pairs = []
    for item in value:
        if not isinstance(item, dict):
            raise ValueError("not a list of objects")
        pairs.append(qa_pair(item, "question", "answer"))
    return tuple(pairs)


def qa_pair(values: dict[str, Any], question_field: str, answer_field: str) -> QAPair:
    """Return the pair that two fields hold; a ValueError says what is wrong with them."""
    for name in (question_field, answer_field):
        text = values.get(name)
        if text is None:
            raise ValueError(f"{name!r} is missing")
        if not isinstance(text, str):
            raise ValueError(f"{name!r} is not a string")
        if not text.strip():
            raise ValueError(f"{name!r} is empty")
        if not is_unicode(text):
            raise ValueError(f"{name!r} holds characters that UTF-8 cannot write")
    return QAPair(values[question_field].strip(), values[answer_field].strip())


# Files


def _list_files(patterns: Iterable[str]) -> list[Path]:
    """Return the supported files that paths lead to, each once, in a fixed order."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        matches = [
            file for path in expand_path(pattern, Path("/")) for file in _supported_files(path)
        ]
        if not matches:
            raise CorpusError(
                f"corpus.paths: {pattern} leads to no supported file; supported: "
                f"{', '.join(SUPPORTED_SUFFIXES)}"
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


def base_folder() -> Path:
    """Return what paths are shown relative to: the folder of campaigns.yaml, if there is one."""
    try:
        return project_folder()
    except SettingsError:
        return Path.cwd()


def shown_path(path: Path, base: Path) -> str:
    """Return a path as people read it in messages and tables."""
    shown = path.relative_to(base) if path.is_relative_to(base) else path
    # A file name may hold bytes that are not UTF-8, which no table stores.
    return shown.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def _name(file: str) -> str:
    return file.rpartition("/")[2]

"""Parquet and CSV, read a batch of rows or a record at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from equal_assets.errors import CorpusError
from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.candidates import (
    BeyondBoundsError,
    NumberedRow,
    Reason,
    reject,
    unreadable,
)
from equal_assets.resources.corpora.encoded import UNREADABLE, bounded_lines, open_text
from equal_assets.resources.corpora.mapping import column_of, mapped_fields, require_fields
from equal_assets.resources.corpora.packed import FREE_BYTES, MOST_RATIO
from equal_assets.settings import FieldMappingSettings

if TYPE_CHECKING:
    import pyarrow.parquet as pq

ROWS_PER_BATCH = 256
BOMB_RATIO = 20
"""Unpacked bytes of a column for each packed one, from which it may repeat one large value."""

# The `csv` module stops at 131 072 characters by default, which long documents exceed; without
# any bound, one forgotten quote would read the rest of the file into memory.
CSV_FIELD_CHARACTERS = 1 << 24
DELIMITERS = ",;\t|"
EXCEL_HINT = "sep="
"""How the first line begins with which Excel notes the delimiter."""


def read_parquet(
    path: Path, file: str, mapping: FieldMappingSettings | None
) -> Iterator[NumberedRow | RejectedRow]:
    """Yield the rows of a Parquet file, each with its number from 1.

    Only what is mapped is read; without a mapping, every column.
    """
    import pyarrow.parquet as pq  # here: definitions load without it

    row = 0
    columns = None
    try:
        with pq.ParquetFile(path) as table:
            if mapping:
                fields, names = mapped_fields(mapping), table.schema_arrow.names
                require_fields(file, fields, _field_names(table.schema_arrow))
                columns = list(dict.fromkeys(column_of(field, names) for field in fields))
            n_rows = _rows_per_batch(table.metadata, path.stat().st_size)
            for batch in table.iter_batches(batch_size=n_rows, columns=columns):
                yield from _unpack_batch(batch, row, file)
                row += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        yield unreadable(file, row + 1, error)


def _rows_per_batch(metadata: pq.FileMetaData, n_bytes: int) -> int:
    """Return how many rows fit into memory at once, though a file may repeat one value in all.

    Raises
    ------
    BeyondBoundsError
        If a column unpacks to far more than texts do.
    """
    chunks = [
        metadata.row_group(group).column(column)
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    ]
    unpacked = [
        chunk.total_uncompressed_size
        for chunk in chunks
        if chunk.total_uncompressed_size > BOMB_RATIO * chunk.total_compressed_size
    ]
    if (largest := max(unpacked, default=1)) > FREE_BYTES + MOST_RATIO * n_bytes:
        raise BeyondBoundsError(f"{n_bytes:,} bytes that unpack to {largest:,} in one column")
    return max(1, min(ROWS_PER_BATCH, FREE_BYTES // max(1, largest)))


def _field_names(fields: Iterable[pa.Field], within: str = "") -> Iterator[str]:
    for field in fields:
        yield f"{within}{field.name}"
        if pa.types.is_struct(field.type):
            yield from _field_names(field.type, f"{within}{field.name}.")


def _unpack_batch(
    batch: pa.RecordBatch, row: int, file: str
) -> Iterator[NumberedRow | RejectedRow]:
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
            yield reject(file, number, Reason.INVALID_UTF8, error.object)
        except (ValueError, OverflowError) as error:
            yield reject(file, number, Reason.UNREADABLE_VALUE, str(error))


def read_csv(
    path: Path, file: str, mapping: FieldMappingSettings | None, encoding: str | None = None
) -> Iterator[NumberedRow | RejectedRow]:
    """Yield the records below the header, each with its first line.

    Fields are parted by the first of comma, semicolon, tab and bar that gives the header the mapped
    fields; without a mapping, by the one that gives it the most.
    """
    csv.field_size_limit(CSV_FIELD_CHARACTERS)
    fields_read = mapped_fields(mapping) if mapping else []
    line = 1
    try:
        # Bytes that are not UTF-8 become surrogates, which the text policy rejects row by row.
        with open_text(path, encoding) as stream:
            delimiter, skipped = _delimiter(path, encoding, fields_read)
            lines = islice(bounded_lines(stream), skipped, None)
            records = _csv_records(csv.reader(lines, delimiter=delimiter, strict=True), skipped)
            _, header = next(records, (1, []))
            if isinstance(header, csv.Error):
                raise CorpusError(f"{file}: the header row is broken: {header}")
            header = [name.strip() for name in header]
            require_fields(file, fields_read, header)
            for line, fields in records:
                if isinstance(fields, csv.Error):
                    yield reject(file, line, Reason.BROKEN_CSV, str(fields))
                elif len(fields) == len(header):
                    yield line, dict(zip(header, fields, strict=True))
                else:
                    excerpt = delimiter.join(fields)
                    yield reject(file, line, Reason.WRONG_FIELD_COUNT, excerpt)
    except UNREADABLE as error:
        yield unreadable(file, line, error)


def _delimiter(path: Path, encoding: str | None, fields: list[str]) -> tuple[str, int]:
    """Return what parts the fields of a file, and how many lines stand before its header."""
    with open_text(path, encoding) as stream:
        head = next(bounded_lines(stream), "")
        if head.startswith(EXCEL_HINT) and len(head.rstrip()) == len(EXCEL_HINT) + 1:
            return head[len(EXCEL_HINT)], 1
    named = "\t" if ".tsv" in path.name.lower() else ","
    tried = sorted(DELIMITERS, key=lambda delimiter: delimiter != named)
    headers = {delimiter: _header(head, delimiter) for delimiter in tried}
    fitting = [parted for parted, names in headers.items() if fields and {*fields} <= {*names}]
    return (fitting or [max(tried, key=lambda delimiter: len(headers[delimiter]))])[0], 0


def _header(head: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _csv_records(reader: Any, skipped: int) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Yield each record that is not blank with its first line, or its mistake."""
    while True:
        line = skipped + reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = skipped + reader.line_num
            yield line, csv.Error(f"{error}" if last == line else f"{error}; to line {last:,}")
            continue
        if fields:
            yield line, fields

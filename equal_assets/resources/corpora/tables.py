"""Parquet and CSV, read a batch of rows or a record at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equal_assets.errors import CorpusError
from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.candidates import NumberedRow, Reason, reject, unreadable
from equal_assets.resources.corpora.mapping import mapped_fields, require_fields
from equal_assets.settings import FieldMappingSettings

ROWS_PER_BATCH = 256
# The `csv` module stops at 131 072 characters by default, which long documents exceed; without
# any bound, one forgotten quote would read the rest of the file into memory.
CSV_FIELD_CHARACTERS = 1 << 24


def read_parquet(
    path: Path, file: str, mapping: FieldMappingSettings | None
) -> Iterator[NumberedRow | RejectedRow]:
    """Yield the rows of a Parquet file, each with its number from 1; by default all columns."""
    row = 0
    columns = mapped_fields(mapping) if mapping else None
    try:
        with pq.ParquetFile(path) as table:
            require_fields(file, columns or (), table.schema_arrow.names)
            for batch in table.iter_batches(batch_size=ROWS_PER_BATCH, columns=columns):
                yield from _unpack_batch(batch, row, file)
                row += batch.num_rows
    except (OSError, pa.ArrowException) as error:
        yield unreadable(file, row + 1, error)


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
    path: Path, file: str, mapping: FieldMappingSettings | None
) -> Iterator[NumberedRow | RejectedRow]:
    """Yield the records below the header, each with its first line."""
    csv.field_size_limit(CSV_FIELD_CHARACTERS)
    delimiter = "\t" if path.name.lower().endswith(".tsv") else ","
    line = 1
    try:
        # Bytes that are not UTF-8 become surrogates, which the text policy rejects row by row.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
            records = _csv_records(csv.reader(stream, delimiter=delimiter, strict=True))
            _, header = next(records, (1, []))
            if isinstance(header, csv.Error):
                raise CorpusError(f"{file}: the header row is broken: {header}")
            require_fields(file, mapped_fields(mapping) if mapping else (), header)
            for line, fields in records:
                if isinstance(fields, csv.Error):
                    yield reject(file, line, Reason.BROKEN_CSV, str(fields))
                elif len(fields) == len(header):
                    yield line, dict(zip(header, fields, strict=True))
                else:
                    excerpt = delimiter.join(fields)
                    yield reject(file, line, Reason.WRONG_FIELD_COUNT, excerpt)
    except OSError as error:
        yield unreadable(file, line, error)


def _csv_records(reader: Any) -> Iterator[tuple[int, list[str] | csv.Error]]:
    """Yield each record that is not blank with its first line, or its mistake."""
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

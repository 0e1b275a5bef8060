"""Rows of a target's file: JSON, Parquet or CSV, plain or compressed, by ending and content."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.candidates import NumberedRow, unreadable
from equal_assets.resources.corpora.files import read_rows
from equal_assets.resources.corpora.tables import read_parquet

PARQUET_MAGIC = b"PAR1"


def read_rows_of(path: Path, file: str) -> Iterator[NumberedRow | RejectedRow]:
    """Yield the rows of a file with all their fields, each with its line or number from 1."""
    try:
        with path.open("rb") as stream:
            is_parquet = stream.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
    except OSError as error:
        return iter([unreadable(file, 1, error)])
    return read_parquet(path, file, None) if is_parquet else read_rows(path, file)

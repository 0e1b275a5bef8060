"""Looking at the fields of JSONL, Parquet and CSV rows: which of them holds the document."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.files import JSON_LINES, PARQUET, TABLES, list_files
from equal_assets.resources.corpora.json_lines import read_json_lines
from equal_assets.resources.corpora.tables import read_csv, read_parquet
from equal_assets.settings import FieldMappingSettings

SAMPLE_ROWS, SAMPLE_FILES = 20, 3
TEXT_FIELDS = ("text", "content", "body", "document", "markdown", "article", "page_content")
URL_FIELDS = ("url", "link", "source_url", "permalink")
LICENSE_FIELDS = ("license", "licence")


@dataclass(frozen=True)
class Fields:
    """What the rows of JSONL, Parquet and CSV files hold; empty where there are no such files.

    Attributes
    ----------
    names : tuple of str
    lengths : dict of str to float
        Mean characters of each field that holds text.
    """

    names: tuple[str, ...]
    lengths: dict[str, float]

    def text(self) -> str | None:
        """Return the field that is most likely the document: by its name, else the longest."""
        named = [name for name in TEXT_FIELDS if name in self.lengths]
        return named[0] if named else max(self.lengths, key=self.lengths.__getitem__, default=None)

    def mapping(self, text_field: str | None) -> dict[str, str]:
        """Return the keys of `corpus` that say which field holds what."""
        keys = {} if text_field is None else {"text_field": text_field}
        for key, known in (("url_field", URL_FIELDS), ("license_field", LICENSE_FIELDS)):
            if found := [name for name in known if name in self.names]:
                keys[key] = found[0]
        return keys


def look_at_fields(paths: Sequence[str]) -> Fields:
    """Return the fields of the first rows of the first tables."""
    rows: list[dict[str, Any]] = []
    tables = [file for file in list_files(paths) if _has_rows(file)]
    for file in tables[:SAMPLE_FILES]:
        rows += islice(_rows(file), SAMPLE_ROWS)
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    texts = {name: [row[name] for row in rows if isinstance(row.get(name), str)] for name in names}
    lengths = {name: sum(map(len, held)) / len(held) for name, held in texts.items() if held}
    return Fields(names, lengths)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table with all their fields."""
    if file.name.lower().endswith(JSON_LINES):
        numbered = read_json_lines(file, file.name)
    else:
        is_parquet = file.name.lower().endswith(PARQUET)
        names = pq.read_schema(file).names if is_parquet else _header(file)
        if not names:
            return
        mapping = FieldMappingSettings(text_field=names[0], metadata_fields=names[1:])
        numbered = (read_parquet if is_parquet else read_csv)(file, file.name, mapping)
    yield from (item[1] for item in numbered if not isinstance(item, RejectedRow))


def _header(file: Path) -> list[str]:
    delimiter = "\t" if file.suffix.lower() == ".tsv" else ","
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        return next(csv.reader(stream, delimiter=delimiter), [])


def _has_rows(file: Path) -> bool:
    return file.name.lower().endswith((*JSON_LINES, *PARQUET, *TABLES))

"""Pairs and verdicts as rows of CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from equal_assets.errors import ReviewError
from equal_assets.resources.verdicts import PairVerdict
from equal_assets.review.pairs import ReviewPair

WRITTEN = ("verdict", "reason", "new_question", "new_answer")
"""What a reviewer fills in; the other columns are to read."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a cell may not begin with: a spreadsheet would run what a document says."""

MOST_CHARACTERS = 50_000_000
"""Of a cell that is read."""


@dataclass(frozen=True)
class FileRow:
    """A row of a file that came back.

    Attributes
    ----------
    place : str
        Such as ``row 3``.
    values : dict of str to str
        At least ``qa_id``.
    reviewer : str
        Whom the file names; empty: nobody.
    """

    place: str
    values: dict[str, str]
    reviewer: str = ""


def row_values(found: ReviewPair, verdict: PairVerdict | None) -> dict[str, Any]:
    """Return a pair with its verdict as columns and values."""
    new = verdict.edited if verdict else None
    return {
        "qa_id": found.qa_id,
        "verdict": verdict.said if verdict else "",
        "reason": verdict.reason if verdict else "",
        "new_question": new.question if new and new.question != found.pair.question else "",
        "new_answer": new.answer if new and new.answer != found.pair.answer else "",
        "question": found.pair.question,
        "answer": found.pair.answer,
        "score": found.score,
        "cluster": found.cluster_name,
        "source": found.source,
        "said_by": verdict.reviewer if verdict else "",
        "document": found.document.text,
    }


def csv_rows(rows: Iterable[tuple[ReviewPair, PairVerdict | None]]) -> str:
    """Return CSV for a spreadsheet; no cell is a formula."""
    text = io.StringIO(newline="")
    text.write("\ufeff")  # tells spreadsheets that this is UTF-8
    writer = None
    for found, verdict in rows:
        values = row_values(found, verdict)
        if writer is None:
            writer = csv.DictWriter(text, list(values), lineterminator="\n")
            writer.writeheader()
        writer.writerow({key: _cell(str(value)) for key, value in values.items()})
    return text.getvalue()


def json_lines(rows: Iterable[tuple[ReviewPair, PairVerdict | None]]) -> str:
    """Return a JSON object per line."""
    objects = (json.dumps(row_values(*row), ensure_ascii=True) for row in rows)
    return "".join(f"{line}\n" for line in objects)


def read_csv(text: str) -> list[FileRow]:
    """Return the rows of CSV, with commas, semicolons or tabs.

    Raises
    ------
    ReviewError
        If it has no column ``qa_id`` or ``verdict``.
    """
    csv.field_size_limit(MOST_CHARACTERS)
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [name.strip() for name in reader.fieldnames or ()]
    if lacking := [name for name in ("qa_id", "verdict") if name not in names]:
        raise ReviewError(
            f"row 1: columns are {', '.join(names) or 'none'}: must have {' and '.join(lacking)}"
        )
    reader.fieldnames = names
    try:
        return [
            FileRow(
                f"row {number}",
                {key: _said(value) for key, value in row.items() if isinstance(value, str)},
            )
            for number, row in enumerate(reader, 2)
        ]
    except csv.Error as error:
        raise ReviewError(f"line {reader.line_num}: must be CSV: {error}") from error


def read_json_lines(text: str) -> list[FileRow]:
    """Return the rows of JSON lines.

    Raises
    ------
    ReviewError
        If a line is no object with ``qa_id``, or holds what is no text where one is needed.
    """
    return [
        _json_row(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()
    ]


def json_list(text: str, wanted: str) -> list[Any]:
    """Return what a file of one JSON list holds.

    Raises
    ------
    ReviewError
        If it is something else; ``wanted`` says what it must be.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ReviewError(f"line 1: must be JSON: {error}") from error
    if not isinstance(found, list):
        raise ReviewError(f"line 1: must be {wanted}")
    return found


def _json_row(number: int, line: str) -> FileRow:
    try:
        given = json.loads(line)
    except ValueError as error:
        raise ReviewError(f"line {number}: must be JSON: {error}") from error
    if not isinstance(given, dict) or not isinstance(given.get("qa_id"), str):
        raise ReviewError(f"line {number}: must be an object with qa_id, a text")
    wanted = ("qa_id", *WRITTEN, "question", "answer")
    values = {key: given[key] for key in wanted if given.get(key) is not None}
    for key, value in values.items():
        if not isinstance(value, str):
            raise ReviewError(f"line {number}: {key} = {value!r}: must be a text")
    return FileRow(f"line {number}", values)


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _said(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell

"""Argilla's records as JSON, which its client reads and writes (``dataset.records``, version 2).

https://docs.argilla.io/latest/how_to_guides/import_export/
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from equal_assets.errors import ReviewError
from equal_assets.resources.verdicts import PairVerdict
from equal_assets.review.pairs import ReviewPair
from equal_assets.review.rows import WRITTEN, FileRow, json_list, row_values

FIELDS = ("question", "answer", "document")
METADATA = ("score", "cluster", "source")


def argilla_records(rows: Iterable[tuple[ReviewPair, PairVerdict | None]]) -> str:
    """Return records for ``from_json``; what was said before is suggested to annotators."""
    return json.dumps([_record(row_values(*row)) for row in rows], indent=1)


def read_argilla(text: str) -> list[FileRow]:
    """Return the rows of what ``to_json`` wrote.

    Raises
    ------
    ReviewError
        If it is something else, or annotators said different things of a pair.
    """
    records = json_list(text, "a list of records, as dataset.records.to_json writes it")
    return [_row(number, record) for number, record in enumerate(records, 1)]


def _record(values: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": values["qa_id"],
        "fields": {key: values[key] for key in FIELDS},
        "metadata": {key: values[key] for key in METADATA},
        "suggestions": {
            name: {"value": values[name], "score": None, "agent": values["said_by"]}
            for name in WRITTEN
            if values[name]
        },
        "responses": {},
        "vectors": {},
    }


def _row(number: int, record: Any) -> FileRow:
    place = f"record {number}"
    try:
        values = {"qa_id": record["id"], **{key: record["fields"][key] for key in FIELDS[:2]}}
        by_user: dict[str, dict[str, str]] = {}
        for name in WRITTEN:
            for response in record["responses"].get(name, []):
                by_user.setdefault(str(response["user_id"]), {})[name] = response["value"] or ""
        if not all(
            isinstance(v, str) for said in (values, *by_user.values()) for v in said.values()
        ):
            raise TypeError("a text is none")
    except (LookupError, TypeError, AttributeError) as error:
        raise ReviewError(
            f"{place}: must be a record with id, fields question and answer, and responses to "
            f"{', '.join(WRITTEN)} ({error})"
        ) from error
    said = list(by_user.values())
    if any(other != said[0] for other in said[1:]):
        raise ReviewError(
            f"{place}: {len(said)} annotators said different things: must be one verdict; keep the "
            "responses of one of them"
        )
    return FileRow(place, values | (said[0] if said else {}))

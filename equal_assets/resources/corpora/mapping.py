"""Which field of a row holds what."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from equal_assets.errors import CorpusError
from equal_assets.records import QAPair, RejectedRow, trimmed
from equal_assets.resources.corpora.candidates import (
    Candidate,
    NumberedRow,
    Reason,
    is_unicode,
    reject,
)
from equal_assets.settings import FieldMappingSettings


def mapped_fields(mapping: FieldMappingSettings) -> list[str]:
    """Return the fields that a mapping reads, each once."""
    optional = (mapping.id_field, mapping.url_field, mapping.license_field, mapping.qa_field)
    names = [mapping.text_field, *(name for name in optional if name), *mapping.metadata_fields]
    return list(dict.fromkeys(names))


def require_fields(file: str, fields: Iterable[str], columns: Iterable[str]) -> None:
    """Raise a :class:`CorpusError` if a table lacks a mapped field."""
    present = list(columns)
    missing = [name for name in fields if name not in present]
    if missing:
        raise CorpusError(
            f"{file} has no field {', '.join(missing)}; it has: {', '.join(present) or 'none'}. "
            "Correct text_field, id_field, url_field, license_field, metadata_fields or qa_field "
            "of the corpus"
        )


def map_fields(
    numbered: NumberedRow, mapping: FieldMappingSettings, *, source: str, file: str
) -> Candidate | RejectedRow:
    """Return the candidate that the fields of a row describe."""
    row, values = numbered
    text = values.get(mapping.text_field)
    if text is None:
        return reject(file, row, Reason.MISSING_TEXT, str(values))
    if not isinstance(text, str):
        return reject(file, row, Reason.TEXT_NOT_A_STRING, str(text))
    try:
        pairs = _parse_qa_pairs(_value(values, mapping.qa_field))
    except (ValueError, RecursionError):
        return reject(file, row, Reason.BROKEN_QA_PAIRS, str(_value(values, mapping.qa_field)))
    return Candidate(
        source=source,
        file=file,
        row=row,
        text=text,
        document_id=_optional_text(values, mapping.id_field),
        url=_optional_text(values, mapping.url_field),
        license=_optional_text(values, mapping.license_field) or mapping.license,
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
    """Read a list of questions and answers, or its JSON text as in CSV; else ValueError."""
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
    """Return the pair in two fields; a ValueError says what is wrong with them."""
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
    return QAPair(values[question_field].strip(), trimmed(values[answer_field]))

"""Which field of a row holds what."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from equal_assets.errors import CorpusError
from equal_assets.records import QAPair, RejectedRow, trimmed
from equal_assets.resources.corpora.candidates import (
    Candidate,
    NumberedRow,
    Reason,
    excerpt,
    is_unicode,
    reject,
    without_nul,
)
from equal_assets.resources.corpora.chats import chat_text
from equal_assets.settings import FieldMappingSettings

MOST_FIELDS = 20
"""Named in a message."""


def mapped_fields(mapping: FieldMappingSettings) -> list[str]:
    """Return the fields that a mapping reads, each once."""
    optional = (mapping.id_field, mapping.url_field, mapping.license_field, mapping.qa_field)
    names = [mapping.text_field, *(name for name in optional if name), *mapping.metadata_fields]
    return list(dict.fromkeys(names))


def require_fields(file: str, fields: Iterable[str], columns: Iterable[str]) -> None:
    """Raise a :class:`CorpusError` if a table lacks a mapped field, or has it twice."""
    present = list(columns)
    missing = [name for name in fields if name not in present]
    if missing:
        encoding = "" if is_unicode(*present) else ". It is not UTF-8: name corpus.encoding first"
        raise CorpusError(
            f"{file} has no field {', '.join(missing)}; it has: {shown_fields(present)}"
            f"{encoding}. Correct text_field, id_field, url_field, license_field, metadata_fields "
            "or qa_field of the corpus"
        )
    twice = [name for name in fields if present.count(name) > 1]
    if twice:
        raise CorpusError(f"{file} has the field {', '.join(twice)} twice: rename one of them")


def column_of(field: str, columns: Iterable[str]) -> str:
    """Return the column that holds a field: ``a`` for ``a.b``, unless a column is called ``a.b``.

    A field that is in none of them is returned as it is.
    """
    present = list(columns)
    if field in present:
        return field
    return next((name for name in present if field.startswith(f"{name}.")), field)


def shown_fields(names: Iterable[str]) -> str:
    """Return the names of fields for a message, as any terminal can print them."""
    named = [excerpt(name) for name in names]
    more = f" and {len(named) - MOST_FIELDS} more" if len(named) > MOST_FIELDS else ""
    return ", ".join(named[:MOST_FIELDS]) + more or "none"


def map_fields(
    numbered: NumberedRow, mapping: FieldMappingSettings, *, source: str, file: str
) -> Candidate | RejectedRow:
    """Return the candidate that the fields of a row describe."""
    row, values = numbered
    field = mapping.text_field
    value = _value(values, field)
    if value is None:
        return reject(file, row, Reason.MISSING_TEXT, f"{field} is {_absent(values, field)}")
    try:
        text = value.decode("utf-8") if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return reject(file, row, Reason.INVALID_UTF8, value)
    text = text if isinstance(text, str) else chat_text(text)
    if text is None:
        detail = f"{field} is {kind_of(value)}: {value}"
        return reject(file, row, Reason.TEXT_NOT_A_STRING, detail)
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
            name: _as_text(value)
            for name in mapping.metadata_fields
            if (value := _value(values, name)) is not None
        },
        qa_pairs=pairs,
    )


def kind_of(value: Any) -> str:
    """Return what a value is, in the words of JSON, with the fields of an object."""
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case Mapping():
            return f"an object with the fields {shown_fields(_names(value))}"
        case list():
            return f"a list of {len(value)}, the first {kind_of(value[0])}" if value else "a list"
        case _:
            return type(value).__name__


def _absent(values: Mapping[str, Any], field: str) -> str:
    names = list(_names(values))
    return "null" if field in names else f"not there; the row has: {shown_fields(names)}"


def _names(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield str(name)
        if isinstance(value, Mapping):
            yield from (f"{name}.{inner}" for inner in _names(value))


def _value(values: Mapping[str, Any], name: str | None) -> Any:
    """Return the value of a field; of ``a.b``, where no field has this name, that of b in a."""
    if name is None or name in values:
        return None if name is None else values[name]
    column = column_of(name, values)
    inside = values.get(column)
    return _value(inside, name[len(column) + 1 :]) if isinstance(inside, Mapping) else None


def _optional_text(values: Mapping[str, Any], name: str | None) -> str | None:
    value = _value(values, name)
    return None if value is None else _as_text(value).strip() or None


def _as_text(value: Any) -> str:
    """Return a value as text; a number that a table made a float of, as it was."""
    match value:
        case bytes():
            return value.decode("utf-8", "surrogateescape")
        case float() if math.isnan(value):  # a number that is missing
            return ""
        case float() if value.is_integer():
            return str(int(value))
        case dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)


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
    question, answer = values[question_field], values[answer_field]
    return QAPair(without_nul(question).strip(), trimmed(without_nul(answer)))

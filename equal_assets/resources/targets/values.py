"""Values of a target's rows: of fields by name, as text, and those that a table holds as text."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]


def has_field(row: Row, name: str) -> bool:
    """Tell whether a row has a field; of ``a.b``, whether the object a has b."""
    return name in row or _inside(row, name) is not None


def field_value(row: Row, name: str) -> Any:
    """Return what a field holds; of ``a.b``, where no field has this name, b of the object a.

    Raises
    ------
    ValueError
        If there is no such field, or it is null; the message names those that are there.
    """
    inside = None if name in row else _inside(row, name)
    if name not in row and inside is None:
        raise ValueError(f"{name!r} is missing; the row has: {', '.join(_names(row)) or 'nothing'}")
    value = row[name] if inside is None else field_value(*inside)
    if is_null(value):
        held = ", ".join(str(other) for other, of in row.items() if not is_null(of))
        raise ValueError(f"{name!r} is missing: it is null; the row has: {held or 'nothing'}")
    return value


def is_null(value: Any) -> bool:
    """Tell whether a value stands for none; tables make NaN of it."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def optional_value(row: Row, name: str) -> Any:
    """Return what a field holds; None if it is missing."""
    try:
        return field_value(row, name)
    except ValueError:
        return None


def _inside(row: Row, name: str) -> tuple[Row, str] | None:
    """Return the object that holds a field by a dotted name, and the field's name in it."""
    for outer, value in row.items():
        rest = name.removeprefix(f"{outer}.")
        if rest != name and isinstance(value, Mapping) and has_field(value, rest):
            return value, rest
    return None


def _names(row: Row) -> Iterator[str]:
    for name, value in row.items():
        yield str(name)
        if isinstance(value, Mapping):
            yield from (f"{name}.{inner}" for inner in _names(value))


def text_of(value: Any, name: str) -> str:
    """Return a text, number or boolean as text: 12.0 as 12, true as JSON writes it.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    match value:
        case str():
            return value
        case bool():
            return json.dumps(value)
        case float() if not math.isfinite(value):
            raise ValueError(f"{name!r} = {value}: must be a number, a text or a boolean")
        case float() if value.is_integer():
            return str(int(value))
        case int() | float() | Decimal():
            return str(value)
        case bytes():
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                raise ValueError(f"{name!r} holds bytes that are not UTF-8") from None
        case Mapping():
            fields = ", ".join(f"{name}.{inner}" for inner in _names(value))
            raise ValueError(f"{name!r} is an object: name a field in it: {fields or 'none'}")
        case _:
            kind = "a list" if isinstance(value, list) else type(value).__name__
            raise ValueError(f"{name!r} is {kind}: must be a text, a number or a boolean")


def unpacked(value: Any) -> Any:
    """Return the list or object that a text writes, as cells of CSV do; else the value itself."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    for parse in (json.loads, ast.literal_eval):  # the second reads what pandas writes
        try:
            return parse(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
    return value


def right_answers(value: Any, name: str) -> list[str]:
    """Return the right answers that a field holds, each once, the first of them first.

    Besides a value or a list of values, answers as in SQuAD (``text``) and TriviaQA (``value``
    and ``aliases``) are read.

    Raises
    ------
    ValueError
        If there is none, or one is empty or neither text, number nor boolean.
    """
    if isinstance(value, Mapping):
        if "text" in value:
            value, name = value["text"], f"{name}.text"
        elif "value" in value:
            aliases = value.get("aliases")
            value = [value["value"], *(aliases if isinstance(aliases, list) else [])]
    held = value if isinstance(value, list) else [value]
    if not held:
        raise ValueError(f"{name!r} is empty: it is a list without an answer")
    answers = [text_of(answer, name) if answer is not None else "" for answer in held]
    if not all(answer.strip() for answer in answers):
        raise ValueError(f"{name!r} is empty" + (", one of its answers" if len(held) > 1 else ""))
    return list(dict.fromkeys(answers))

"""The reference of ``campaigns.yaml``, written from the models that validate it.

``python -m equal_assets.settings.docs > docs/settings.md``, or ``make docs``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from inspect import get_annotations, getdoc
from typing import Any, get_args

from equal_assets.settings.project import Settings
from equal_assets.settings.reading import UNIONS, Union
from equal_assets.settings.section import SettingsSection

HEAD = """\
# Every key of campaigns.yaml

Written from the code by `make docs`. A key that is left out has its default; a key without one is
required. Paths are relative to the file, lengths are in characters. All mistakes in the file are
reported at once, each with line, key, value and what it must be.
"""
BOUNDS = (
    ("minimum", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
    ("multipleOf", "a multiple of {}"),
)
TYPES = {"string": "text", "boolean": "`true` or `false`", "object": "a mapping", "null": "`null`"}


def settings_reference() -> str:
    """Return the reference as Markdown: a table per section, or per variant if it has variants."""
    parts = [HEAD, *_section("", Settings, _single_keys(), nested=False)]
    for name, field in Settings.model_fields.items():
        title = f"## `{name}`"
        if name in UNIONS:
            parts += [title, *_variants(name, UNIONS[name])]
        elif models := _models(field.annotation):
            entry = f"{name}.NAME" if _is_mapping(field.annotation) else name
            parts += [title, *_section(entry, models[0])]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _variants(name: str, union: Union) -> Iterator[str]:
    """Yield a table for each class that declares keys, with the variants that it belongs to."""
    classes = list(dict.fromkeys(c for v in union.variants for c in reversed(v.__mro__)))
    yield (
        f"`{name}.{union.tag}` is one of "
        + ", ".join(f"`{n}`" for n in union.names)
        + (f"; `{union.default}` if it is left out." if union.default else ".")
    )
    for model in classes:
        own = [key for key in get_annotations(model) if key in getattr(model, "model_fields", ())]
        if not set(own) - {union.tag}:
            continue
        parts = zip(union.names, union.variants, strict=True)
        users = ", ".join(f"`{key}`" for key, variant in parts if issubclass(variant, model))
        yield f"### `{name}` of {users}"
        yield from _section(name, model, [key for key in own if key != union.tag])


def _section(
    name: str, model: type[SettingsSection], keys: list[str] | None = None, *, nested: bool = True
) -> Iterator[str]:
    """Yield the summary and the table of a section, then of the sections in it."""
    fields = [key for key in (keys or model.model_fields) if key in model.model_fields]
    inner = {key: _models(model.model_fields[key].annotation) for key in fields}
    schema = model.model_json_schema()["properties"]
    if nested:
        yield (getdoc(model) or "").split("\n\n")[0].replace("``", "`").replace("\n", " ")
    rows = [_row(key, schema[key], model) for key in fields if not inner[key]]
    if rows:
        yield "\n".join(["| key | allowed | default | |", "| --- | --- | --- | --- |", *rows])
    for key, models in inner.items():
        if models and nested:
            yield f"### `{name}.{key}`"
            yield from _section(f"{name}.{key}", models[0])


def _row(key: str, schema: dict[str, Any], model: type[SettingsSection]) -> str:
    field = model.model_fields[key]
    default = "" if field.is_required() else f"`{json.dumps(schema['default'])}`"
    cells = (f"`{key}`", _allowed(schema), default, field.description or "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _allowed(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_allowed(option) for option in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "")
    if kind == "array":
        return f"a list of {_allowed(schema['items'])}"
    bounds = [text.format(f"{schema[name]:g}") for name, text in BOUNDS if name in schema]
    return " ".join([TYPES.get(kind, kind), ", ".join(bounds)]).strip()


def _single_keys() -> list[str]:
    """Return the top-level keys that hold a value, not a section."""
    fields = Settings.model_fields.items()
    return [key for key, f in fields if key not in UNIONS and not _models(f.annotation)]


def _is_mapping(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is dict


def _models(annotation: Any) -> list[type[SettingsSection]]:
    """Return the sections that an annotation names, directly or as values of a mapping."""
    found = (annotation, *get_args(annotation))
    return [item for item in found if isinstance(item, type) and issubclass(item, SettingsSection)]


if __name__ == "__main__":
    sys.stdout.write(settings_reference())

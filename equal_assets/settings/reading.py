"""Reads and validates ``campaigns.yaml``.

One :class:`~equal_assets.errors.SettingsError` reports every mistake in the file, each with line,
key, value and what it must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import ValidationError

from equal_assets.errors import SettingsError
from equal_assets.settings.corpus import (
    FilesSettings,
    HubDatasetSettings,
    InstalledPackagesSettings,
    StackExchangeSettings,
)
from equal_assets.settings.extraction import (
    LlamaCppSettings,
    OpenAISettings,
    ReplaySettings,
    StructuralSettings,
    VLLMSettings,
)
from equal_assets.settings.places import campaigns_file
from equal_assets.settings.project import Settings
from equal_assets.settings.section import KeyPath, SettingsSection
from equal_assets.settings.students import (
    HuggingFaceStudentSettings,
    NoStudentSettings,
    TinyStudentSettings,
)

MOST_VALUES = 100_000
"""Of a campaigns file with its aliases written out; one of 1,000 campaigns has 20,000."""


@dataclass(frozen=True)
class Union:
    """A section with variants, told apart by one key."""

    tag: str
    variants: tuple[type[SettingsSection], ...]
    default: str | None = None

    @property
    def names(self) -> list[str]:
        """Return the values of the key."""
        return [get_args(variant.model_fields[self.tag].annotation)[0] for variant in self.variants]

    def variant(self, given: dict[str, Any]) -> type[SettingsSection]:
        """Return the variant of a section."""
        return self.variants[self.names.index(str(given.get(self.tag, self.default)))]


UNIONS = {
    "corpus": Union(
        "source",
        (InstalledPackagesSettings, FilesSettings, HubDatasetSettings, StackExchangeSettings),
    ),
    "extractor": Union(
        "backend",
        (StructuralSettings, ReplaySettings, OpenAISettings, VLLMSettings, LlamaCppSettings),
        "structural",
    ),
    "student": Union(
        "kind", (TinyStudentSettings, HuggingFaceStudentSettings, NoStudentSettings), "tiny"
    ),
}


def load_settings(path: Path | None = None) -> Settings:
    """Read and validate a campaigns file.

    Parameters
    ----------
    path : Path, optional
        The file; by default what :func:`campaigns_file` finds.

    Returns
    -------
    Settings

    Raises
    ------
    SettingsError
        With every mistake: file, line, key, value, what it must be.
    """
    path = path or campaigns_file()
    lines: dict[KeyPath, int] = {}
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        if not isinstance(node, yaml.MappingNode):
            raise SettingsError(f"{path}: must hold sections (corpus, targets, campaigns)")
        if (n_values := _size(node, {})) > MOST_VALUES:
            raise SettingsError(
                f"{path}: must hold at most {MOST_VALUES:,} values, and aliases make {n_values:,} "
                "of it; write out less"
            )
        mistakes = list(_index_lines(node, (), lines))
        raw = yaml.SafeLoader("").construct_document(node)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise SettingsError(f"{path} is not valid YAML: {error}") from error
    context: dict[str, Any] = {
        "base": path.resolve().parent,
        **{
            section: [str(name) for name in raw[section]]
            for section in ("targets", "campaigns")
            if isinstance(raw.get(section), dict)
        },
    }
    settings = None
    try:
        settings = Settings.model_validate(raw, context=context)
    except ValidationError as error:
        mistakes += [_describe(detail, raw, lines) for detail in error.errors()]
    if mistakes or settings is None:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}"
        listing = "\n".join(f"  {path.name}:{line}: {text}" for line, text in sorted(mistakes))
        raise SettingsError(f"{path} cannot be used: {count}\n{listing}")
    return settings


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Return how many values a node is, with aliases written out; those counted are in ``sizes``.

    Raises
    ------
    ValueError
        If a node is in itself.
    """
    if id(node) not in sizes:
        sizes[id(node)] = 0
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = (part for item in inner for part in (item if isinstance(item, tuple) else [item]))
        sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    if not sizes[id(node)]:
        raise ValueError(f"line {node.start_mark.line + 1} is an alias of what it is in")
    return sizes[id(node)]


def _index_lines(
    node: yaml.Node, prefix: KeyPath, lines: dict[KeyPath, int]
) -> Iterator[tuple[int, str]]:
    """Fill ``lines`` with the line of every key; yield a mistake for each key written twice."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*prefix, index)] = item.start_mark.line + 1
            yield from _index_lines(item, (*prefix, index), lines)
    if not isinstance(node, yaml.MappingNode):
        return
    for key_node, value_node in node.value:
        key = (*prefix, key_node.value)
        line = key_node.start_mark.line + 1
        if key in lines:
            yield line, f"{_dotted(key)} is a duplicate, first given in line {lines[key]}"
            continue
        lines[key] = line
        yield from _index_lines(value_node, key, lines)


def _describe(detail: Any, raw: Any, lines: dict[KeyPath, int]) -> tuple[int, str]:
    """Turn one pydantic error into line and text."""
    location = [part for part in detail["loc"] if part != "[key]"]
    key: KeyPath = ()
    for part in location:
        union = UNIONS.get(str(key[0])) if len(key) == 1 else None
        if union and part in union.names and part not in raw[key[0]]:
            continue  # pydantic names the variant; the file does not
        key = (*key, part)
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        key = (*key, UNIONS[str(key[0])].tag)
    line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 1)
    if detail["type"] == "missing":
        return line, f"{_dotted(key)} is missing"
    if detail["type"] == "extra_forbidden":
        allowed = ", ".join(_allowed_keys(key[:-1], raw))
        return line, f"{_dotted(key)} is not a known key: must be one of {allowed}"
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        section, tag = key
        found = raw[section].get(tag) if isinstance(raw[section], dict) else raw[section]
        allowed = ", ".join(repr(name) for name in UNIONS[str(section)].names)
        return line, f"{_dotted(key)} = {found!r}: must be one of {allowed}"
    if detail["type"] == "string_pattern_mismatch":
        return line, f"{_dotted(key)}: must be lowercase letters, digits, '.', '_' and '-'"
    problem = re.sub(r"^\w+ should ", "must ", detail["msg"].removeprefix("Value error, "))
    if not key:  # about several sections: the problem begins with the key to change
        named = tuple(problem.split(" ", 1)[0].split("."))
        found_at = (named[:n] for n in range(len(named), 0, -1) if named[:n] in lines)
        return lines.get(next(found_at, ()), 1), problem
    value = detail["input"]
    shown = f" = {value!r}" if isinstance(value, (str, int, float, type(None))) else ""
    return line, f"{_dotted(key)}{shown}: {problem}"


def _allowed_keys(section: KeyPath, raw: Any) -> list[str]:
    found: Any = Settings
    for part in section:
        if found is Settings and part in UNIONS:
            found = UNIONS[str(part)].variant(raw[part])
        elif get_origin(found) is dict:  # of sections by name
            found = get_args(found)[1]
        else:
            found = found.model_fields[part].annotation
    return list(found.model_fields)


def _dotted(key: KeyPath) -> str:
    return ".".join(str(part) for part in key)

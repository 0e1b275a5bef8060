"""The tables as their SQL files declare them: columns, types, keys and what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from equal_assets.resources.warehouse_file import read_sql

COLUMN = re.compile(
    r'"?(?P<name>\w+)"?(?P<type>[^,]*?)'
    r"(?P<rest>(?: (?:not null|primary key|unique|default|check)\b.*)?)$"
)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name, type : str
    is_nullable, is_unique : bool
    rule : str
        Another constraint on its values, as SQL: a check or a default.
    meaning : str
        Its comment; empty if the name says it.
    """

    name: str
    type: str
    is_nullable: bool
    is_unique: bool
    rule: str
    meaning: str


@dataclass(frozen=True)
class DeclaredTable:
    """A table of the warehouse, as its SQL file declares it.

    Attributes
    ----------
    name, question, grain : str
        The last two from the comment at the head of its file.
    columns : tuple of Column
    key : tuple of str
        Columns that together identify a row; empty if none do.
    """

    name: str
    question: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]


def head_comment(text: str) -> tuple[str, str]:
    """Return question (or effect) and grain of a SQL file, from the comment at its head."""
    lines = text.splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("-- "))
    said = " ".join(line.removeprefix("-- ") for line in lines[:end])
    question, _, rest = said.partition(" Grain: ")
    return question.partition(": ")[2], rest


@cache
def read_table(name: str) -> DeclaredTable:
    """Return what ``sql/tables/<name>.sql`` declares."""
    text = read_sql("tables", name)
    question, grain = head_comment(text)
    declared = _declarations(text)
    keys = [re.fullmatch(r"primary key \((.+)\)", code) for code, _ in declared]
    columns = [
        _column(code, said) for (code, said), key in zip(declared, keys, strict=True) if not key
    ]
    composed = [tuple(key[1].split(", ")) for key in keys if key]
    single = [(code.split()[0],) for code, _ in declared if code.endswith(" primary key")]
    key = (composed + single + [()])[0]
    return DeclaredTable(name=name, question=question, grain=grain, columns=tuple(columns), key=key)


def _declarations(text: str) -> list[tuple[str, str]]:
    """Return code and comment of each line between the first and the last of the statement."""
    declared: list[tuple[str, str]] = []
    for line in text.splitlines():
        code, _, said = (part.strip() for part in line.partition("--"))
        if not line.startswith("  "):
            continue
        if code:
            declared.append((code.rstrip(","), said))
        else:  # the comment goes on
            declared[-1] = (declared[-1][0], f"{declared[-1][1]} {said}".strip())
    return declared


def _column(code: str, said: str) -> Column:
    found = COLUMN.fullmatch(code)
    if not found:
        raise ValueError(f"column = {code!r}: must be a name, a type, constraints")
    kind, rest = found["type"].strip(), found["rest"]
    if not kind:  # a table that is created from rows: the comment begins with the type
        kind, _, said = (part.strip() for part in said.partition(","))
    is_key = "primary key" in rest
    rule = re.sub(r"\b(?:not null|primary key|unique)\b", "", rest).strip()
    return Column(
        name=found["name"],
        type=kind,
        is_nullable=not (is_key or "not null" in rest),
        is_unique=is_key or "unique" in rest,
        rule=re.sub(r" +", " ", rule),
        meaning=said,
    )

"""The reference of tables, views and queries, written from their SQL files.

``python -m equal_assets.lineage.docs > docs/tables.md``, or ``make docs``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import duckdb

from equal_assets.graph import ASSETS
from equal_assets.lineage.schemas import Column, head_comment, read_table
from equal_assets.resources.warehouse_file import create_all, read_sql, table_names, view_names

HEAD = """\
# Tables and views of the warehouse

Written from [sql/](../sql) by `make docs`. Everything is in `.equal/warehouse.duckdb`. Begin with
the views, which join what belongs together; [lineage.md](lineage.md) has example questions."""

ASSETS_HEAD = """\
An asset is a table, whose rows are described below. It is made again when an asset that it reads or
a section of campaigns.yaml that decides it has changed; a round also reads the round before it."""

STARTING_POINTS = (
    "campaign_status",
    "reward_curve",
    "campaign_costs",
    "student_accuracy",
    "accuracy_over_budget",
    "student_comparison",
    "strategy_comparison",
    "cluster_overview",
    "failures",
    "rejections",
    "rejected_by_reason",
)
"""Queries for people; the others serve the assets."""


def table_reference() -> str:
    """Return the reference as Markdown: assets, views, tables, queries to begin with."""
    parts = [HEAD, "## Assets", ASSETS_HEAD, "\n".join(_assets())]
    parts += ["## Views", *_views(), "## Tables"]
    for name in sorted(table_names()):
        table = read_table(name)
        rows = [_row(column, column.name in table.key) for column in table.columns]
        parts += [f"### `{name}`", _said(table.question, table.grain), _table(rows)]
    parts.append("## Queries to begin with")
    parts.append("Each is a file that runs as it is, given its `$` parameters.")
    return "\n\n".join([*parts, "\n".join(_queries())]) + "\n"


def _assets() -> Iterator[str]:
    yield from ("| asset | group | job | reads | decided by | one version |", "| --- " * 6 + "|")
    for name, row in ASSETS.items():
        reads = [*row.reads, name] if row.by == "round" else row.reads
        sections = row.settings or ("campaigns",) if row.is_of_campaign else row.settings
        version = f"per {row.by}" if row.is_of_campaign else "for all"
        told = (", ".join(f"`{part}`" for part in parts) or "–" for parts in (reads, sections))
        yield f"| `{name}` | {row.group} | `{row.stage.job}` | {' | '.join(told)} | {version} |"


def _views() -> Iterator[str]:
    with duckdb.connect() as scratch:
        create_all(scratch)
        columns = scratch.execute(
            "select table_name, column_name, lower(data_type) from duckdb_columns() "
            "order by table_name, column_index"
        ).fetchall()
    for name in sorted(view_names()):
        text = read_sql("views", name)
        meanings = _meanings(text)
        yield f"### `{name}`"
        yield _said(*head_comment(text))
        yield _table(
            [
                [column, kind, "", meanings.get(column, "")]
                for of, column, kind in columns
                if of == name
            ]
        )


def _meanings(text: str) -> dict[str, str]:
    """Return the comment on each column of the last select of a view."""
    found: dict[str, str] = {}
    last = ""
    for line in text[text.rindex("\nselect") :].splitlines():
        code, _, said = (part.strip() for part in line.partition("--"))
        if code:
            last = re.split(r"[ .]", code.rstrip(","))[-1]
        if said:
            found[last] = f"{found.get(last, '')} {said}".strip()
    return found


def _queries() -> Iterator[str]:
    yield from ("| query | answers | grain and inputs |", "| --- | --- | --- |")
    for name in STARTING_POINTS:
        question, grain = head_comment(read_sql("queries", name))
        yield f"| [`{name}`](../sql/queries/{name}.sql) | {question} | {grain} |"


def _said(question: str, grain: str) -> str:
    return f"{question[0].upper()}{question[1:]} One row is {grain}"


def _table(rows: list[list[str]]) -> str:
    lines = ["| column | type | | |", "| --- | --- | --- | --- |"]
    for name, kind, rule, meaning in rows:
        cells = (f"`{name}`", f"`{kind}`", rule, meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _row(column: Column, is_key: bool) -> list[str]:
    rules = ["key"] if is_key else []
    rules += ["may be null"] if column.is_nullable else []
    rules += ["unique"] if column.is_unique and not is_key else []
    rules += [f"`{column.rule}`"] if column.rule else []
    return [column.name, column.type, ", ".join(rules), column.meaning]


if __name__ == "__main__":
    sys.stdout.write(table_reference())

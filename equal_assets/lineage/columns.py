"""What Dagster knows of the table behind an asset: its columns, and what they are made from.

Dagster's own pages show the schema and no column lineage, which they leave to other readers of the
metadata; so the description of a column says as well what it is made from.
"""

from typing import Any

import dagster as dg

from equal_assets.lineage.column_lineage import made_from
from equal_assets.lineage.schemas import Column, read_table


def table_metadata(asset: str) -> dict[str, Any]:
    """Return the definition metadata of an asset: table name, column schema, column lineage."""
    return {
        "dagster/table_name": f"main.{asset}",
        "dagster/column_schema": table_schema(asset),
        "dagster/column_lineage": column_lineage(asset),
    }


def table_schema(asset: str) -> dg.TableSchema:
    """Return types, keys, checks and meaning of an asset's columns."""
    table, parts = read_table(asset), made_from(asset)
    return dg.TableSchema(
        columns=[_column(column, parts[column.name]) for column in table.columns],
        constraints=dg.TableConstraints(
            other=[f"primary key ({', '.join(table.key)})"] if table.key else []
        ),
    )


def column_lineage(asset: str) -> dg.TableColumnLineage:
    """Return what each column is made from; those that are new in the asset are left out."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(dg.AssetKey(upstream), name) for upstream, name in parts]
            for column, parts in made_from(asset).items()
            if parts
        }
    )


def _column(column: Column, parts: list[tuple[str, str]]) -> dg.TableColumn:
    origin = f"from {', '.join(f'{upstream}.{name}' for upstream, name in parts)}" if parts else ""
    return dg.TableColumn(
        name=column.name,
        type=column.type,
        description="; ".join(said for said in (column.meaning, origin) if said) or None,
        constraints=dg.TableColumnConstraints(
            nullable=column.is_nullable,
            unique=column.is_unique,
            other=[column.rule] if column.rule else [],
        ),
    )

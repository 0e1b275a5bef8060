"""What Dagster knows about the table behind an asset: its name and columns."""

from typing import Any

import dagster as dg

from equal_assets.lineage.schemas import Column, read_table


def table_metadata(asset: str) -> dict[str, Any]:
    """Return the definition metadata of an asset: table name and column schema.

    Under Dagster's own name for it, the schema would take the page above what the asset shows.
    """
    return {"dagster/table_name": f"main.{asset}", "columns": table_schema(asset)}


def table_schema(asset: str) -> dg.TableSchema:
    """Return types, keys, checks and meaning of an asset's columns."""
    table = read_table(asset)
    return dg.TableSchema(
        columns=[_column(column) for column in table.columns],
        constraints=dg.TableConstraints(
            other=[f"primary key ({', '.join(table.key)})"] if table.key else []
        ),
    )


def _column(column: Column) -> dg.TableColumn:
    return dg.TableColumn(
        name=column.name,
        type=column.type,
        description=column.meaning or None,
        constraints=dg.TableColumnConstraints(
            nullable=column.is_nullable,
            unique=column.is_unique,
            other=[column.rule] if column.rule else [],
        ),
    )

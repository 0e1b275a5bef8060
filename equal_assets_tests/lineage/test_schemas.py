import duckdb
import pytest

from equal_assets.lineage.schemas import head_comment, read_table
from equal_assets.resources.warehouse_file import read_sql, table_names

DECLARED = sorted(table_names())


@pytest.fixture(scope="module")
def made():
    """Every table, made by DuckDB: name -> its columns, and the columns of its key."""
    with duckdb.connect() as connection:
        for name in DECLARED:
            connection.execute(read_sql("tables", name))
        columns = connection.execute(
            "select table_name, column_name, lower(data_type), is_nullable from duckdb_columns() "
            "order by table_name, column_index"
        ).fetchall()
        keys = connection.execute(
            "select table_name, constraint_column_names from duckdb_constraints() "
            "where constraint_type = 'PRIMARY KEY'"
        ).fetchall()
    return columns, {table: tuple(key) for table, key in keys}


@pytest.mark.parametrize("name", DECLARED)
def test_what_a_file_declares_is_what_duckdb_makes_of_it(made, name):
    columns, keys = made
    table = read_table(name)
    found = [(name, c.name, c.type, c.is_nullable) for c in table.columns]
    assert found == [row for row in columns if row[0] == name]
    assert table.key == keys.get(name, ())


def test_comment_of_several_lines_belongs_to_the_column_before():
    columns = {column.name: column.meaning for column in read_table("rounds").columns}
    assert columns["seconds"].endswith("it: the sum of the next three, and of scoring its pairs")
    assert columns["paid_scoring_cost"] == ""


def test_head_comment_is_question_and_grain():
    assert head_comment("-- Question: who\n-- asks? Grain: one row.\nselect 1") == (
        "who asks?",
        "one row.",
    )

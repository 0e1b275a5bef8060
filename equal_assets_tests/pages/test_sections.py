import polars as pl

from equal_assets.pages.sections import table


def test_table_has_texts_under_readable_names():
    rows = table("pairs", pl.DataFrame({"near_pairs": [1200, None]}))
    assert (rows.columns, rows.rows) == (["near pairs"], [["1,200"], ["–"]])

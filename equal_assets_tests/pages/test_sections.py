import polars as pl

from equal_assets.pages.sections import change, table, with_interval


def test_change_names_both_ends_where_they_are_known():
    assert change(0.5, 0.25) == "0.5 → 0.25"
    assert change(None, 0.25) == "– → 0.25"


def test_table_has_texts_under_readable_names():
    rows = table("pairs", pl.DataFrame({"near_pairs": [1200, None]}))
    assert (rows.columns, rows.rows) == (["near pairs"], [["1,200"], ["–"]])


def test_interval_stands_behind_its_value():
    rows = pl.DataFrame({"base": [231.84], "base_low": [227.46], "base_high": [236.2]})
    assert rows.select(with_interval("base")).item() == "231.8 [227.5, 236.2]"

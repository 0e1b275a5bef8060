import polars as pl
import pytest

from equal_assets.report_parts import change, table, text, with_interval


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "–"),
        (1234567, "1,234,567"),
        (0.123456, "0.1235"),
        (1234.56, "1,235"),
        (3.42e7, "3.42e+07"),
        (["a", 2, None], "a, 2, –"),
        ("as it is", "as it is"),
        (True, "True"),
    ],
)
def test_values_are_written_for_people(value, written):
    assert text(value) == written


def test_change_names_both_ends_where_they_are_known():
    assert change(0.5, 0.25) == "0.5 → 0.25"
    assert change(None, 0.25) == "– → 0.25"


def test_table_has_texts_under_readable_names():
    rows = table("pairs", pl.DataFrame({"near_pairs": [1200, None]}))
    assert (rows.columns, rows.rows) == (["near pairs"], [["1,200"], ["–"]])


def test_interval_stands_behind_its_value():
    rows = pl.DataFrame({"base": [231.84], "base_low": [227.46], "base_high": [236.2]})
    assert rows.select(with_interval("base")).item() == "231.8 [227.5, 236.2]"

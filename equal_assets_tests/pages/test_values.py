import pytest

from equal_assets.pages.values import change, markdown_table, text, with_interval


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
    assert change(0.5, 0.25, form=".2g") == "0.5 → 0.25"
    assert change(None, 0.25, form=".2f") == "– → 0.25"
    assert change(None, None, form=".2f") == "–"


def test_interval_follows_its_value():
    row = {"base": 231.84, "base_low": 227.46, "base_high": 236.2}
    assert with_interval(row, "base", form=".1f") == "231.8 [227.5, 236.2]"


def test_cell_shows_text_as_it_is_on_one_line():
    rows = [["a|b\nc", "<script>1 && 2</script>"], [None, ["x", "y"]], [1234, 0.123456]]
    assert markdown_table(["text", "terms"], rows).splitlines() == [
        "| text | terms |",
        "| --- | --- |",
        "| a\\|b c | &lt;script>1 &amp;&amp; 2&lt;/script> |",
        "| – | x, y |",
        "| 1,234 | 0.1235 |",
    ]

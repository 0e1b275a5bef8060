import pytest

from equal_assets.pages.values import markdown_table, text


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


def test_cell_shows_text_as_it_is_on_one_line():
    rows = [["a|b\nc", "<script>1 && 2</script>"], [None, ["x", "y"]], [1234, 0.123456]]
    assert markdown_table(["text", "terms"], rows).splitlines() == [
        "| text | terms |",
        "| --- | --- |",
        "| a\\|b c | &lt;script>1 &amp;&amp; 2&lt;/script> |",
        "| – | x, y |",
        "| 1,234 | 0.1235 |",
    ]

import html
import re

import pytest

from equal_assets.pages.values import change, markdown_table, printable, text, with_interval


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


HOSTILE = (
    "[click](javascript:alert(1))",
    "![seen](http://tracker.example/seen.png)",
    "<img src=http://tracker.example onerror=alert(1)>",
    "a \\[b](javascript:1) \\\\[c](javascript:2)",
    "`|` [x]: javascript:1 | [x][x]",
    "&#91;d](javascript:3) &lt;script>",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_cell_has_no_link_picture_or_html_of_a_document(text):
    from markdown_it import MarkdownIt

    rendered = MarkdownIt("commonmark").enable("table").render(markdown_table(["a"], [[text]]))
    assert rendered.count("<td>") == 1
    assert not {"<a ", "<img", "<script", "<code>"} & set(re.findall(r"<\w+[ >]", rendered))
    shown = re.search("<td>(.*)</td>", rendered)
    assert html.unescape(shown[1]) == text


def test_controls_are_shown_and_words_of_every_script_stay():
    assert printable("\x1b]0;title\x07 \x9b2J \u202egnp.exe\u2066 a\rb\x7f") == (
        "␛]0;title␇ \ufffd2J \ufffdgnp.exe\ufffd a␍b\ufffd"
    )
    plain = "two\tcolumns\r\nשלום \u200fعربي\u200c 日本 👩\u200d🔬"
    assert printable(plain) == plain.replace("\r\n", "\n")
    assert printable("half \ud800").encode()

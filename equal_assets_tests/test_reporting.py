import polars as pl

from equal_assets.reporting import first_words, markdown, sparkline, with_bars


def test_table_shows_text_as_it_is():
    rows = pl.DataFrame({"text": ["a|b\nc", "<script>1 && 2</script>"], "terms": [["x", "y"], []]})
    assert markdown(rows).value.splitlines() == [
        "| text | terms |",
        "| --- | --- |",
        "| a\\|b c | x, y |",
        "| &lt;script>1 &amp;&amp; 2&lt;/script> |  |",
    ]


def test_longest_bar_belongs_to_the_largest_count():
    rows = with_bars(pl.DataFrame({"n": [40, 10, 0]}), "n")
    assert [len(bar) for bar in rows[" "]] == [12, 3, 0]
    assert with_bars(pl.DataFrame({"n": [0]}), "n")[" "].to_list() == [""]
    assert with_bars(pl.DataFrame({"n": []}, schema={"n": pl.Int64}), "n").is_empty()


def test_long_texts_end_in_an_ellipsis_on_one_line():
    rows = pl.DataFrame({"text": ["one\n  two", "abcdefgh"]})
    assert rows.select(first_words(pl.col("text"), 7))["text"].to_list() == ["one two", "abcdef…"]


def test_curve_has_its_ends_beside_it():
    assert sparkline([None, 0.51234, None, 0.25]).value.endswith(") 0.5123 → 0.25")
    assert sparkline([None]).value.endswith(") no value")

import polars as pl

from equal_assets.pages.metadata import (
    HIDDEN_CHARACTERS,
    facts,
    first_words,
    in_place,
    in_short,
    markdown,
    opened,
    pairs_in_place,
    readable,
    sparkline,
    with_bars,
)


def test_table_without_rows_says_so():
    rows = pl.DataFrame({"reason": ["repeated pair"], "count": [3]})
    assert markdown(rows).value.splitlines()[-1] == "| repeated pair | 3 |"
    assert markdown(rows.clear()).value == "none"


def test_numbers_are_rounded_and_the_rest_stays():
    metadata = {"cost": 0.12345678, "tokens": 123456789, "none": None, "curve": sparkline([1.0])}
    assert readable(metadata) == {**metadata, "cost": 0.123457}


def test_texts_of_samples_are_cut_and_numbers_stay():
    rows = in_short(pl.DataFrame({"question": ["why? " * 40], "round": [2]}))
    assert len(rows["question"].item()) == 100
    assert rows["round"].item() == 2


def test_longest_bar_belongs_to_the_largest_count():
    rows = with_bars(pl.DataFrame({"n": [40, 10, 0]}), "n")
    assert [len(bar) for bar in rows[" "]] == [8, 2, 0]
    assert with_bars(pl.DataFrame({"n": [0]}), "n")[" "].to_list() == [""]
    assert with_bars(pl.DataFrame({"n": []}, schema={"n": pl.Int64}), "n").is_empty()


def test_long_texts_end_in_an_ellipsis_on_one_line():
    rows = pl.DataFrame({"text": ["one\n  two", "abcdefgh"]})
    assert rows.select(first_words(pl.col("text"), 7))["text"].to_list() == ["one two", "abcdef…"]


def test_curve_has_its_ends_beside_it():
    assert sparkline([None, 0.51234, None, 0.25]).value.endswith(") 0.5123 → 0.25")
    assert sparkline([None]).value.endswith(") no value")


def test_table_shown_in_place_keeps_the_first_rows_that_fit():
    rows = pl.DataFrame({"question": [f"{n} {'why? ' * 30}" for n in range(20)]})
    shown = in_place(rows).value
    assert 700 < len(shown) < HIDDEN_CHARACTERS
    assert markdown(rows).value.startswith(shown)
    assert in_place(rows.head(1)).value == markdown(rows.head(1)).value


def test_what_is_not_known_is_no_fact():
    assert facts({"tokens": 1200, "cost": None}).value.splitlines()[2:] == ["| tokens | 1,200 |"]


def test_dialog_leaves_out_empty_tables_and_shows_texts_as_they_are():
    rows = pl.DataFrame({"n": [1]})
    shown = opened({"failed": rows.clear(), "pulls": rows, "note": "a <b> |"}).value
    assert shown == "### pulls\n\n| n |\n| --- |\n| 1 |\n\n\n### note\n\na &lt;b> \\|"


def test_pairs_shown_in_place_wrap_even_in_long_names():
    pairs = pl.DataFrame({"question": ["what is `a.b_c`?"] * 30, "answer": ["x" * 90] * 30})
    shown = pairs_in_place(pairs).value
    assert 800 < len(shown) < HIDDEN_CHARACTERS
    assert shown.startswith("**what is \\`a.\u200bb_\u200bc\\`?**\n\nxxx")
    assert pairs_in_place(pairs.clear()).value == "none"

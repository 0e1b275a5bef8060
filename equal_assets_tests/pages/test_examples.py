import io

import polars as pl
from rich.console import Console

from equal_assets.pages.examples import (
    clusters_table,
    difference_table,
    example_texts,
    only_in,
)

COLUMNS = ["qa_id", "question", "answer", "source", "cluster", "round", "reason"]


def dataset(*ids, reason=None):
    rows = [(i, f"What is [bold]{i}?", "x" * int(i), f"{i}.md", 3, 1, reason) for i in ids]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def shown(*renderables):
    file = io.StringIO()
    for renderable in renderables:
        Console(file=file, width=100).print(renderable)
    return file.getvalue()


def test_pair_is_shown_with_its_place_and_why_it_is_left_out():
    text = shown(*example_texts(dataset("4", reason="near-duplicate")))
    assert "4  4.md, cluster 3, round 1  near-duplicate\nQ  What is [bold]4?\nA  xxxx" in text
    assert "None" not in shown(*example_texts(dataset("4")))


def test_two_data_sets_are_counted_by_what_they_share():
    one, other = dataset("1", "2", "9"), dataset("2", "3")
    lines = shown(difference_table(("one", "other"), (one, other))).splitlines()
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:4]]
        for line in lines
        if len(cells := line.split("│")) == 5
    }
    assert rows == {
        "training examples": ["3", "2"],
        "of these in both": ["1", "1"],
        "only here": ["2", "1"],
        "sources": ["3", "2"],
        "median characters of a question": ["16", "16"],
        "median characters of an answer": ["2", "2"],
    }
    assert only_in(one, other)["qa_id"].to_list() == ["1", "9"]
    assert only_in(other, one)["qa_id"].to_list() == ["3"]


def test_clusters_without_words_are_shown_by_number():
    rows = [(7, ["array", "shape"], 40, 2), (5, None, 0, 9)]
    columns = ["cluster", "terms", "n_first", "n_second"]
    clusters = pl.DataFrame(rows, schema=columns, orient="row")
    table = shown(clusters_table(("one", "other"), clusters))
    assert "array, shape" in table
    assert "–" in table

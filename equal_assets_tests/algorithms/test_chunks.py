import re

import numpy as np
import pytest

from equal_assets.algorithms.chunks import split_text
from equal_assets_tests.timing import takes_less_than

GAPS = ["", " ", " \t", ". ", "! ", "。", "\n", "\n\n", "\r\n\r\n", "\n \n\n"]


def distinct_text(rng, n_words):
    """Return words of different lengths in which no letter stands twice."""
    letters = map(chr, range(0x4E00, 0x9FFF))
    lengths, gaps = rng.choice([1, 2, 5, 40], size=n_words), rng.choice(GAPS, size=n_words)
    return "".join(
        "".join(next(letters) for _ in range(length)) + gap
        for length, gap in zip(lengths, gaps, strict=True)
    )


def split(text, most, overlap=0):
    return split_text(text, max_characters=most, overlap_characters=overlap)


def test_text_that_fits_is_one_chunk_unchanged():
    assert split(" one\n\ntwo ", 10) == [" one\n\ntwo "]


@pytest.mark.parametrize("text", ["", "  \n\n ", " " * 50])
def test_text_without_words_has_no_chunks(text):
    assert split(text, 10) == []


def test_paragraphs_are_packed_while_they_fit():
    assert split("aaa\n\nbbb\n\nccc", 8) == ["aaa\n\nbbb", "ccc"]


@pytest.mark.parametrize(
    ("text", "most", "chunks"),
    [
        ("aa bb\n\ncc dd", 11, ["aa bb", "cc dd"]),
        ("aa bb\r\n\r\ncc dd", 11, ["aa bb", "cc dd"]),
        ("aa bb\n \t\ncc dd", 11, ["aa bb", "cc dd"]),
        ("aa bb\ncc dd", 10, ["aa bb", "cc dd"]),
        ("A b c. D e.", 9, ["A b c.", "D e."]),
        ("我们去。你来吗？好。", 5, ["我们去。", "你来吗？", "好。"]),
        ("aaa bbb ccc", 8, ["aaa bbb", "ccc"]),
        ("aaaaabbbbb", 5, ["aaaaa", "bbbbb"]),
    ],
)
def test_best_boundary_is_taken(text, most, chunks):
    assert split(text, most) == chunks


def test_only_the_long_paragraph_is_split_further():
    assert split("aaa bbb\n\ncccc dddd eeee\n\nfff", 10) == ["aaa bbb", "cccc dddd", "eeee\n\nfff"]


def test_chunk_begins_with_the_last_paragraphs_of_the_one_before():
    text = "aaaa\n\nbb\n\ncc\n\ndddd"
    assert split(text, 12, 6) == ["aaaa\n\nbb\n\ncc", "bb\n\ncc\n\ndddd"]
    assert split(text, 12, 5) == ["aaaa\n\nbb\n\ncc", "cc\n\ndddd"]


def test_paragraph_longer_than_the_overlap_is_not_repeated():
    assert split("aaaa\n\nbbbb\n\ncccc", 10, 3) == ["aaaa\n\nbbbb", "cccc"]


def test_overlap_leaves_room_for_the_next_paragraph():
    assert split("aa\n\nbbb\n\ncccccccc", 8, 7) == ["aa\n\nbbb", "cccccccc"]


@pytest.mark.parametrize("seed", range(30))
def test_chunks_cover_the_text_in_order_within_bounds(seed):
    rng = np.random.default_rng(seed)
    text = distinct_text(rng, 200)
    most = int(rng.integers(1, 60))
    overlap = int(rng.integers(0, most))
    chunks = split(text, most, overlap)
    covered = 0
    for chunk in chunks:
        assert 0 < len(chunk) <= most
        assert chunk == chunk.strip()
        start = text.index(chunk, max(0, covered - len(chunk) + 1))  # each goes on
        assert start >= covered - overlap
        assert not text[covered:start].strip()
        covered = start + len(chunk)
    assert not text[covered:].strip()


def test_chunks_without_overlap_hold_every_character_once():
    text = distinct_text(np.random.default_rng(0), 500)
    assert re.sub(r"\s", "", "".join(split(text, 17))) == re.sub(r"\s", "", text)


@pytest.mark.timing
@pytest.mark.parametrize("unit", ["x", "x y. ", "a\n\n", "\n ", "字。", "{}\t"])
def test_long_text_of_any_form_is_split_fast(unit):
    text = unit * (300_000 // len(unit)) + "x"
    assert all(split(text, 4000, 400))
    assert takes_less_than(5, lambda _: split(text, 4000, 400))


@pytest.mark.parametrize(
    ("most", "overlap", "message"),
    [
        (0, 0, "max_characters = 0: must be >= 1"),
        (5, -1, "overlap_characters = -1: must be 0 to 4"),
        (5, 5, "overlap_characters = 5: must be 0 to 4"),
    ],
)
def test_lengths_out_of_range_are_named(most, overlap, message):
    with pytest.raises(ValueError, match=message):
        split("text", most, overlap)

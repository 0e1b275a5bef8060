import numpy as np
import pytest

from equal_assets.algorithms.deduplication import (
    Repeat,
    equal_pairs,
    near_duplicates,
    numbers,
    same_meaning,
)
from equal_assets.records import QAPair

LIST = ("What is a list?", "A sequence.")


def equal(*pairs):
    return equal_pairs([QAPair(*pair) for pair in pairs])


def near(*pairs, threshold=0.8):
    return near_duplicates([QAPair(*pair) for pair in pairs], threshold=threshold)


def same(*vectors, threshold=0.9, questions=None):
    return same_meaning(questions or ["?"] * len(vectors), np.array(vectors), threshold=threshold)


def text(n_words, prefix="w"):
    return " ".join(prefix + "x" * (i // 26) + chr(97 + i % 26) for i in range(n_words))


def test_of_equal_pairs_the_first_stays():
    assert equal(LIST, ("Why?", "So."), LIST, LIST) == [None, None, Repeat(0), Repeat(0)]


def test_equal_pairs_are_found_through_punctuation_and_case():
    assert equal(LIST, ("what IS a  list", "a sequence!")) == [None, Repeat(0)]


def test_words_moved_from_question_to_answer_make_another_pair():
    assert equal(("a b", "c"), ("a", "b c"), ("a b c", "")) == [None, None, None]


def test_same_question_with_another_answer_is_another_pair():
    assert equal(LIST, ("What is a list?", "A type.")) == [None, None]


def test_answers_without_words_are_compared_as_they_are():
    assert equal(("Which?", "+"), ("Which?", "%"), ("Which?", " + ")) == [None, None, Repeat(0)]


def test_numbers_are_read_without_separators_of_thousands():
    assert numbers("1,200 m in 3.5 s, or 1200 m") == {"1200", "3.5"}
    assert numbers("no number, none") == frozenset()


@pytest.mark.parametrize(("threshold", "is_repeat"), [(0.8, True), (0.81, False)])
def test_near_duplicates_begin_at_the_exact_jaccard_similarity(threshold, is_repeat):
    """Of 20 words all 16 shingles are among the 20 shingles of the 24 words that go on."""
    found = near((text(10), text(20).split(" ", 10)[10]), (text(24), ""), threshold=threshold)
    assert found == [None, Repeat(0, 0.8) if is_repeat else None]


def test_repeat_of_a_removed_pair_alone_stays():
    """Each text shares 16 of 20 shingles with the one before it, and 12 of 24 with the first."""
    words = text(28).split()
    pairs = [(" ".join(words[start : start + 22]), "") for start in (0, 2, 4)]
    assert near(*pairs, threshold=0.75) == [None, Repeat(0, 0.8), None]


def test_questions_with_other_numbers_are_no_near_duplicates():
    said = text(20)
    pairs = [(f"{said} {n} {said}", text(26, "x") * 2) for n in ("1,000", "2000", "1000")]
    found = near(*pairs, threshold=0.5)
    assert found[:2] == [None, None]
    assert found[2].kept == 0


def test_texts_without_words_are_no_near_duplicates():
    assert near(("?", "+"), ("!", "-")) == [None, None]


def test_near_duplicates_are_those_of_every_pair_compared_with_every_other():
    rng = np.random.default_rng(0)
    base = [[f"w{word}" for word in rng.integers(0, 10**6, 40)] for _ in range(20)]
    changed = [[*words[: rng.integers(25, 40)], "end"] for words in base for _ in range(3)]
    pairs = [("so: " + " ".join(f"x{w[1:].translate(LETTERS)}" for w in words[1:]), "a")
             for words in base + changed]  # fmt: skip
    found = near(*pairs, threshold=0.8)
    assert found == near(*pairs, threshold=0.8)
    assert sum(repeat is not None for repeat in found) == _brute_force(pairs, 0.8)


LETTERS = str.maketrans("0123456789", "abcdefghij")


def _brute_force(pairs, threshold):
    def shingles(pair):
        words = " ".join(pair).replace(":", "").split()
        return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}

    kept = []
    for own in map(shingles, pairs):
        if all(len(own & other) / len(own | other) < threshold for other in kept):
            kept.append(own)
    return len(pairs) - len(kept)


def test_same_meaning_begins_at_the_threshold():
    assert same([1.0, 0.0], [0.8, 0.6], threshold=0.8) == [None, Repeat(0, 0.8)]
    assert same([1.0, 0.0], [0.8, 0.6], threshold=0.81) == [None, None]


def test_equal_vectors_have_the_same_meaning_at_every_threshold():
    vector = np.full(384, 1 / np.sqrt(384), dtype=np.float32)
    assert same(vector, vector, threshold=1.0)[1].kept == 0


def test_questions_with_other_numbers_never_mean_the_same():
    questions = ["Take 2 from 3.", "Take 2 from 4.", "From 3 take 2."]
    assert same(*[[1.0, 0.0]] * 3, questions=questions) == [None, None, Repeat(0, 1.0)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How many books are above 5?", "How many books are below 5?"),
        ("Which row comes before the sum?", "Which row comes AFTER the sum?"),
        ("What is the maximum value?", "What is the minimum value?"),
        ("How is the cache enabled?", "How is the cache disabled?"),
        ("Which call returns True?", "Which call returns False?"),
        ("What is a proper superset?", "What is a proper subset?"),
    ],
)
def test_questions_that_differ_in_opposite_words_never_mean_the_same(one, other):
    said = text(40)
    questions = [one, one.replace("What", "So what"), other, other]
    found = same(*[[1.0, 0.0]] * 4, questions=questions)
    assert found == [None, Repeat(0, 1.0), None, Repeat(2, 1.0)]
    assert near((one, said), (other, said), threshold=0.5) == [None, None]
    assert near((one, said), (f"{one} {one}", said), threshold=0.5)[1] is not None


def test_question_with_both_opposites_or_none_may_repeat_either():
    questions = ["What is the first?", "What is the last but first?", "What is it?", "The last?"]
    found = same(*[[1.0, 0.0]] * 4, questions=questions)
    assert found == [None, Repeat(0, 1.0), Repeat(0, 1.0), None]


def test_what_is_near_a_removed_question_alone_stays():
    angles = np.radians([0, 20, 40])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    found = same(*vectors, threshold=0.9)
    assert [repeat and repeat.kept for repeat in found] == [None, 0, None]


def test_blocks_give_what_one_block_gives(monkeypatch):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(200, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    whole = same(*vectors)
    assert 0 < whole.count(None) < 200
    monkeypatch.setattr("equal_assets.algorithms.neighbors.BLOCK_ROWS", 16)
    assert same(*vectors) == whole


def test_nothing_repeats_nothing():
    assert equal() == near() == []
    assert same_meaning([], np.zeros((0, 384)), threshold=0.9) == []

import numpy as np

from equal_assets.algorithms.surface import N_FEATURES, PATTERNS, surface_features, word_shape

NAMES = ["length", "lines", *PATTERNS]


def rates(text):
    """Return the named features of a text, as counts per 1,000 characters."""
    return dict(zip(NAMES, np.expm1(surface_features([text])[0].astype(float)), strict=False))


def test_marks_are_counted_per_thousand_characters():
    text = "What is 2 + 2?\n\nSolution: it is 4.\n".ljust(500, "a")
    found = rates(text)
    assert round(found["length"], 2) == 499  # 500 characters
    assert round(found["question marks"], 3) == 2
    assert round(found["lines that ask"], 3) == 2
    assert round(found["labels"], 3) == 2
    assert round(found["digits"], 3) == 6
    assert round(found["lines"], 3) == 8


def test_a_short_text_with_one_question_has_no_high_rate():
    assert rates("Why?")["question marks"] < 6


def test_questions_of_other_scripts_count():
    assert rates("これは何ですか？\n答え：四")["question marks"] > 0
    assert rates("ما هو العدد؟")["question marks"] > 0


def test_the_word_that_lines_begin_with_is_seen_in_any_language():
    plain, labeled = surface_features(["und Zahl\nund Wort", "Lösung Zahl\nLösung Wort"])
    assert (plain[len(NAMES) :] != labeled[len(NAMES) :]).any()


def test_a_text_has_the_same_features_in_any_company():
    texts = ["Exercise 1. Add.", "```\ncode\n```", "", "\ud800 broken"]
    together = surface_features(texts)
    assert together.shape == (4, N_FEATURES)
    assert np.isfinite(together).all()
    for row, text in zip(together, texts, strict=True):
        np.testing.assert_array_equal(surface_features([text])[0], row)


def test_word_shape_drops_repeats():
    assert word_shape("HTTP/2:") == "X/d:"

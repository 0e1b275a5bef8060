import math

import numpy as np

from equal_assets.algorithms.strategies.bm25 import LENGTH, SATURATION, bm25_scores

DOCUMENTS = ["The cat sat.", "A cat, a cat and a dog!", "Nothing of it", ""]


def scores(questions, pages, weights=None):
    return bm25_scores(questions, np.ones(len(questions)) if weights is None else weights, pages)


def test_score_is_the_sum_over_shared_words_of_rarity_and_saturated_count():
    lengths = np.array([3, 7, 3, 0])
    half = SATURATION * (1 - LENGTH + LENGTH * lengths / lengths.mean())
    cat, dog = math.log(1 + 2.5 / 2.5), math.log(1 + 3.5 / 1.5)
    first = cat * (SATURATION + 1) / (1 + half[0])
    second = cat * 2 * (SATURATION + 1) / (2 + half[1]) + dog * (SATURATION + 1) / (1 + half[1])
    found = scores(["CAT or dog, cat"], [DOCUMENTS])
    np.testing.assert_allclose(found, [first, second, 0, 0], rtol=1e-6)


def test_questions_add_up_as_they_weigh():
    questions = ["a cat", "a dog", "nothing"]
    weights = np.array([0.2, 0.7, 0.1])
    alone = [scores([question], [DOCUMENTS]) for question in questions]
    np.testing.assert_allclose(
        scores(questions, [DOCUMENTS], weights), weights @ np.array(alone), rtol=1e-6
    )


def test_scores_are_the_same_in_any_pages():
    questions = ["a dog", "of it", "?", ""]
    whole = scores(questions, [DOCUMENTS])
    np.testing.assert_array_equal(scores(questions, [DOCUMENTS[:1], [], DOCUMENTS[1:]]), whole)


def test_words_of_scripts_without_spaces_count():
    chinese, english = scores(["气温是多少?"], [["今天气温很高。", "The temperature is high."]])
    assert chinese > 0 == english


def test_texts_without_words_are_like_no_question():
    assert scores(["What is a cat?"], [["", "..."]]).tolist() == [0, 0]
    assert scores(["?"], [DOCUMENTS]).tolist() == [0, 0, 0, 0]

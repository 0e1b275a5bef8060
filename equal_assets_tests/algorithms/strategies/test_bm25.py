import math

import numpy as np

from equal_assets.algorithms.strategies.bm25 import LENGTH, SATURATION, bm25_space

DOCUMENTS = ["The cat sat.", "A cat, a cat and a dog!", "Nothing of it", ""]


def similarities(questions, pages):
    return np.array(list(bm25_space(questions, pages).similarities()))


def test_similarity_is_the_sum_over_shared_words_of_rarity_and_saturated_count():
    lengths = np.array([3, 7, 3, 0])
    half = SATURATION * (1 - LENGTH + LENGTH * lengths / lengths.mean())
    cat, dog = math.log(1 + 2.5 / 2.5), math.log(1 + 3.5 / 1.5)
    first = cat * (SATURATION + 1) / (1 + half[0])
    second = cat * 2 * (SATURATION + 1) / (2 + half[1]) + dog * (SATURATION + 1) / (1 + half[1])
    np.testing.assert_allclose(
        similarities(["CAT or dog, cat"], [DOCUMENTS]), [[first, second, 0, 0]], rtol=1e-6
    )


def test_documents_are_the_same_in_any_pages():
    questions = ["a dog", "of it", "?", ""]
    whole = similarities(questions, [DOCUMENTS])
    assert whole.shape == (4, 4)
    np.testing.assert_array_equal(
        similarities(questions, [DOCUMENTS[:1], [], DOCUMENTS[1:]]), whole
    )
    assert not whole[2:].any()


def test_words_of_scripts_without_spaces_count():
    found = similarities(["气温是多少?"], [["今天气温很高。", "The temperature is high."]])
    assert found[0, 0] > 0 == found[0, 1]


def test_texts_without_words_are_like_no_question():
    found = similarities(["What is a cat?"], [["", "..."]])
    np.testing.assert_array_equal(found, [[0, 0]])

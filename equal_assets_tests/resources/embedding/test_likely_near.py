"""The filter before the leak check loses no leak that the whole check finds."""

import json
from pathlib import Path

import numpy as np
import pytest

from equal_assets.resources.embedding.likely_near import LEAST_USUAL, LikelyNear
from equal_assets.settings import ENGLISH_MODEL, MULTILINGUAL_MODEL

REPOSITORY = Path(__file__).parents[3]


def questions_of(path: str, **kept: str) -> list[str]:
    rows = map(json.loads, (REPOSITORY / path).read_text(encoding="utf-8").splitlines())
    return [row["question"] for row in rows if kept.items() <= row.items()]


TESTS = questions_of("equal_assets/demo/test.jsonl")
PLANTED = questions_of("benchmarks/leak_paraphrases.jsonl", test="demo")
USUAL = [f"What is the {noun} of a {thing}?" for noun in TESTS[:10] for thing in range(10)]
OTHERS = [
    "Why do leaves turn red in autumn?",
    "Who signed the treaty that ended the war of the Spanish succession?",
    "How long does dough have to rest before it is baked?",
]


@pytest.fixture(scope="module")
def likely() -> LikelyNear:
    return LikelyNear(TESTS, USUAL)


def test_planted_leaks_and_the_questions_themselves_pass(likely):
    assert len(PLANTED) == 17
    assert likely(PLANTED).all()
    assert likely(TESTS).all()


def test_questions_about_something_else_do_not_pass(likely):
    assert not likely(OTHERS).any()


def test_nothing_and_a_question_without_tokens_do_not_pass(likely):
    assert likely([]).shape == (0,)
    assert likely([""]).dtype == np.bool_


def test_all_questions_are_compared_where_the_filter_was_not_measured():
    made = LikelyNear.of_model
    assert made(ENGLISH_MODEL, TESTS, USUAL, similarity=0.8) is not None
    assert made(MULTILINGUAL_MODEL, TESTS, USUAL, similarity=0.8) is None
    assert made(ENGLISH_MODEL, TESTS, USUAL, similarity=0.7) is None
    assert made(ENGLISH_MODEL, [], USUAL, similarity=0.8) is None
    assert made(ENGLISH_MODEL, TESTS, USUAL[: LEAST_USUAL - 1], similarity=0.8) is None

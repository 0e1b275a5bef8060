"""What a micro student scores, on any engine, and after a kill."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from equal_assets.progress import listen
from equal_assets.records import content_hash
from equal_assets.resources.engine.engine import LocalEngine
from equal_assets.resources.engine.ray import RayEngine
from equal_assets.settings import InfluenceSettings
from equal_assets.steps import student_scores
from equal_assets.steps.student_scores import StudentScorer
from equal_assets.steps.student_states import student_space
from equal_assets_tests.crossing_engine import CrossingEngine
from equal_assets_tests.micro_student import PAIRS, TEXTS
from equal_assets_tests.stored_documents import document_rows

N_DOCUMENTS = 7
N_REFERENCE = 3
TABLES = {
    "perplexity": "document_scores",
    "influence": "document_scores",
    "states": "student_states",
}


@pytest.fixture
def scorer(warehouse, student, base, tmp_path, monkeypatch):
    """Documents in three parts, and the reference pairs of a campaign."""
    monkeypatch.setattr(student_scores, "READ_TOGETHER", 3)
    texts = TEXTS[:N_DOCUMENTS]
    ids = [f"d{number}" for number in range(N_DOCUMENTS)]
    reference = PAIRS[:N_REFERENCE]
    target = pl.DataFrame(
        {
            "question": [pair.question for pair in reference],
            "answer": [pair.answer for pair in reference],
            "position": range(N_REFERENCE),
        }
    ).with_columns(campaign=pl.lit("c"), split=pl.lit("reference"), weight=pl.lit(1.0))
    with warehouse.transaction() as transaction:
        transaction.insert("documents", document_rows(ids, map(content_hash, texts), texts))
        transaction.insert("target_qa", target)
        transaction.record("documents", partition="", inputs="c", version="facts", seconds=1.0)
    return StudentScorer(
        kind="perplexity",
        key="k",
        influence=InfluenceSettings(dimensions=64),
        campaign="c",
        warehouse=warehouse,
        student=student,
        engine=LocalEngine(place=str(tmp_path)),
        log=logging.getLogger("test"),
    )


def read(scorer):
    """Have the documents read; return all that is stored of it."""
    student_space(scorer) if scorer.kind == "states" else scorer.document_scores()
    with scorer.warehouse.get_connection() as connection:
        table = TABLES[scorer.kind]
        rows = connection.sql(f"select * exclude seconds from {table} order by all").pl()
    return rows.filter(pl.col("scorer") == scorer.key).drop("scorer")


@pytest.mark.parametrize("kind", TABLES)
def test_engine_changes_nothing_that_the_student_says(scorer, tmp_path, kind):
    here = read(replace(scorer, kind=kind, key="here"))
    assert here["content_hash"].n_unique() == N_DOCUMENTS + (N_REFERENCE if kind == "states" else 0)
    elsewhere = CrossingEngine(place=str(tmp_path / "shared"))
    there = read(replace(scorer, kind=kind, key="there", engine=elsewhere))
    assert_frame_equal(here, there, check_exact=True)


def test_machines_that_do_not_see_the_model_are_given_it(scorer, student, tmp_path, monkeypatch):
    paths = []
    method = type(student).answer_log_probabilities

    def noted(student, path, *texts, **given):
        paths.append(Path(path))
        return method(student, path, *texts, **given)

    monkeypatch.setattr(type(student), "answer_log_probabilities", noted)
    shared = tmp_path / "shared"
    read(replace(scorer, engine=CrossingEngine(place=str(shared))))
    assert {path.parent for path in paths} == {shared / "models"}
    assert len(set(paths)) == 1
    assert len(paths) == 3


@pytest.mark.parametrize("kind", TABLES)
def test_killed_reading_goes_on_after_the_last_part(scorer, student, kind, monkeypatch):
    scorer = replace(scorer, kind=kind)
    whole = read(replace(scorer, key="whole"))
    texts, method = [], type(student).n_tokens_read
    monkeypatch.setattr(type(student), "n_tokens_read", counting(method, texts, most=2))
    with pytest.raises(KeyboardInterrupt):
        read(scorer)
    monkeypatch.setattr(type(student), "n_tokens_read", counting(method, texts, most=10))
    assert_frame_equal(read(scorer), whole, check_exact=True)
    assert set(TEXTS[:N_DOCUMENTS]) <= set(texts)
    assert len(texts) == len(set(texts))  # none twice


def counting(method, texts, *, most):
    """Return a method that notes the answers it is given, and is interrupted after so many."""
    calls = []

    def counted(student, path, prompts, answers):
        if len(calls) == most:
            raise KeyboardInterrupt
        calls.append(path)
        texts.extend(answers)
        return method(student, path, prompts, answers)

    return counted


@pytest.mark.ray
@pytest.mark.parametrize("kind", TABLES)
def test_reading_on_a_cluster_goes_on_where_it_was_interrupted(scorer, kind, cluster, tmp_path):
    scorer = replace(scorer, kind=kind)
    whole = read(replace(scorer, key="whole"))
    on_ray = RayEngine(place=str(tmp_path / "shared"), address=cluster.address)

    def interrupt(label, done, total, note):
        if "documents" in label and done:
            raise KeyboardInterrupt

    with listen(interrupt, print), pytest.raises(KeyboardInterrupt):
        read(replace(scorer, engine=on_ray))
    with scorer.warehouse.get_connection() as connection:
        query = f"select content_hash, seconds from {TABLES[kind]} where scorer = 'k'"
        stored = dict(connection.sql(query).fetchall())
    assert len(stored) == 3
    # a worker computes with one thread, which adds up in another order than several
    assert_frame_equal(read(replace(scorer, engine=on_ray)), whole, abs_tol=1e-5)
    with scorer.warehouse.get_connection() as connection:
        assert stored.items() <= dict(connection.sql(query).fetchall()).items()  # not read again


def test_progress_counts_all_texts_also_within_a_part(scorer):
    seen = []
    with listen(lambda label, done, total, note: seen.append((label, done, total)), seen.append):
        read(scorer)
    own = [(done, total) for label, done, total in seen if label == "perplexity of the documents"]
    assert own[-1] == (N_DOCUMENTS, N_DOCUMENTS)
    assert [done for done, _ in own] == sorted(done for done, _ in own)
    assert len(own) > 3


def test_pairs_of_many_parts_are_each_scored_once(scorer):
    hashes = [content_hash(text) for text in TEXTS[:N_DOCUMENTS]]
    rows = pl.DataFrame(
        {
            "qa_id": [f"q{number}" for number in range(N_DOCUMENTS)],
            "content_hash": hashes,
            "question": [pair.question for pair in PAIRS[:N_DOCUMENTS]],
            "answer": [pair.answer for pair in PAIRS[:N_DOCUMENTS]],
        }
    ).with_columns(extractor=pl.lit("e"), position=pl.lit(0))
    with scorer.warehouse.transaction() as transaction:
        transaction.insert("extracted_qa", rows)
    for _ in range(2):
        scorer.score_pairs(hashes, extractor="e", label="pairs")
    ids = rows["qa_id"].to_list()
    found = scorer.warehouse.query("pair_scores", qa_ids=ids, scorer="k")
    assert sorted(found["qa_id"]) == ids
    assert np.isfinite(found["score"].to_numpy()).all()

"""What a micro student makes of documents and reference pairs, kept in a warehouse."""

import logging

import numpy as np
import polars as pl
import pytest

from equal_assets.algorithms.flops import inference_flops
from equal_assets.records import content_hash
from equal_assets.resources.engine.engine import LocalEngine
from equal_assets.resources.students.student import completion, prompt
from equal_assets.settings import InfluenceSettings
from equal_assets.steps.student_scores import StudentScorer
from equal_assets.steps.student_states import student_space
from equal_assets_tests.micro_student import PAIRS, TEXTS, silent
from equal_assets_tests.stored_documents import document_rows

READ = TEXTS[:5]
REFERENCE = PAIRS[:3]


@pytest.fixture
def scorer(warehouse, student, base, tmp_path):
    """Documents, and the reference pairs of a campaign."""
    texts = READ
    documents = document_rows(
        [f"d{number}" for number in range(len(texts))],
        [content_hash(text) for text in texts],
        texts,
    )
    target = pl.DataFrame(
        {
            "question": [pair.question for pair in REFERENCE],
            "answer": [pair.answer for pair in REFERENCE],
            "position": range(len(REFERENCE)),
        }
    ).with_columns(campaign=pl.lit("c"), split=pl.lit("reference"), weight=pl.lit(1.0))
    with warehouse.transaction() as transaction:
        transaction.insert("documents", documents)
        transaction.insert("target_qa", target)
        transaction.record("documents", partition="", inputs="c", version="facts", seconds=1.0)
    return StudentScorer(
        kind="states",
        key="k",
        influence=InfluenceSettings(),
        campaign="c",
        warehouse=warehouse,
        student=student,
        engine=LocalEngine(place=str(tmp_path)),
        log=logging.getLogger("test"),
    )


def test_documents_and_reference_are_what_the_student_makes_of_them(scorer, student, base):
    space = student_space(scorer)
    documents = student.answer_states(base, [""] * 5, READ, progress=silent)
    np.testing.assert_allclose(space.documents, documents, atol=1e-5)
    texts = [prompt(pair) for pair in REFERENCE], [completion(pair) for pair in REFERENCE]
    questions = student.answer_states(base, *texts, progress=silent)
    np.testing.assert_allclose(space.questions, questions, atol=1e-5)
    read = student.n_tokens_read(base, [*[""] * 5, *texts[0]], [*READ, *texts[1]]).sum()
    with scorer.warehouse.get_connection() as connection:
        (spent,) = connection.execute("select sum(flops) from student_states").fetchone()
    assert spent == pytest.approx(inference_flops(student.n_parameters(base), float(read)))


def test_nothing_is_read_twice(scorer, student, monkeypatch):
    first = student_space(scorer)
    monkeypatch.setattr(type(student), "answer_states", lambda *_, **__: pytest.fail("read again"))
    again = student_space(scorer)
    np.testing.assert_array_equal(again.documents, first.documents)
    np.testing.assert_array_equal(again.questions, first.questions)

"""Students of too few examples are warned of."""

import pytest
from pydantic import TypeAdapter

from equal_assets.pages.training import few_examples, few_steps
from equal_assets.pages.warnings import warnings
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.settings import (
    DatasetSettings,
    HuggingFaceStudentSettings,
    StudentSettings,
    TinyStudentSettings,
    load_settings,
)
from equal_assets_tests.conftest import TINY
from equal_assets_tests.traced import fill


def test_seven_examples_are_too_few_by_default():
    warning = few_examples("c", 7, DatasetSettings())
    assert warning.startswith("the student of campaign c is trained on 7 examples, under 50")
    assert "dataset.min_examples" in warning
    assert "LLM" in warning


@pytest.mark.parametrize(("n_examples", "least"), [(50, 50), (51, 50), (1, 0), (7, 7)])
def test_enough_examples_are_no_reason_to_warn(n_examples, least):
    assert few_examples("c", n_examples, DatasetSettings(min_examples=least)) is None


def test_student_of_two_steps_is_told_with_a_smaller_batch():
    student = HuggingFaceStudentSettings(kind="huggingface", model="m", epochs=2)
    warning = few_steps("c", 44, student)
    assert warning.startswith("the student of campaign c is tuned in 2 steps of 64 examples")
    assert "student.batch_size: 8" in warning
    assert few_steps("c", 44, student.model_copy(update={"batch_size": 8})) is None
    assert "batch_size: 8" not in few_steps("c", 8, student.model_copy(update={"batch_size": 8}))
    assert few_steps("c", 0, student) is None


@pytest.mark.parametrize("n_examples", [50, 1000])
def test_built_in_student_takes_enough_steps(n_examples):
    assert few_steps("c", n_examples, TinyStudentSettings()) is None


@pytest.mark.parametrize(("student", "n_warnings"), [({"kind": "none"}, 0), ({"kind": "tiny"}, 2)])
def test_nothing_is_said_of_a_student_that_there_is_not(warehouse, tmp_path, student, n_warnings):
    fill(warehouse)
    settings = load_settings(TINY)
    student = TypeAdapter(StudentSettings).validate_python(student)
    settings = settings.model_copy(update={"student": student})
    extractor = build_extractor(settings.extractor, tmp_path)
    found = list(warnings(settings, extractor, warehouse, ["a"]))
    assert len([text for text in found if "student" in text]) == n_warnings

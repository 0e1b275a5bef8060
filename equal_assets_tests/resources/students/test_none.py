"""A project without a student says so where one is asked for."""

import pytest

from equal_assets.errors import ModelError
from equal_assets.progress import silent
from equal_assets.resources.students.build import build_student
from equal_assets.settings import NoStudentSettings


def test_no_student_can_be_trained(tmp_path):
    student = build_student(NoStudentSettings(kind="none"), str(tmp_path))
    with pytest.raises(ModelError, match="must be tiny or huggingface"):
        student.base([], corpus_version="v", progress=silent)
    with pytest.raises(ModelError, match="to train a student"):
        student.fine_tune(tmp_path, [], out=tmp_path, progress=silent)

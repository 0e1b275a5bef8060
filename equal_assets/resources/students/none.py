"""No student: what says so where one is asked for all the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from equal_assets.errors import ModelError
from equal_assets.progress import Progress
from equal_assets.records import QAPair
from equal_assets.resources.students.student import Student, Texts


class NoStudent(Student):
    """Stands where a project trains none: people may ask for one in Dagster's pages."""

    def base(self, texts: Texts, *, corpus_version: str, progress: Progress) -> Path:
        """Raise ``ModelError``."""
        _refuse()

    def fine_tune(
        self, base: Path, pairs: Sequence[QAPair], *, out: Path, progress: Progress
    ) -> NoReturn:
        """Raise ``ModelError``."""
        _refuse()


def _refuse() -> NoReturn:
    raise ModelError(
        "student.kind = none: must be tiny or huggingface to train a student; set it in "
        "campaigns.yaml"
    )

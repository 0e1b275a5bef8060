"""The untuned student, made from the corpus where it is made here."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from equal_assets.progress import report
from equal_assets.resources.students.student import Student
from equal_assets.resources.warehouse import Warehouse
from equal_assets.steps.text_pages import text_pages
from equal_assets.versions import stored_versions


def base_student(student: Student, warehouse: Warehouse, *, log: dg.DagsterLogManager) -> Path:
    """Return the folder of the untuned student, made from the corpus if it is made here."""
    return student.base(
        lambda: _texts(warehouse),
        corpus_version=stored_versions(warehouse)["documents", ""][1],
        progress=report(log, "pretrain the student"),
    )


def _texts(warehouse: Warehouse) -> Iterator[str]:
    """Yield the texts of the corpus in order of id."""
    for page in text_pages(warehouse):
        yield from page["text"]

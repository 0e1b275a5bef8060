"""The tuned student of a campaign as a folder that other programs run."""

from __future__ import annotations

from pathlib import Path

from equal_assets.errors import ExportError
from equal_assets.resources.students.merging import merge
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import HuggingFaceStudentSettings, Settings


def export_student(settings: Settings, warehouse: Warehouse, campaign: str, out: Path) -> int:
    """Write the student of a campaign, adapters merged, and return how many parameters it has.

    Raises
    ------
    ExportError
        If the campaign has no student, or ``out`` is not a new or empty folder.
    """
    rows = warehouse.query("fine_tuned_student", campaign=campaign)
    if rows.is_empty():
        how = f"`equal run {campaign}` tunes it"
        if not settings.has_student:
            how = "student.kind = none in campaigns.yaml; set it to tiny or huggingface"
        raise ExportError(f"campaign {campaign} has no tuned student: {how}")
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise ExportError(f"--student {out}: must be a new or empty folder; name another one")
    student = settings.student
    path = Path(warehouse.found_path(rows["path"].item()))
    if not isinstance(student, HuggingFaceStudentSettings):
        return merge(path, out)
    return merge(
        path,
        out,
        chat_template=student.chat_template,
        trust_remote_code=student.trust_remote_code,
    )

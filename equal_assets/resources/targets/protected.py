"""Questions named in campaigns.yaml that no training example may give away."""

from __future__ import annotations

from pathlib import Path

from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.places import base_folder, shown_path
from equal_assets.resources.targets.mistakes import refuse
from equal_assets.resources.targets.rows import read_rows_of
from equal_assets.resources.targets.values import optional_value
from equal_assets.settings import DatasetSettings


def read_protected(settings: DatasetSettings) -> dict[str, str]:
    """Read the protected questions, each by its place (``FILE:LINE``).

    Raises
    ------
    CorpusError
        With up to 10 mistakes, each with file and line: a bad line, a field that is not text.
    """
    questions: dict[str, str] = {}
    mistakes: list[str] = []
    for path in settings.protected:
        file = shown_path(Path(path), base_folder())
        for item in read_rows_of(Path(path), file):
            if isinstance(item, RejectedRow):
                mistakes.append(f"{file}:{item.row}: {item.reason}: {item.excerpt}")
                continue
            line, values = item
            question = optional_value(values, settings.protected_field)
            if isinstance(question, str) and question.strip():
                questions[f"{file}:{line}"] = question
            else:
                mistakes.append(
                    f"{file}:{line}: {settings.protected_field} = {question!r}: must be text; "
                    f"the row has {', '.join(values) or 'no field'} (dataset.protected_field)"
                )
    refuse(mistakes, what="dataset.protected")
    return questions

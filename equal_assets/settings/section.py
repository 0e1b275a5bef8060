"""The base of every section of ``campaigns.yaml``, and how its paths are found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationInfo

KeyPath = tuple[str | int, ...]


class SettingsSection(BaseModel):
    """Base of every section: unknown keys are mistakes, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def expand_path(pattern: str, base: Path) -> Iterator[Path]:
    """Yield the files and folders that a path or glob matches, sorted."""
    path = base / pattern
    if path.exists():
        yield path
    elif any(character in pattern for character in "*?["):
        anchor = Path(path.anchor)
        yield from sorted(anchor.glob(str(path.relative_to(anchor))))


def base_folder(info: ValidationInfo) -> Path:
    """Return the folder that paths of the file being read are relative to."""
    return (info.context or {}).get("base", Path.cwd())

"""The base of every section of ``campaigns.yaml``, and the folder of its paths."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationInfo

KeyPath = tuple[str | int, ...]


class SettingsSection(BaseModel):
    """Base of every section: unknown keys are mistakes, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def base_folder(info: ValidationInfo) -> Path:
    """Return the folder that paths of the file being read are relative to."""
    return (info.context or {}).get("base", Path.cwd())

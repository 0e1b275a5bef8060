"""Section `export`: how `equal export` writes a data set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from equal_assets.settings.section import SettingsSection

ExportFormat = Literal["messages", "sharegpt", "alpaca", "prompt-completion", "parquet"]


class ExportSettings(SettingsSection):
    """What `equal export` writes by default."""

    formats: list[ExportFormat] = Field(
        ["messages", "parquet"], min_length=1, description="see docs/export.md"
    )
    validation: float = Field(
        0.05,
        ge=0,
        le=0.5,
        description="share of the documents whose pairs are set aside for validation; 0: none",
    )

    @field_validator("formats")
    @classmethod
    def _each_once(cls, formats: list[ExportFormat]) -> list[ExportFormat]:
        return list(dict.fromkeys(formats))

"""Section `export`: how `equal export` writes a data set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from equal_assets.settings.section import SettingsSection

ExportFormat = Literal["messages", "sharegpt", "alpaca", "prompt-completion", "parquet"]

ExportKey = Literal[
    "qa_id",
    "document_id",
    "page",
    "source",
    "license",
    "url",
    "cluster",
    "round",
    "pull",
    "extractor",
    "verdict",
]
"""What an exported row says of an example, beside question and answer."""


class ExportSettings(SettingsSection):
    """What `equal export` writes by default."""

    formats: list[ExportFormat] = Field(
        ["messages", "parquet"], min_length=1, description="see docs/export.md"
    )
    validation: float = Field(
        0.05,
        ge=0,
        le=0.5,
        description="share of the examples that are set aside for validation, in whole documents "
        "and all chunks of a page together; 0: none",
    )

    leave_out: list[ExportKey] = Field(
        [], description="keys that are not written, such as `qa_id` where a trainer takes no other"
    )

    @field_validator("formats", "leave_out")
    @classmethod
    def _each_once(cls, names: list[str]) -> list[str]:
        return list(dict.fromkeys(names))

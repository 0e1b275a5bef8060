"""Section `tracking`: MLflow."""

from __future__ import annotations

from pydantic import Field

from equal_assets.settings.section import Section


class Tracking(Section):
    """Where MLflow keeps the runs."""

    uri: str | None = Field(None, description="null: a SQLite file in the state folder")
    experiment: str = Field("equal-assets", min_length=1, description="its name in MLflow")

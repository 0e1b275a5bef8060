"""Section `tracking`: MLflow, and where the pages of MLflow and Dagster are."""

from __future__ import annotations

from pydantic import Field, field_validator

from equal_assets.settings.places import ui_address
from equal_assets.settings.section import SettingsSection

SCHEMES = ("http://", "https://")


class TrackingSettings(SettingsSection):
    """Where MLflow keeps the runs, and where people look at them."""

    uri: str | None = Field(None, description="null: a SQLite file in the state folder")
    experiment: str = Field("equal-assets", min_length=1, description="its name in MLflow")
    mlflow_url: str | None = Field(
        None,
        description="of the MLflow pages, for links; null: `uri` if it is an address, else that "
        "of `equal ui`",
    )
    dagster_url: str | None = Field(
        None,
        description="of the Dagster pages, for links; null: that of `equal ui`",
    )

    @property
    def mlflow_pages(self) -> str:
        """Address of the MLflow pages, without a slash at its end."""
        stored = self.uri if self.uri and self.uri.startswith(SCHEMES) else None
        return (self.mlflow_url or stored or ui_address("MLFLOW_PORT", 5000)).rstrip("/")

    @property
    def dagster_pages(self) -> str:
        """Address of the Dagster pages, without a slash at its end."""
        return (self.dagster_url or ui_address("DAGSTER_PORT", 3000)).rstrip("/")

    @field_validator("mlflow_url", "dagster_url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(SCHEMES):
            raise ValueError("no address of a page; allowed: what begins with http:// or https://")
        return url

"""Section `tracking`: MLflow, and the addresses of the MLflow and Dagster pages."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from equal_assets import secrets
from equal_assets.settings.places import ui_address
from equal_assets.settings.section import SettingsSection

SCHEMES = ("http://", "https://")


class TrackingSettings(SettingsSection):
    """Where MLflow keeps the runs, and where people see them."""

    uri: str | None = Field(None, description="null: a SQLite file in the state folder")
    experiment: str = Field("equal-assets", min_length=1, description="its name in MLflow")
    mlflow_url: str | None = Field(
        None,
        description="of the MLflow pages, for links; null: `uri` if it is an address, else the one "
        "of `equal ui`",
    )
    dagster_url: str | None = Field(
        None,
        description="of the Dagster pages, for links; null: the one of `equal ui`",
    )

    @model_validator(mode="after")
    def _secrets_are_known(self) -> TrackingSettings:
        for address in filter(None, (self.uri, self.mlflow_url, self.dagster_url)):
            secrets.know_address(address)
        return self

    @property
    def mlflow_pages(self) -> str:
        """Address of the MLflow pages, without a final slash."""
        stored = None
        if self.uri and self.uri.startswith(SCHEMES):
            stored = secrets.without_credentials(self.uri)
        return (self.mlflow_url or stored or ui_address("MLFLOW_PORT", 5000)).rstrip("/")

    @property
    def dagster_pages(self) -> str:
        """Address of the Dagster pages, without a final slash."""
        return (self.dagster_url or ui_address("DAGSTER_PORT", 3000)).rstrip("/")

    @field_validator("mlflow_url", "dagster_url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(SCHEMES):
            raise ValueError("must be an address that begins with http:// or https://")
        return url

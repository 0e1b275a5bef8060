"""The campaigns file as a resource: assets read their settings from it."""

from functools import lru_cache
from pathlib import Path

from dagster import ConfigurableResource
from pydantic import Field

from equal_assets.settings import Settings, load_settings


class CampaignsFile(ConfigurableResource):
    """The validated ``campaigns.yaml``."""

    path: str = Field(description="The file.")
    state_folder: str = Field(description="Folder for models and exports.")

    def load(self) -> Settings:
        """Return the settings; the file is read again only when it has changed."""
        return _load(self.path, Path(self.path).stat().st_mtime_ns)

    @property
    def models_folder(self) -> Path:
        """Return the folder for models that this project makes."""
        return Path(self.state_folder) / "models"

    @property
    def exports_folder(self) -> Path:
        """Return the folder where data sets are published."""
        return Path(self.state_folder) / "exports"


@lru_cache(maxsize=4)
def _load(path: str, modified: int) -> Settings:
    return load_settings(Path(path))

"""A folder with campaigns.yaml, and the resources that assets of its campaigns are given."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import build_embedder
from equal_assets.resources.engine.build import build_engine
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.students.build import build_student
from equal_assets.resources.warehouse import Warehouse


@dataclass(frozen=True)
class CampaignFolder:
    """Its state lies beside campaigns.yaml."""

    path: Path

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(database=str(self.path / "warehouse.duckdb"), lock_timeout_seconds=2)

    @property
    def campaigns(self) -> CampaignsFile:
        return CampaignsFile(path=str(self.path / "campaigns.yaml"), state_folder=str(self.path))

    def resources(self) -> dict:
        """Return what a process makes anew for assets."""
        settings = self.campaigns.load()
        models = self.path / "models"
        return {
            "warehouse": self.warehouse,
            "campaigns": self.campaigns,
            "extractor": build_extractor(settings.extractor, self.path),
            "embedder": build_embedder(settings.embedder, models),
            "student": build_student(settings.student, str(models)),
            "engine": build_engine(settings.engine, self.path),
        }

    def edit(self, **sections) -> None:
        """Change sections of campaigns.yaml."""
        path = self.path / "campaigns.yaml"
        settings = yaml.safe_load(path.read_text())
        for section, values in sections.items():
            settings[section] = {**settings.get(section, {}), **values}
        path.write_text(yaml.safe_dump(settings))

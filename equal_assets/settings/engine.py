"""Section `engine`: which machines do the work on many parts, and where the parts are stored."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from equal_assets.settings.section import SettingsSection


class EngineSettings(SettingsSection):
    """Where files are converted, and documents read by models. It makes nothing out of date."""

    kind: Literal["local", "ray"] = Field(
        "local", description="local: in the process; ray: on a Ray cluster"
    )
    address: str = Field(
        "auto",
        min_length=1,
        description="of the Ray cluster, such as ray://head:10001 or head:6379; auto: the one that "
        "runs on this machine, or that RAY_ADDRESS names",
    )
    storage: str | None = Field(
        None,
        min_length=1,
        description="folder or URI (s3://bucket/prefix) for the vectors of documents and for "
        "models, which every machine of the cluster reads and writes; null: the state folder",
    )

    @field_validator("storage")
    @classmethod
    def _holds_no_key(cls, storage: str | None) -> str | None:
        if storage and "://" in storage and urlsplit(storage).password:
            raise ValueError(
                "must hold no keys: give them to the machines as AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or as their role"
            )
        return storage

    @model_validator(mode="after")
    def _address_is_of_a_cluster(self) -> EngineSettings:
        if self.kind == "local" and self.address != "auto":
            raise ValueError(f"address = {self.address!r}: only with kind: ray")
        return self

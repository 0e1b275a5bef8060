"""Which engine a campaigns file names."""

from pathlib import Path

from equal_assets.resources.engine.engine import Engine, LocalEngine
from equal_assets.settings import EngineSettings


def build_engine(settings: EngineSettings, state: Path) -> Engine:
    """Build the engine that a campaigns file names."""
    place = settings.storage or str(state)
    if settings.kind == "ray":
        from equal_assets.resources.engine.ray import RayEngine

        return RayEngine(place=place, address=settings.address)
    return LocalEngine(place=place)

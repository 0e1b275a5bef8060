"""Whether the machines are there that do the work on many parts, and their storage."""

from __future__ import annotations

from collections.abc import Iterator

from equal_assets.errors import EqualError
from equal_assets.planning.finding import Finding
from equal_assets.resources.engine.build import build_engine
from equal_assets.settings import EngineSettings, state_folder


def engine_findings(settings: EngineSettings, *, is_plan: bool) -> Iterator[Finding]:
    """Yield what is found of the engine and its storage; nothing where both are as by default.

    For a plan, whose run is later or elsewhere, nothing is contacted.
    """
    if settings == EngineSettings():
        return
    engine = build_engine(settings, state_folder())
    told = f"engine: {settings.kind}, vectors of documents in {engine.storage.place}"
    if is_plan:
        yield Finding(True, told)
        return
    try:
        engine.storage.names()
        described = engine.describe()
    except EqualError as error:
        yield Finding(False, f"engine: {error}")
        return
    yield Finding(True, f"{told}; {described}")

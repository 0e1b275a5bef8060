"""The files of a new project: written beside each other, and never over one that is there."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from equal_assets.errors import SettingsError
from equal_assets.init.schema import SCHEMA_FILE, campaigns_schema
from equal_assets.resources.publishing import publish_text

CAMPAIGNS_FILE = "campaigns.yaml"
DAGSTER_FILE, WORKSPACE_FILE = "dagster.yaml", "workspace.yaml"


def packaged_text(name: str) -> str:
    """Return a file of a project that is the same in all: what Dagster reads."""
    folder = resources.files("equal_assets") / "init" / "project"
    return (folder / name).read_text(encoding="utf-8")


def fixed_texts() -> dict[str, str]:
    """Return the files that are the same in every project, by name."""
    return {
        SCHEMA_FILE: campaigns_schema(),
        **{name: packaged_text(name) for name in (DAGSTER_FILE, WORKSPACE_FILE)},
    }


def refuse_existing(folder: Path, texts: dict[str, str]) -> None:
    """Refuse a folder that has a campaigns.yaml, or one of the files with another text.

    Files with the same text are what an `equal init` left that did not come to its end:
    campaigns.yaml is the last to be written.

    Raises
    ------
    SettingsError
        With the file.
    """
    for path in [folder / CAMPAIGNS_FILE, *(folder / name for name in texts)]:
        if path.exists() and (path.name == CAMPAIGNS_FILE or not _holds(path, texts[path.name])):
            raise SettingsError(
                f"{path} exists and `equal init` never overwrites: name another folder, "
                "or move the file away"
            )


def write_project(folder: Path, campaigns: str, others: dict[str, str]) -> list[Path]:
    """Write campaigns.yaml, its schema, what Dagster reads, and other files; return their paths.

    Raises
    ------
    SettingsError
        If one of the files exists; then none is written.
    """
    texts = {**fixed_texts(), **others}
    refuse_existing(folder, texts)
    for name, text in {**texts, CAMPAIGNS_FILE: campaigns}.items():
        publish_text(text, folder / name)
    return [folder / name for name in (CAMPAIGNS_FILE, *texts)]


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()

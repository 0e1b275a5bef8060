"""The files of a new project: written beside each other, and never over one that is there."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from equal_assets.errors import SettingsError
from equal_assets.init.schema import SCHEMA_FILE, campaigns_schema

CAMPAIGNS_FILE = "campaigns.yaml"
DAGSTER_FILE, WORKSPACE_FILE = "dagster.yaml", "workspace.yaml"
OWN_FILES = (CAMPAIGNS_FILE, SCHEMA_FILE, DAGSTER_FILE, WORKSPACE_FILE)


def packaged_text(name: str) -> str:
    """Return a file of a project that is the same in all: what Dagster reads."""
    folder = resources.files("equal_assets") / "init" / "project"
    return (folder / name).read_text(encoding="utf-8")


def refuse_existing(folder: Path, names: tuple[str, ...] = OWN_FILES) -> None:
    """Refuse a folder that has one of the files already.

    Raises
    ------
    SettingsError
        With the file.
    """
    for name in names:
        if (folder / name).exists():
            raise SettingsError(
                f"{folder / name} exists and `equal init` never overwrites: name another folder, "
                "or move the file away"
            )


def write_project(folder: Path, campaigns: str, others: dict[str, str]) -> list[Path]:
    """Write campaigns.yaml, its schema, what Dagster reads, and other files; return their paths.

    Raises
    ------
    SettingsError
        If one of the files exists; then none is written.
    """
    texts = {
        CAMPAIGNS_FILE: campaigns,
        SCHEMA_FILE: campaigns_schema(),
        **{name: packaged_text(name) for name in (DAGSTER_FILE, WORKSPACE_FILE)},
        **others,
    }
    refuse_existing(folder, tuple(texts))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)
    return [folder / name for name in texts]

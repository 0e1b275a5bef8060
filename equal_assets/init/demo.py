"""The demo as a project of its own: the campaigns and questions that the package holds."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from equal_assets.init.files import CAMPAIGNS_FILE, write_project

QUESTIONS = ("reference.jsonl", "test.jsonl")


def write_demo(folder: Path) -> list[Path]:
    """Write the demo's project; return the paths of its files."""
    demo = resources.files("equal_assets") / "demo"
    campaigns, *questions = (
        (demo / name).read_text(encoding="utf-8") for name in (CAMPAIGNS_FILE, *QUESTIONS)
    )
    return write_project(folder, campaigns, dict(zip(QUESTIONS, questions, strict=True)))

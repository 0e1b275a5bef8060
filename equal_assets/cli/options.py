"""Options and arguments that commands share: files to write, and names that a shell completes."""

from __future__ import annotations

from pathlib import Path

import click
import yaml

from equal_assets.errors import SettingsError
from equal_assets.settings import campaigns_file

FILE = click.Path(dir_okay=False, writable=True, resolve_path=True, path_type=Path)
"""A file to write."""


def file_to_write(_: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse, before any work, a file that cannot be written afterwards."""
    if path is None:
        return None
    if not path.parent.is_dir():
        raise click.BadParameter(f"{path}: there is no folder {path.parent}")
    if parameter.name == "plot" and path.suffix != ".png":
        raise click.BadParameter(f"{path}: must be a picture; use a name that ends in .png")
    return path


def complete_campaigns(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return the names in campaigns.yaml that a shell may complete; none where it has mistakes."""
    try:
        names = list(yaml.safe_load(campaigns_file().read_text(encoding="utf-8"))["campaigns"])
    except (SettingsError, OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        return []
    given = context.params.get(str(parameter.name)) or ()
    return [name for name in names if str(name).startswith(incomplete) and name not in given]

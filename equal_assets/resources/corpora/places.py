"""How tables and messages name the files of a corpus."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from equal_assets.errors import SettingsError
from equal_assets.settings import beginning_of, project_folder, state_folder


def base_folder() -> Path:
    """Return the folder that shown paths are relative to: that of campaigns.yaml, if any."""
    try:
        return project_folder()
    except SettingsError:
        return Path.cwd()


def scratch_folder() -> Path:
    """Return the folder for temporary files: beside the warehouse, if there is a project."""
    try:
        return state_folder() / "staging"
    except SettingsError:
        return Path(tempfile.gettempdir())


def shown_path(path: Path, base: Path) -> str:
    """Return a path for messages and tables."""
    shown = path.relative_to(base) if path.is_relative_to(base) else path
    # A file name may hold bytes that are not UTF-8, which no table stores.
    return shown.as_posix().encode("utf-8", "backslashreplace").decode("utf-8")


def below_corpus(file: str, paths: Sequence[str]) -> str:
    """Return a path from :func:`shown_path` relative to the folder of the corpus that it is in.

    Parameters
    ----------
    file : str
    paths : sequence of str
        What the corpus names: files, folders and globs, absolute.
    """
    path = base_folder() / file
    for folder in map(beginning_of, paths):
        if path == folder:
            return file_name(file)
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return file


def file_name(file: str) -> str:
    """Return the last part of a path from :func:`shown_path`."""
    return file.rpartition("/")[2]

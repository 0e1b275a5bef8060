"""How paths and globs of ``campaigns.yaml`` find files and folders; links are followed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

MAGIC = frozenset("*?[")
ANY_FOLDER = "**"


def expand_path(pattern: str, base: Path) -> Iterator[Path]:
    """Yield the files and folders that a path or glob matches, sorted.

    A part of the path that is there as it is written counts as written, with its brackets.
    """
    if os.path.exists(base / pattern):
        yield base / pattern
    elif MAGIC.intersection(pattern):
        path = base / pattern
        yield from dict.fromkeys(_expand(Path(path.anchor), path.parts[1:]))


def walk(
    folder: Path, *, unlisted: Callable[[OSError], object] | None = None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield each folder below one, itself first, with the names of folders and files in it.

    Links to folders are followed, each folder is visited once, and names are sorted. As with
    ``os.walk``, removing the name of a folder leaves it out.

    Parameters
    ----------
    folder : Path
    unlisted : callable, optional
        Given the error of a folder that cannot be listed.
    """
    seen: set[tuple[int, int]] = set()
    for place, folders, files in os.walk(folder, followlinks=True, onerror=unlisted):
        state = Path(place).stat()
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders.sort()
        yield Path(place), folders, sorted(files)


def _expand(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == ANY_FOLDER and rest:
        for place, _, _ in walk(folder):
            yield from _expand(place, rest)
    elif part == ANY_FOLDER or not MAGIC.intersection(part) or os.path.exists(folder / part):
        below = folder if part == ANY_FOLDER else folder / part
        if os.path.exists(below):
            yield from _expand(below, rest)
    else:
        for name in _names(folder):
            if fnmatchcase(name, part):
                yield from _expand(folder / name, rest)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # no folder, or none that may be listed: nothing in it matches
        return []

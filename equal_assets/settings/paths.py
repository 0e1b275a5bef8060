"""How paths and globs of ``campaigns.yaml`` find files and folders.

What a path names is followed wherever it leads; a link that is found in a folder, only within the
folders that are named, where these are given as ``roots``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

MAGIC = frozenset("*?[")
ANY_FOLDER = "**"


Roots = Sequence[Path] | None
"""Folders that links may lead to; None: anywhere."""


def expand_path(pattern: str, base: Path, *, roots: Roots = None) -> Iterator[Path]:
    """Yield the files and folders that a path or glob matches, sorted.

    A part of the path that is there as it is written counts as written, with its brackets. A link
    to a folder outside of the roots is yielded in place of what is behind it.
    """
    if os.path.exists(base / pattern):
        yield base / pattern
    elif MAGIC.intersection(pattern):
        path = base / pattern
        yield from dict.fromkeys(_expand(Path(path.anchor), path.parts[1:], roots))


def root_of(pattern: str) -> Path:
    """Return where the folder really is that an absolute path or glob begins in."""
    return Path(os.path.realpath(beginning_of(pattern)))


def beginning_of(pattern: str) -> Path:
    """Return the file or folder that an absolute path or glob begins in, as it is written."""
    root = Path(Path(pattern).anchor)
    for part in Path(pattern).parts[1:]:
        if MAGIC.intersection(part) and not os.path.exists(root / part):
            break
        root = root / part
    return root


def leads_out(path: Path, roots: Roots) -> bool:
    """Tell whether a path leads out of the roots, by a link on the way."""
    if roots is None:
        return False
    real = Path(os.path.realpath(path))
    return not any(real.is_relative_to(root) for root in roots)


def walk(
    folder: Path, *, unlisted: Callable[[OSError], object] | None = None, roots: Roots = None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield each folder below one, itself first, with the names of folders and files in it.

    Links to folders are followed, each folder is visited once, and names are sorted. As with
    ``os.walk``, removing the name of a folder leaves it out.

    Parameters
    ----------
    folder : Path
    unlisted : callable, optional
        Given the error of a folder that cannot be listed.
    roots : sequence of Path, optional
        Links that lead out of them are not followed; their names are yielded.
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
        folders[:] = [
            name
            for name in folders
            if not os.path.islink(f := Path(place, name)) or not leads_out(f, roots)
        ]


def _expand(folder: Path, parts: tuple[str, ...], roots: Roots) -> Iterator[Path]:
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == ANY_FOLDER and rest:
        for place, folders, _ in walk(folder, roots=roots):
            yield from _expand(place, rest, roots)
            links = (place / name for name in folders if os.path.islink(place / name))
            yield from (link for link in links if leads_out(link, roots))
    elif part == ANY_FOLDER or not MAGIC.intersection(part) or os.path.exists(folder / part):
        below = folder if part == ANY_FOLDER else folder / part
        if os.path.exists(below):
            yield from _expand(below, rest, roots)
    else:
        for name in _names(folder):
            if fnmatchcase(name, part):
                yield from _expand(folder / name, rest, roots)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # no folder, or none that may be listed: nothing in it matches
        return []

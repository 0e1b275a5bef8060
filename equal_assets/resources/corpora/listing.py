"""Which files of a corpus are read, and which are there but are not."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from equal_assets.errors import CorpusError
from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted.conversion import LIBRARIES
from equal_assets.resources.corpora.packed import PACKED
from equal_assets.settings import Roots, expand_path, leads_out, walk

JSON_LINES = (".jsonl", ".ndjson", ".json")
TABLES = (".csv", ".tsv")
PARQUET = (".parquet",)
TEXTS = (".txt", ".md")
MAY_BE_PACKED = (*JSON_LINES, *TABLES, *TEXTS)
SUPPORTED_SUFFIXES = (*MAY_BE_PACKED, *PARQUET, *LIBRARIES)

Skipped = dict[Path, tuple[Reason, str]]
"""Why each file is not read, and of which kind it is."""


def list_files(patterns: Iterable[str], *, roots: Roots = None) -> list[Path]:
    """Return the supported files that the paths match, each once, in a fixed order.

    Links are followed within the roots.

    Raises
    ------
    CorpusError
        If a path matches none.
    """
    found: dict[object, Path] = {}
    for pattern in patterns:
        files, skipped = _look_through(pattern, roots)
        if not files:
            n_links = sum(reason == Reason.OUTSIDE for reason, _ in skipped.values())
            raise CorpusError(
                f"corpus.paths = {pattern}: must match a supported file "
                f"({', '.join(SUPPORTED_SUFFIXES)}; {', '.join(MAY_BE_PACKED)} also with "
                f"{', '.join(PACKED)}){f'; {outside_links(n_links)}' if n_links else ''}"
            )
        for file in files:
            found.setdefault(_identity(file), file)
    return list(found.values())


def outside_links(n_links: int) -> str:
    """Say that links were not followed, and what to do if they should be."""
    return (
        f"links that lead out of the folder, and are not followed: {n_links:,}; if you trust them, "
        "name the folders that they lead to in corpus.paths, or set corpus.outside_links: true"
    )


def skipped_files(patterns: Iterable[str], *, roots: Roots = None) -> Skipped:
    """Return what the paths match and is not read; of a hidden folder the folder alone.

    What is read under another name, by a link, is not skipped.
    """
    skipped: Skipped = {}
    read: set[object] = set()
    for pattern in patterns:
        files, others = _look_through(pattern, roots)
        read.update(map(_identity, files))
        skipped |= others
    return {file: why for file, why in skipped.items() if _identity(file) not in read}


def kind(path: Path) -> str:
    """Return the ending of a file in small letters, with what it is packed in."""
    name = Path(path.name.lower())
    if name.suffix in PACKED:
        return Path(name.stem).suffix + name.suffix
    return name.suffix or "no ending"


def has_kind(path: Path, kinds: Iterable[str]) -> bool:
    """Tell whether a file is of one of some kinds, packed or not."""
    name = Path(path.name.lower())
    if name.suffix in PACKED:
        return Path(name.stem).suffix in kinds and Path(name.stem).suffix in MAY_BE_PACKED
    return name.suffix in kinds


def _look_through(pattern: str, roots: Roots) -> tuple[list[Path], Skipped]:
    files: list[Path] = []
    skipped: Skipped = {}
    for path in expand_path(pattern, Path("/"), roots=roots):
        for file, reason in _files_of(path, roots):
            if reason is None and has_kind(file, SUPPORTED_SUFFIXES):
                files.append(file)
            else:
                shown = kind(file) if reason is None else reason.value
                skipped[file] = (reason or Reason.OTHER_KIND, shown)
    return files, skipped


def _files_of(path: Path, roots: Roots) -> Iterator[tuple[Path, Reason | None]]:
    """Yield a file, or what is in a folder, with the reason where it cannot be read."""
    if leads_out(path, roots):
        yield path, Reason.OUTSIDE
        return
    if not path.is_dir():
        yield path, None if _is_file(path) else Reason.NO_FILE
        return
    unlisted: list[OSError] = []
    found: dict[Path, Reason | None] = {}
    for place, folders, names in walk(path, unlisted=unlisted.append, roots=roots):
        found |= {place / name: Reason.HIDDEN for name in folders if name.startswith(".")}
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = (place / name for name in folders if (place / name).is_symlink())
        found |= {link: Reason.OUTSIDE for link in links if leads_out(link, roots)}
        found |= {place / name: _why_not(place / name, roots) for name in names}
    found |= {Path(error.filename): Reason.NO_FILE for error in unlisted}
    yield from sorted(found.items())


def _why_not(path: Path, roots: Roots) -> Reason | None:
    if not _is_file(path):
        return Reason.NO_FILE
    if path.name.startswith("."):
        return Reason.HIDDEN
    return Reason.OUTSIDE if path.is_symlink() and leads_out(path, roots) else None


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:  # a link that leads nowhere, or around in a circle
        return False


def _identity(path: Path) -> object:
    """Return what is the same for a file under all its names, links among them."""
    try:
        state = path.stat()
    except OSError:
        return path
    return state.st_dev, state.st_ino

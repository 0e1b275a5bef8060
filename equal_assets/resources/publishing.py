"""How files reach their place: written aside, synced to disk, renamed, known by their digest.

A reader finds the earlier file or the whole new one. Where the warehouse records the digest in the
transaction that stores the rows, a file that is missing, old or cut off is seen by it.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DRAFT = ".part"
"""Begins the name of what is not in its place yet."""

COMPANIONS = ("-journal", "-wal", "-shm", ".wal")
"""End the names of what a database that is open, or was not closed, has beside its file."""


@dataclass(frozen=True)
class Seal:
    """What a published file or folder holds.

    Attributes
    ----------
    sha256 : str
        Of a folder: that of the names and digests of its files.
    n_bytes : int
    modified_ns : int
        When it was changed last, in nanoseconds since 1970; of a folder, its latest file.
    """

    sha256: str
    n_bytes: int
    modified_ns: int


@contextmanager
def publishing(out: Path) -> Iterator[Path]:
    """Yield a path beside ``out`` to write a file or folder to, which then takes its place.

    If the block fails, ``out`` stays as it was.
    """
    draft = draft_of(out)
    try:
        yield draft
        put_in_place(draft, out)
    finally:
        _remove(draft)


def publish_text(text: str, out: Path) -> None:
    """Write a text file, with line ends as they are, replacing an earlier one as a whole."""
    with publishing(out) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def draft_of(out: Path) -> Path:
    """Return an unused path beside ``out``, whose folder is there; earlier drafts are removed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f"{DRAFT}-{os.getpid()}-{out.name}")
    _remove(draft)
    for left in out.parent.glob(f"{DRAFT}-*-{out.name}*"):  # and what a database has beside it
        if not _is_running(left):
            _remove(left)
    return draft


def put_in_place(made: Path, out: Path) -> None:
    """Sync a file or folder to disk and rename it to ``out``, replacing what is there."""
    for file in (*_files(made), *_folders(made)):
        _sync(file)
    old = out.with_name(f"{DRAFT}-{os.getpid()}-old-{out.name}")
    if out.is_dir():
        os.rename(out, old)  # a folder takes the place of an empty one only
    os.replace(made, out)
    _sync(out.parent)
    _remove(old)


def seal(path: Path) -> Seal:
    """Return what a file or folder holds; every byte is read."""
    digests = {str(file.relative_to(path)): file_digest(file) for file in _files(path)}
    if path.is_file():
        sha256 = digests["."]
    else:
        listed = "".join(f"{digest} {name}\n" for name, digest in sorted(digests.items()))
        sha256 = hashlib.sha256(listed.encode()).hexdigest()
    return Seal(sha256, *_state(path))


def is_sealed(path: Path, sealed: Seal, *, whole: bool) -> bool:
    """Say whether a file or folder is there and holds what was sealed.

    Parameters
    ----------
    path : Path
    sealed : Seal
    whole : bool
        Read every byte. Otherwise what has the same size, and was not changed since, is trusted.
    """
    if not _files(path):
        return False
    n_bytes, modified_ns = _state(path)
    if n_bytes != sealed.n_bytes:
        return False
    if modified_ns == sealed.modified_ns and not whole:
        return True
    return seal(path).sha256 == sealed.sha256


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def set_aside(path: Path) -> Path:
    """Rename what cannot be used, and return its new name, which says when.

    What a database keeps beside its file goes along: it would spoil another file in its place.
    """
    name = f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    kept = next(free for free in map(path.with_name, names) if not free.exists())
    for companion in companions(path):
        os.rename(companion, kept.with_name(kept.name + companion.name.removeprefix(path.name)))
    os.rename(path, kept)
    return kept


def companions(database: Path) -> list[Path]:
    """Return what SQLite or DuckDB has left beside the file of a database."""
    beside = (database.with_name(database.name + suffix) for suffix in COMPANIONS)
    return [path for path in beside if path.exists()]


def drafts(folder: Path) -> list[Path]:
    """Return what killed processes left below a folder: drafts that never came into place."""
    return [path for path in sorted(folder.rglob(f"{DRAFT}-*")) if not _is_running(path)]


def remove_draft(draft: Path) -> None:
    """Remove what a killed process left."""
    _remove(draft)


def _is_running(draft: Path) -> bool:
    """Say whether the process that a draft is named after is there."""
    number = draft.name.removeprefix(f"{DRAFT}-").partition("-")[0]
    return number.isdigit() and (int(number) == os.getpid() or Path(f"/proc/{number}").exists())


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file())


def _folders(path: Path) -> list[Path]:
    return [path, *(p for p in path.rglob("*") if p.is_dir())] if path.is_dir() else []


def _state(path: Path) -> tuple[int, int]:
    states = [file.stat() for file in _files(path)]
    return sum(s.st_size for s in states), max((s.st_mtime_ns for s in states), default=0)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

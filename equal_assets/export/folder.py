"""The folder of an export: written aside, moved into place, never overwriting other files."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from equal_assets.errors import ExportError
from equal_assets.export.manifest import MANIFEST, SCHEMA
from equal_assets.resources.publishing import file_digest, put_in_place

STAGING = ".equal-export"
"""Where an export is written, in the folder itself, so that moving files copies none."""

PUBLISHED = frozenset({"qa_dataset.parquet", "qa_dataset.parquet.tmp", "report.html"})
"""Files that qa_dataset and `equal report` write into the default folder of an export."""

N_NAMED = 5


@contextmanager
def replaced_folder(
    out: Path, recorded: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Path]:
    """Yield an empty folder, and then replace an earlier export with its files.

    Each file is moved as a whole, the manifest last. An export that fails leaves the earlier one as
    it was; one that is killed while moving files leaves whole files of both, which the next export
    replaces.

    Parameters
    ----------
    out : Path
        Created if it is missing. Hidden files in it are left alone.
    recorded : mapping of str to str
        Digests of an earlier export's files by name, should its manifest be lost.

    Raises
    ------
    ExportError
        If ``out`` cannot be written, another export is writing it, or it holds files that no
        export wrote or that have changed since.
    """
    with _held(out):
        old = _own_files(out, recorded)
        staging = out / STAGING
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            yield staging
            _move(staging, out, old)
        except OSError as error:
            raise ExportError(f"{out} cannot be written: {error}") from error
        finally:
            shutil.rmtree(staging)


def lacking_files(out: Path, manifest_sha256: str) -> list[str]:
    """Return the files of an export that are not in its folder.

    Parameters
    ----------
    out : Path
    manifest_sha256 : str
        Of the manifest, which is written last.
    """
    if not (out / MANIFEST).is_file() or file_digest(out / MANIFEST) != manifest_sha256:
        return [MANIFEST]
    return [name for name in _listed(out / MANIFEST) if not (out / name).is_file()]


def changed_files(out: Path) -> list[str]:
    """Return the files of a whole export that do not hold what was exported."""
    listed = _listed(out / MANIFEST)
    return [name for name, digest in listed.items() if file_digest(out / name) != digest]


@contextmanager
def _held(out: Path) -> Iterator[None]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise ExportError(f"{out} cannot be the folder of an export: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.access(out, os.W_OK):
            raise ExportError(f"{out} cannot be written: name another folder with --out")
        yield
    except BlockingIOError as error:
        raise ExportError(f"another export is writing {out}: wait for it") from error
    finally:
        os.close(handle)


def _own_files(out: Path, recorded: Mapping[str, str]) -> list[str]:
    """Return the files of an earlier export.

    Raises
    ------
    ExportError
        If there are other files.
    """
    written = {name: {digest} for name, digest in recorded.items()}
    for folder in (out, out / STAGING):  # the second is left from a killed export
        for name, digest in _listed(folder / MANIFEST).items():
            written.setdefault(name, set()).add(digest)
    own, foreign, changed = [], [], []
    for name in _visible_files(out):
        if (name == MANIFEST and written) or name in PUBLISHED:
            continue
        if name not in written:
            foreign.append(name)
        elif file_digest(out / name) not in written[name]:
            changed.append(name)
        else:
            own.append(name)
    if foreign:
        raise ExportError(
            f"{out} holds files that no export wrote: {_some(foreign)}. Name a new or empty folder "
            "with --out, or move these files away; nothing was changed"
        )
    if changed:
        raise ExportError(
            f"{out} holds files that were changed since they were exported: {_some(changed)}. Name "
            "another folder with --out, or move or delete them; nothing was changed"
        )
    return own


def _listed(path: Path) -> dict[str, str]:
    """Return the digests in a manifest by file name; nothing if it is not a manifest."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        return {}
    return {name: described["sha256"] for name, described in content["files"].items()}


def _visible_files(out: Path) -> list[str]:
    found = []
    for folder, folders, names in os.walk(out):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        place = Path(folder).relative_to(out)
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        found += [(place / name).as_posix() for name in (*names, *links) if name[0] != "."]
    return sorted(found)


def _move(staging: Path, out: Path, old: list[str]) -> None:
    new = [name for name in _visible_files(staging) if name != MANIFEST]
    for name in new:
        (out / name).parent.mkdir(exist_ok=True)
        put_in_place(staging / name, out / name)
    for name in sorted(set(old) - set(new)):
        (out / name).unlink()
        folder = (out / name).parent
        if folder != out and not any(folder.iterdir()):
            folder.rmdir()
    put_in_place(staging / MANIFEST, out / MANIFEST)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else ""
    return ", ".join(names[:N_NAMED]) + more

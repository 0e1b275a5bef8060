"""What a model's files hold, by their digest: computed once for a size and a time of change."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from functools import cache
from pathlib import Path

from equal_assets.errors import SettingsError
from equal_assets.settings.places import state_folder

RECORD = "model_digests.json"
"""In the state folder: path -> size, time of change in nanoseconds, SHA-256."""

PASSED_OVER = (".git", ".cache", "README.md", "LICENSE")
"""In a model's folder: files and folders that decide nothing it says."""


def content_digest(path: Path) -> str:
    """Return the SHA-256 of a model: a file, or a folder by the names and digests of its files.

    A model that has gone keeps the digest that it had: what was made from it can still be read.

    Raises
    ------
    SettingsError
        If it has never been there.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        names = [file.relative_to(path) for file in files]
        kept = [name for name in names if not set(name.parts) & set(PASSED_OVER)]
        listed = [[str(name), content_digest(path / name)] for name in kept]
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()
    try:
        state = path.stat()
    except OSError as error:
        if (known := _recorded().get(str(path))) is not None:
            return str(known[2])
        raise SettingsError(
            f"extractor.model = {path}: must be a file that can be read "
            f"({error.strerror or type(error).__name__}); put it there, or name another"
        ) from error
    return _file_digest(path, state.st_size, state.st_mtime_ns)


@cache
def _file_digest(path: Path, size: int, modified_ns: int) -> str:
    size_, modified_ns_, known = _recorded().get(str(path), (None, None, ""))
    if (size_, modified_ns_) == (size, modified_ns):
        return str(known)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _record(path, [size, modified_ns, digest])
    return digest


def _recorded() -> dict[str, list[object]]:
    """Return the record; what cannot be read is computed again."""
    try:
        found = json.loads((state_folder() / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError, SettingsError):
        return {}
    return found if isinstance(found, dict) else {}


def _record(path: Path, entry: list[object]) -> None:
    """Remember a digest, where the state folder can be written; another process may, too."""
    with suppress(OSError, SettingsError):
        out = state_folder() / RECORD
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = out.with_name(f".part-{os.getpid()}-{out.name}")
        draft.write_text(json.dumps({**_recorded(), str(path): entry}, indent=1), encoding="utf-8")
        draft.replace(out)

"""What an error of the disk or of a database file means: what is safe, and what to do."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator

from equal_assets.errors import StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
FULL_TEXTS = (
    "no space left on device",
    "disk is full",
    "disk quota exceeded",
    "file too large",
    "os error 28",
)
REFUSED_TEXTS = (
    "permission denied",
    "read-only file system",
    "readonly database",
    "unable to open database file",
)
BROKEN_TEXTS = (
    "malformed",
    "not a database",
    "not a valid duckdb database",
    "corrupt",
    "checksum",
    "could not read enough bytes",
    "failed to deserialize",
    "invalidated because of a previous fatal error",
)
SAFE = "what was stored is safe"


def explain(error: BaseException) -> StorageError | None:
    """Return an error for people where a full disk, a locked folder or a broken file is behind one.

    The errors that it was raised from are looked at as well.
    """
    for cause in _chain(error):
        text = _text(cause)
        lower = text.lower()
        number = cause.errno if isinstance(cause, OSError) else None
        if _is_of_server(cause):
            return StorageError(
                f"Dagster's database cannot be reached ({text}); {SAFE}: start it, then "
                "`equal run` goes on from there"
            )
        if number in FULL or (_is_of_storage(cause) and _has(lower, FULL_TEXTS)):
            return StorageError(
                f"the disk is full ({text}); {SAFE}: make room, then `equal run` goes on from there"
            )
        if number == errno.EIO or (_is_of_database(cause) and "disk i/o error" in lower):
            return StorageError(
                f"the disk is full, or cannot be read or written ({text}); {SAFE}: look at its "
                "free room, and whether it is sound; then `equal run` goes on from there"
            )
        if number in REFUSED or (_is_of_database(cause) and _has(lower, REFUSED_TEXTS)):
            return StorageError(
                f"a file or its folder cannot be written ({text}); {SAFE}: give this user the "
                "right to write there, or name another folder for results in EQUAL_HOME"
            )
        if _is_of_database(cause) and _has(lower, BROKEN_TEXTS):
            return StorageError(
                f"a database file is broken ({text}); nothing was changed: `equal doctor` says "
                "which, and what to do"
            )
    return None


def _text(error: BaseException) -> str:
    """Return what an error says, in a line; SQLite names no file."""
    text = " ".join(str(error).split())
    if type(error).__module__ == "sqlite3":
        text += ", of the journal of requests, MLflow or Dagster"
    return text


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those behind it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__]


def _has(text: str, parts: tuple[str, ...]) -> bool:
    return any(part in text for part in parts)


def _is_of_database(error: BaseException) -> bool:
    """Say whether DuckDB or SQLite raised an error; neither is imported for that."""
    kinds = [
        getattr(sys.modules[module], name)
        for module, name in (("duckdb", "Error"), ("sqlite3", "Error"))
        if module in sys.modules
    ]
    return isinstance(error, tuple(kinds))


def _is_of_server(error: BaseException) -> bool:
    """Say whether PostgreSQL, which ``dagster.yaml`` can name, refused a connection or lost it."""
    return type(error).__module__.partition(".")[0] == "psycopg2"


def _is_of_storage(error: BaseException) -> bool:
    """Say whether an error can be of a disk: libraries raise their own where a file fills it."""
    module = type(error).__module__.partition(".")[0]
    return _is_of_database(error) or module in {
        "builtins",
        "polars",
        "pyarrow",
        "safetensors",
        "safetensors_rust",
        "sqlalchemy",
    }

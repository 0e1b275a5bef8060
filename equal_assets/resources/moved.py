"""An MLflow store in the project's folder follows it: MLflow keeps absolute paths of artifacts."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

STATE_FOLDER = ".equal"
"""Its usual name; the project is the folder around it."""

LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
)
"""Tables and columns in which MLflow keeps where artifacts are."""

NAMED = (("logged_model_tags", "tag_value"), ("datasets", "dataset_source"))
"""Those in which earlier versions of the project wrote absolute paths of its own."""

BUSY_SECONDS = 60.0


def root_of(state: Path) -> Path:
    """Return the folder that moves as a whole: the project around a state folder, or that alone."""
    return state.parent if state.name == STATE_FOLDER else state


def follow(database: Path, artifacts: Path) -> Path | None:
    """Rewrite where a store finds its artifacts, unless it has stayed where it was.

    Everything is rewritten in one transaction, for all runs and models. What lies outside of the
    folder that has moved is left as it is.

    Parameters
    ----------
    database : Path
        SQLite file of the store; need not be there.
    artifacts : Path
        Absolute; where the artifacts are now.

    Returns
    -------
    Path or None
        Where the project, or its state folder, was before; None if it has not moved.
    """
    if not database.is_file():
        return None
    moved_from = None
    with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as store:
        for old in _elsewhere(store, artifacts):
            store.execute("begin immediate")
            with store:  # commits, or rolls back
                _rewrite(store, old.parent, artifacts.parent)
            moved_from = root_of(old.parent)
    return moved_from


def _elsewhere(store: sqlite3.Connection, artifacts: Path) -> Iterator[Path]:
    """Yield the folders that experiments of the project name in place of its own."""
    known = "select 1 from sqlite_master where name = 'experiments'"
    if not store.execute(known).fetchone():
        return  # MLflow has not made its tables yet
    for (location,) in store.execute(
        "select distinct artifact_location from experiments"
    ).fetchall():
        folder = _local_path(location or "")
        if folder and folder.name == artifacts.name and folder != artifacts:
            yield folder


def _local_path(location: str) -> Path | None:
    """Return the path of a file URI, or of an absolute path."""
    if location.startswith("/"):
        return Path(location)
    parts = urlsplit(location)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _rewrite(store: sqlite3.Connection, old_state: Path, new_state: Path) -> None:
    """Put the new folder in the place of the old one, wherever a stored path begins with it."""
    old, new = root_of(old_state), root_of(new_state)
    for table, column in LOCATIONS:
        for before, after in ((old.as_uri(), new.as_uri()), (str(old), str(new))):
            store.execute(
                f"update {table} set {column} = :after || substr({column}, length(:before) + 1) "  # noqa: S608 - constants
                f"where {column} = :before or substr({column}, 1, length(:before) + 1) = "
                ":before || '/'",
                {"before": before, "after": after},
            )
    for table, column in NAMED:
        for start in ("", '{"uri": "'):
            before = f"{start}{old_state}/"
            store.execute(
                f"update {table} set {column} = :start || substr({column}, length(:before) + 1) "  # noqa: S608 - constants
                f"where substr({column}, 1, length(:before)) = :before",
                {"before": before, "start": start},
            )

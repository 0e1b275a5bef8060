"""One command at a time works on a state folder; a killed one leaves no lock behind."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from equal_assets.errors import FolderInUseError

LOCK_FILE = "command.lock"

_held: set[int] = set()


@contextmanager
def alone_in(folder: Path, command: str) -> Iterator[None]:
    """Let no other command of this kind work on a state folder until the end of the block.

    Parameters
    ----------
    folder : Path
    command : str
        As people type it.

    Raises
    ------
    FolderInUseError
        If another one does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    _held.add(file)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUseError(_who_works(folder)) from error
        _sign(file, command)
        yield
    finally:  # the system does this for a process that is killed
        _held.discard(file)
        os.close(file)


def _sign(file: int, command: str) -> None:
    """Write who works here, for the message of others."""
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    signed = {
        "command": command,
        "process": os.getpid(),
        "machine": os.uname().nodename,
        "since": since,
    }
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps(signed).encode(), 0)


def _who_works(folder: Path) -> str:
    try:
        found = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
        who = "`{command}` (PID {process} on {machine}, since {since})".format(**found)
    except (ValueError, LookupError):  # it has not signed yet
        who = "another command"
    return f"{folder} is in use by {who}: wait for it or end it, then run this again"


def _close_in_child() -> None:
    """Leave the lock to the process that has it: what it forks may outlive it."""
    for file in _held:
        os.close(file)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)

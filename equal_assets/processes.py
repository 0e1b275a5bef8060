"""Which process is this, and does another still run? No clock is asked: clocks are set and jump."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

PROC = Path("/proc")
START_FIELD = 19
"""Of /proc/PID/stat behind the name: clock ticks from the start of the machine to its own."""


def this_process() -> str:
    """Return the name of this process, ``machine pid start``; no other has it."""
    return _name(os.getpid())


@cache
def _name(pid: int) -> str:
    return f"{machine()} {pid} {_started(pid)}"


def machine() -> str:
    """Return where process ids mean the same: host, its start, and the container."""
    parts = [os.uname().nodename]
    with suppress(OSError):
        parts.append((PROC / "sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(os.readlink(PROC / "self/ns/pid").strip("pid:[]"))
    return "/".join(parts)


def is_alive(process: str) -> bool | None:
    """Say whether a process still runs; ``None`` if it is of another machine, which alone knows."""
    where, pid, started = process.rsplit(" ", 2)
    return _started(int(pid)) == started if where == machine() else None


def _started(pid: int) -> str:
    """Return when a process started: tells it from a later one with the same id."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except FileNotFoundError:
        return "gone" if PROC.joinpath("self").exists() else _started_by_clock(pid)
    except ProcessLookupError:
        return "gone"
    fields = stat.rpartition(")")[2].split()
    # killed, and not yet waited for by its parent
    return "gone" if fields[0] in "ZX" else fields[START_FIELD]


def _started_by_clock(pid: int) -> str:
    """Return the same where there is no /proc: there, the system keeps the time of the start."""
    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.NoSuchProcess:
        return "gone"

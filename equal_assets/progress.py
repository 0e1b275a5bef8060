"""How far a long step is: a log line now and then, and a bar where a terminal listens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]
Listener = Callable[[str, int, int], None]

LOG_EVERY_SECONDS = 15.0

_listeners: list[Listener] = []


@contextmanager
def listen(listener: Listener) -> Iterator[None]:
    """Send every report made in the block to ``listener(label, done, total)``."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def report(logger: logging.Logger, label: str) -> Progress:
    """Return a function that reports ``(done, total)`` of one step to log and listeners."""
    last_logged = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last_logged
        for listener in _listeners:
            listener(label, done, total)
        if time.monotonic() - last_logged >= LOG_EVERY_SECONDS:
            last_logged = time.monotonic()
            logger.info(f"{label}: {done:,} of {total:,}")

    return progress


def silent(done: int, total: int) -> None:
    """Report nothing: for steps that take a moment, or are part of one that reports."""

"""Progress of a long step: a log line now and then, and a bar if a terminal listens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

Listener = Callable[[str, int, int, str], None]
Teller = Callable[[str], None]

LOG_EVERY_SECONDS = 15.0

TOLD = "equal_told"
"""Attribute of a log record: those who listen are told the same."""

_listeners: list[Listener] = []
_tellers: list[Teller] = []


@contextmanager
def listen(listener: Listener, teller: Teller) -> Iterator[None]:
    """Send what is reported in the block to people.

    Parameters
    ----------
    listener : callable
        Called as ``listener(label, done, total, note)`` with every report of progress.
    teller : callable
        Called with every warning.
    """
    _listeners.append(listener)
    _tellers.append(teller)
    try:
        yield
    finally:
        _listeners.remove(listener)
        _tellers.remove(teller)


class Progress(Protocol):
    """Reports how much of a step is done, out of how much, with a few words on it."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report."""


def report(logger: logging.Logger, label: str) -> Progress:
    """Return a function that reports ``(done, total)`` of a step to the log and listeners."""
    last_logged = time.monotonic()

    def progress(done: int, total: int, note: str = "") -> None:
        nonlocal last_logged
        for listener in _listeners:
            listener(label, done, total, note)
        if time.monotonic() - last_logged >= LOG_EVERY_SECONDS:
            last_logged = time.monotonic()
            said = f" ({note})" if note else ""
            logger.info(f"{label}: {done:,} of {total:,}{said}", extra={TOLD: bool(_listeners)})

    return progress


def warn(logger: logging.Logger, text: str) -> None:
    """Log a warning, and tell it at once to those who listen."""
    logger.warning(text, extra={TOLD: bool(_tellers)})
    for teller in _tellers:
        teller(text)


def tell(logger: logging.Logger, text: str) -> None:
    """Tell those who listen, and the log beside; where nobody listens, the log warns."""
    level = logging.INFO if _tellers else logging.WARNING
    logger.log(level, text, extra={TOLD: bool(_tellers)})
    for teller in _tellers:
        teller(text)


def silent(done: int, total: int, note: str = "") -> None:
    """Report nothing: for steps that are quick, or part of one that reports."""

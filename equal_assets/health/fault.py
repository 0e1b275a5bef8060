"""A thing that is wrong with a store, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """Something that is wrong, in a line.

    Attributes
    ----------
    what : str
        What is wrong, and where.
    remedy : str
        What to do.
    mend : callable, optional
        Mends it, without spending, and returns what it did. Without it only people can.
    """

    what: str
    remedy: str
    mend: Callable[[], str] | None = None

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"

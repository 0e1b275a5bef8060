"""How long something takes, in words."""

from __future__ import annotations

import math

STEPS = ((1.0, "s", 120), (60.0, "min", 7_200), (3_600.0, "h", 172_800), (86_400.0, "days", 0))
"""A unit of time in seconds, its name, and below how many seconds it is used."""


def lasting(seconds: float) -> str:
    """Return a time in a unit that suits it.

    >>> lasting(0.2), lasting(40), lasting(600), lasting(10_000)
    ('under 1 s', '40 s', '10 min', '2.8 h')
    """
    if seconds < 1:
        return "under 1 s"
    unit, name = next((unit, name) for unit, name, below in STEPS if seconds < (below or math.inf))
    value = seconds / unit
    return f"{value:,.0f} {name}" if value >= 10 else f"{value:.2g} {name}"


def lasting_between(least: float, most: float) -> str:
    """Return between what a time lies.

    >>> lasting_between(1740, 2000), lasting_between(60, 10_000), lasting_between(40, 40)
    ('29 min to 33 min', '60 s to 2.8 h', '40 s')
    """
    low, high = lasting(least), lasting(most)
    return low if low == high else f"{low} to {high}"

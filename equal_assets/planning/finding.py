"""What is found of one thing that a run needs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what to do if it is missing.

    Attributes
    ----------
    is_ok : bool
        Whether a run can start as far as this goes; what it downloads itself may be missing.
    text : str
    is_to_be_fetched : bool
        Whether it can still be fetched: a package to install, a dump to download by hand.
    is_warning : bool
        Whether a run can start, but is hardly worth it.
    """

    is_ok: bool
    text: str
    is_to_be_fetched: bool = False
    is_warning: bool = False


def of_hub(what: str, name: str) -> Finding:
    """Return the finding on something that a run downloads from the hub."""
    from huggingface_hub import constants

    if constants.is_offline_mode():
        why = "is neither a folder nor in the cache, and HF_HUB_OFFLINE forbids downloads"
        return Finding(False, f"{what}: {name} {why}", is_to_be_fetched=True)
    return Finding(True, f"{what}: {name} will be downloaded from the hub")

"""equal-assets: which documents deserve LLM tokens. docs/architecture.md is the map.

`Selector`, `reward` and `deduplicate` are for programs that embed and extract by themselves;
docs/library.md shows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equal_assets.library.pairs import Repeat, deduplicate, reward
    from equal_assets.library.selector import Selector

__all__ = ["Repeat", "Selector", "deduplicate", "reward"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that a command that needs no arrays loads none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from equal_assets.library import pairs, selector

    return getattr(selector if name == "Selector" else pairs, name)

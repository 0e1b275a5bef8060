"""Mistakes in files of questions, told together."""

from __future__ import annotations

from equal_assets.errors import CorpusError

MISTAKES_SHOWN = 10


def refuse(mistakes: list[str], *, what: str = "the target's QA pairs") -> None:
    """Raise a :class:`CorpusError` that lists mistakes in files of questions, if there are any."""
    if not mistakes:
        return
    hidden = len(mistakes) - MISTAKES_SHOWN
    more = [f"and {hidden} more"] if hidden > 0 else []
    listing = "\n".join(f"  {text}" for text in [*mistakes[:MISTAKES_SHOWN], *more])
    raise CorpusError(f"{what} cannot be used:\n{listing}")

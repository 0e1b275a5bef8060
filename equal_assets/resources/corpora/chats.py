"""Conversations as text: ``messages`` of role and content, and ShareGPT's of from and value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SHAPES = (("role", "content"), ("from", "value"))
"""The fields of a turn that hold who speaks, and what is said."""


def chat_text(value: Any) -> str | None:
    r"""Return a list of turns as one text, each with its role; None if it is no such list.

    A turn in which nothing is said, such as a call of a tool, is left out.

    >>> chat_text([{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}])
    'user: Why?\n\nassistant: So.'
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not value:
        return None
    shapes = [shape for shape in SHAPES if all(_fits(turn, shape) for turn in value)]
    if not shapes:
        return None
    who, what = shapes[0]
    said = [(turn[who], _said(turn.get(what))) for turn in value]
    return "\n\n".join(f"{role}: {text}" for role, text in said if text)


def _fits(turn: Any, shape: tuple[str, str]) -> bool:
    who, what = shape
    return (
        isinstance(turn, Mapping)
        and isinstance(turn.get(who), str)
        and isinstance(turn.get(what), str | list | None)
    )


def _said(content: Any) -> str:
    """Return the text of a turn: a string, or a list of parts of which those of text count."""
    if isinstance(content, str):
        return content.strip()
    parts = [part.get("text") for part in content or () if isinstance(part, Mapping)]
    return "\n".join(part for part in parts if isinstance(part, str)).strip()

"""Conversations as text, and the shapes in which people store their turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WHO = ("role", "from", "speaker", "author")
WHAT = ("content", "value", "text")
CALLS = ("tool_calls", "function_call")
"""Fields of a turn that say who speaks, and what, in the shapes of OpenAI and ShareGPT."""


def is_chat(value: Any) -> bool:
    """Tell whether a value is a list of turns."""
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return is_list and bool(value) and all(map(_is_turn, value))


def speaker_field(turn: Mapping[str, Any]) -> str:
    """Return the field that says who speaks."""
    return next(name for name in WHO if isinstance(turn.get(name), str))


def content(turn: Mapping[str, Any]) -> Any:
    """Return what is said: text, or a list of parts; empty where a turn only calls a tool."""
    return next((turn[name] for name in WHAT if turn.get(name) is not None), "")


def chat_text(value: Any) -> str | None:
    r"""Return a list of turns as one text, each with its role; None if it is no such list.

    A turn in which nothing is said, such as a call of a tool, is left out.

    >>> chat_text([{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}])
    'user: Why?\n\nassistant: So.'
    """
    if not is_chat(value) or not all(isinstance(content(turn), str | list) for turn in value):
        return None
    said = [(turn[speaker_field(turn)], _texts(content(turn))) for turn in value]
    return "\n\n".join(f"{role}: {text}" for role, text in said if text)


def _is_turn(turn: Any) -> bool:
    if not isinstance(turn, Mapping):
        return False
    is_said = any(name in turn for name in (*WHAT, *CALLS))
    return is_said and any(isinstance(turn.get(name), str) for name in WHO)


def _texts(said: str | list[Any]) -> str:
    """Return the text of a turn: a string, or a list of parts of which those of text count."""
    if isinstance(said, str):
        return said.strip()
    parts = [part.get("text") for part in said if isinstance(part, Mapping)]
    return "\n".join(part for part in parts if isinstance(part, str)).strip()

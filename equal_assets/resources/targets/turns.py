"""Chats as pairs: the last turn is the answer, what comes before it is the question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from equal_assets.resources.corpora import chats
from equal_assets.resources.targets.values import unpacked

ROLES = {
    "system": ("system", "developer"),
    "user": ("user", "human", "prompter"),
    "assistant": ("assistant", "gpt", "chatgpt", "model", "bot", "ai"),
    "tool": ("tool", "function", "function_call", "observation", "ipython"),
}
"""Who speaks, by the names that people give."""


class Turn(NamedTuple):
    """What one speaker says; ``role`` is a key of :data:`ROLES`."""

    role: str
    text: str


def is_chat(value: Any) -> bool:
    """Tell whether a value is a list of turns, also where a table holds it as text."""
    return chats.is_chat(unpacked(value))


def turns_of(value: Any, name: str) -> list[Turn]:
    """Return the turns of a chat.

    Raises
    ------
    ValueError
        If it is no list of turns, a role is unknown, or a turn holds more than text.
    """
    if not is_chat(value):
        raise ValueError(f"{name!r} is no chat: must be a list of turns with role and content")
    return [
        Turn(_role(turn, f"{name}[{place}]"), _said(turn, f"{name}[{place}]"))
        for place, turn in enumerate(unpacked(value))
    ]


def split_chat(turns: Sequence[Turn], name: str) -> tuple[list[Turn], str]:
    """Return the turns before the last, and what is said in it.

    Raises
    ------
    ValueError
        If the last turn is not an assistant's, or no user has asked.
    """
    *before, last = turns
    if last.role != "assistant":
        raise ValueError(f"{name!r} ends with a turn of the {last.role}: must end with an answer")
    return before, last.text


def as_question(turns: Sequence[Turn], name: str, *, keep_system: bool) -> str:
    """Return turns as one text: system messages, then what was said, by role if by several.

    Raises
    ------
    ValueError
        If no user says anything.
    """
    said = [turn for turn in turns if turn.role != "system" and turn.text.strip()]
    if not any(turn.role == "user" for turn in said):
        raise ValueError(f"{name!r} holds no question: must have a turn of a user")
    system = [turn.text.strip() for turn in turns if turn.role == "system" and keep_system]
    if len(said) == 1:
        spoken = [said[0].text.strip()]
    else:
        spoken = [f"{turn.role.capitalize()}: {turn.text.strip()}" for turn in said]
    return "\n\n".join([*filter(None, system), *spoken])


def _role(turn: Mapping[str, Any], place: str) -> str:
    field = chats.speaker_field(turn)
    said = turn[field].strip().casefold()
    role = next((role for role, names in ROLES.items() if said in names), None)
    if role is None:
        known = ", ".join(name for names in ROLES.values() for name in names)
        raise ValueError(f"{place}.{field} = {turn[field]!r}: must be one of {known}")
    return role


def _said(turn: Mapping[str, Any], place: str) -> str:
    content = chats.content(turn)
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    said = [text for text in texts if isinstance(text, str)]
    if len(said) < len(texts):
        raise ValueError(f"{place} holds more than text, such as a picture: must be text")
    return "\n".join(said)

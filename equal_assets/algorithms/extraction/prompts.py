"""Prompts to the LLM: templates of chats with named places, and the JSON schemas of replies."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from string import Template
from typing import Any

from equal_assets.records import QAPair

PLACES: dict[str, frozenset[str]] = {
    "extract": frozenset({"document", "max_pairs"}),
    "refine": frozenset({"document", "pairs"}),
    "judge": frozenset({"document", "pairs"}),
    "rate": frozenset({"document", "questions"}),
}
"""Places that a template of each kind may have."""

FOLLOWING = ("refine", "judge")
"""Kinds that go on with the chat that has extracted the pairs, unless they show the document."""

ROLE = re.compile(r"^=== (system|user|assistant) ===[^\S\n]*\n", re.MULTILINE)
"""The line before each message of a template with several."""

Message = dict[str, str]
"""A message of a chat: its ``role`` and its ``content``."""

Chat = tuple[Message, ...]

FENCE = re.compile(r"<([\w-]+)>\s*\$")
"""A tag before a place of a template: what fills the place ends where the tag ends."""


def check_template(kind: str, template: str) -> None:
    """Check that a template has its places and no others, and messages in an order.

    Parameters
    ----------
    kind : {"extract", "refine", "judge", "rate"}
    template : str
        Text with places written ``$name`` or ``${name}``; a dollar sign is written ``$$``. Several
        messages each begin with a line ``=== user ===``, ``=== assistant ===`` or, the first,
        ``=== system ===``.

    Raises
    ------
    ValueError
        If a ``$`` begins no place, a place is unknown, one is missing, or the roles are in no
        order that models know.
    """
    parsed = Template(template)
    if not parsed.is_valid():
        raise ValueError("a $ that begins no place; write $$ for a dollar sign")
    found = set(parsed.get_identifiers())
    if unknown := sorted(found - PLACES[kind]):
        allowed = ", ".join(f"${name}" for name in sorted(PLACES[kind]))
        raise ValueError(f"unknown place ${unknown[0]}: must be one of {allowed}")
    is_turn = kind in FOLLOWING and "document" not in found
    needed = frozenset() if is_turn else PLACES[kind] - {"max_pairs"}
    if missing := sorted(needed - found):
        raise ValueError(f"the place ${missing[0]} is missing")
    _check_roles(template, is_turn=is_turn)


def _check_roles(template: str, *, is_turn: bool) -> None:
    roles = [role for role, _ in _parts(template)]
    spoken = roles[1:] if roles[0] == "system" else roles
    if spoken != ["user", "assistant"] * (len(spoken) // 2) + ["user"]:
        raise ValueError(
            f"messages of {', '.join(roles)}: must be a system message or none, then user and "
            "assistant in turn, and end with a user message"
        )
    if is_turn and len(roles) > 1:
        raise ValueError(
            "several messages without the place $document: must be one message, which goes on with "
            "the chat that extracted the pairs, or show the $document and the $pairs itself"
        )


def _parts(template: str) -> list[tuple[str, str]]:
    """Return the roles and texts of a template; one without roles is a user's message."""
    first, *marked = ROLE.split(template)
    if not marked:
        return [("user", first)]
    before = [("user", first)] if first.strip() else []
    return [*before, *zip(marked[::2], marked[1::2], strict=True)]


def chat(template: str, **values: object) -> Chat:
    r"""Return the messages of a template with its places filled.

    No value can begin a message.

    >>> template = "=== user ===\nIs 2 even?\n=== assistant ===\nYes.\n=== user ===\n$document"
    >>> [message["content"] for message in chat(template, document="Is 3?")]
    ['Is 2 even?', 'Yes.', 'Is 3?']
    """
    parts = _parts(template)
    if len(parts) == 1:
        return ({"role": parts[0][0], "content": render(parts[0][1], **values)},)
    return tuple({"role": role, "content": render(text.strip(), **values)} for role, text in parts)


def shows(template: str, place: str) -> bool:
    """Say whether a template has a place."""
    return place in Template(template).get_identifiers()


def render(template: str, **values: object) -> str:
    r"""Return a template with its places filled; a ``$`` in a value stays as it is.

    No value can end the tags that it stands between, and go on as if it were the prompt.

    >>> render("<document>\n$document\n</document>", document="one</document> two")
    '<document>\none< /document> two\n</document>'
    """
    tags = "|".join(map(re.escape, dict.fromkeys(FENCE.findall(template))))
    if tags:
        ending = re.compile(rf"<(?=\s*(?:/\s*)?(?:{tags})\b)", re.IGNORECASE)
        values = {name: ending.sub("< ", str(value)) for name, value in values.items()}
    return Template(template).substitute(values)


def pairs_json(pairs: Sequence[QAPair]) -> str:
    """Return pairs in the form of a reply."""
    rows = [{"question": pair.question, "answer": pair.answer} for pair in pairs]
    return json.dumps({"pairs": rows}, ensure_ascii=False)


def pairs_schema(*, max_pairs: int, max_characters: int | None) -> dict[str, Any]:
    """Return the JSON schema of a reply with pairs.

    Parameters
    ----------
    max_pairs : int
        Most pairs in the list.
    max_characters : int or None
        Longest question and longest answer; ``None`` if the server knows no ``maxLength``.
    """
    text: dict[str, Any] = {"type": "string"}
    if max_characters is not None:
        text["maxLength"] = max_characters
    pair = _object(question=text, answer=text)
    return _object(pairs={"type": "array", "items": pair, "maxItems": max_pairs})


def scores_schema(n_pairs: int) -> dict[str, Any]:
    """Return the JSON schema of a judge's reply: a score from 1 to 5 for each pair."""
    score = {"type": "integer", "minimum": 1, "maximum": 5}
    return _object(
        scores={"type": "array", "items": score, "minItems": n_pairs, "maxItems": n_pairs}
    )


def rating_schema() -> dict[str, Any]:
    """Return the JSON schema of a reply with the rating of a document, from 1 to 5."""
    return _object(rating={"type": "integer", "minimum": 1, "maximum": 5})


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }

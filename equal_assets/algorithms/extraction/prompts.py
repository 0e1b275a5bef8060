"""Prompts to the LLM: templates with named places, and the JSON schemas of replies."""

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
"""Places that a template of each kind may have; all but ``max_pairs`` are required."""


FENCE = re.compile(r"<([\w-]+)>\s*\$")
"""A tag before a place of a template: what fills the place ends where the tag ends."""


def check_template(kind: str, template: str) -> None:
    """Check that a template has its places and no others.

    Parameters
    ----------
    kind : {"extract", "refine", "judge", "rate"}
    template : str
        Text with places written ``$name`` or ``${name}``; a dollar sign is written ``$$``.

    Raises
    ------
    ValueError
        If a ``$`` begins no place, a place is unknown, or one is missing.
    """
    parsed = Template(template)
    if not parsed.is_valid():
        raise ValueError("a $ that begins no place; write $$ for a dollar sign")
    found = set(parsed.get_identifiers())
    if unknown := sorted(found - PLACES[kind]):
        allowed = ", ".join(f"${name}" for name in sorted(PLACES[kind]))
        raise ValueError(f"unknown place ${unknown[0]}: must be one of {allowed}")
    if missing := sorted(PLACES[kind] - found - {"max_pairs"}):
        raise ValueError(f"the place ${missing[0]} is missing")


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

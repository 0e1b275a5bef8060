"""What stands in the bodies that servers send: texts and counts, in whatever form they put them."""

from __future__ import annotations

import json
import re
from typing import Any

THOUGHTS = ("thinking", "reasoning", "redacted_thinking", "reasoning_content")
"""Types of the parts of a content that are no part of the reply."""

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
HALVES = re.compile("[\ud800-\udfff]")
MOST_TOKENS = 10**12
"""A larger count is none."""


def read_json(text: str) -> Any:
    """Return the value that a text states as JSON; ``None`` if it is none."""
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None


def content_text(content: Any) -> str:
    """Return the text of a content: a string, parts of a text, or JSON that is already read."""
    match content:
        case None:
            return ""
        case str():
            return content
        case {"text": str(text)}:
            return text
        case list() if all(isinstance(part, str) or _is_part(part) for part in content):
            return "".join(_part(part) for part in content)
        case _:
            return json.dumps(content, ensure_ascii=False)


def storable(text: str) -> str:
    """Return a text without halves of characters, which JSON can name and no file can hold."""
    return HALVES.sub("\ufffd", text)


def _is_part(part: Any) -> bool:
    return isinstance(part, dict) and ("type" in part or "text" in part)


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    text = part.get("text")
    if isinstance(text, dict):
        text = text.get("value")
    return text if isinstance(text, str) and part.get("type") not in THOUGHTS else ""


def tokens_of(usage: Any) -> tuple[int | None, int | None]:
    """Return the tokens read and written, as numbers or numerals; ``None`` if it is not said."""
    stated = usage if isinstance(usage, dict) else {}
    read = count_of(stated.get("prompt_tokens", stated.get("input_tokens")))
    written = count_of(stated.get("completion_tokens", stated.get("output_tokens")))
    total = count_of(stated.get("total_tokens"))
    if total is not None and read is not None and written is None:
        written = max(0, total - read)
    elif total is not None and written is not None and read is None:
        read = max(0, total - written)
    return read, written


def count_of(stated: Any) -> int | None:
    """Return a count, as a number or a numeral; ``None`` if it is none."""
    if isinstance(stated, bool) or not isinstance(stated, (int, float, str)):
        return None
    try:
        count = float(stated)
    except (ValueError, OverflowError):
        return None
    return int(count) if 0 <= count <= MOST_TOKENS and count.is_integer() else None

"""The front matter of Markdown: what site generators read before the text."""

from __future__ import annotations

import re
from typing import Any

import yaml

FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
MOST_CHARACTERS = 1 << 16
"""Of front matter; more is a text between two rules."""

KEYS = {
    "title": ("title",),
    "author": ("author", "authors"),
    "license": ("license",),
    "url": ("url", "canonical_url"),
}


def split_front_matter(text: str) -> tuple[dict[str, str | None], str]:
    r"""Return title, author, license and URL as the front matter states them, and the text below.

    >>> split_front_matter("---\ntitle: Rings\n---\nA ring.")
    ({'title': 'Rings', 'author': None, 'license': None, 'url': None}, 'A ring.')
    """
    found = FRONT_MATTER.match(text, 0, MOST_CHARACTERS)
    try:
        values = yaml.load(found[1], Loader=_Loader) if found else None
        given = values if isinstance(values, dict) else None
        stated = {} if given is None else {name: _first(given, KEYS[name]) for name in KEYS}
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):  # an odd date, depth
        stated = {}
    if found is None or not stated:  # a rule, and text up to the next
        return {}, text
    return stated, text[found.end() :]


class _Loader(yaml.SafeLoader):
    """Reads YAML that repeats nothing: an alias in an alias grows without bound as text."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("front matter with an alias")
        return super().compose_node(parent, index)


def _first(values: dict[str, object], keys: tuple[str, ...]) -> str | None:
    given = next((values[key] for key in keys if values.get(key)), None)
    if isinstance(given, list):
        return ", ".join(str(value) for value in given)
    return str(given) if given else None

"""The front matter of Markdown: what site generators read before the text."""

from __future__ import annotations

import re

import yaml

FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
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
    found = FRONT_MATTER.match(text)
    try:
        values = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError:
        values = None
    if found is None or not isinstance(values, dict):  # a rule, and text up to the next
        return {}, text
    stated = {name: _first(values, keys) for name, keys in KEYS.items()}
    return stated, text[found.end() :]


def _first(values: dict[str, object], keys: tuple[str, ...]) -> str | None:
    given = next((values[key] for key in keys if values.get(key)), None)
    if isinstance(given, list):
        return ", ".join(str(value) for value in given)
    return str(given) if given else None

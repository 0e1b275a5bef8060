"""Looking at the fields of JSONL, Parquet and CSV rows: which of them holds the document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.chats import chat_text
from equal_assets.resources.corpora.files import has_rows, read_rows
from equal_assets.resources.corpora.listing import list_files
from equal_assets.settings import root_of

SAMPLE_ROWS, SAMPLE_FILES = 20, 3
TEXT_FIELDS = ("text", "content", "body", "document", "markdown", "article", "page_content")
URL_FIELDS = ("url", "link", "source_url", "permalink")
LICENSE_FIELDS = ("license", "licence")


@dataclass(frozen=True)
class Fields:
    """What the rows of JSONL, Parquet and CSV files hold; empty where there are no such files.

    Attributes
    ----------
    names : tuple of str
    lengths : dict of str to float
        Mean characters of each field that holds text.
    """

    names: tuple[str, ...]
    lengths: dict[str, float]

    def text(self) -> str | None:
        """Return the field that is most likely the document: by its name, else the longest."""
        named = [name for name in TEXT_FIELDS if name in self.lengths]
        return named[0] if named else max(self.lengths, key=self.lengths.__getitem__, default=None)

    def mapping(self, text_field: str | None) -> dict[str, str]:
        """Return the keys of `corpus` that say which field holds what."""
        keys = {} if text_field is None else {"text_field": text_field}
        for key, known in (("url_field", URL_FIELDS), ("license_field", LICENSE_FIELDS)):
            if found := [name for name in known if name in self.names]:
                keys[key] = found[0]
        return keys


def look_at_fields(paths: Sequence[str]) -> Fields:
    """Return the fields of the first rows of the first tables."""
    rows: list[dict[str, Any]] = []
    tables = [f for f in list_files(paths, roots=[*map(root_of, paths)]) if has_rows(f)]
    for file in tables[:SAMPLE_FILES]:
        found = islice(read_rows(file, file.name), SAMPLE_ROWS)
        rows += [item[1] for item in found if not isinstance(item, RejectedRow)]
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    texts = {name: list(filter(None, (_text(row.get(name)) for row in rows))) for name in names}
    lengths = {name: sum(map(len, held)) / len(held) for name, held in texts.items() if held}
    return Fields(names, lengths)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else chat_text(value)

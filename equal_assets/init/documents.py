"""Which files a folder of documents holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from equal_assets.resources.corpora.files import list_files

MARKDOWN = ".md"


def formats(paths: Sequence[str]) -> dict[str, int]:
    """Return the files that absolute paths and globs lead to, counted by ending.

    Raises
    ------
    CorpusError
        If a path leads to no file of a format that is read.
    """
    counted = Counter(
        "".join(file.suffixes[-2:]) if _is_packed(file) else file.suffix
        for file in list_files(paths)
    )
    return dict(counted.most_common())


def holds_markdown(counted: Iterable[str]) -> bool:
    """Tell whether there are files that `split: headings` cuts and `auto` leaves whole."""
    return MARKDOWN in counted


def _is_packed(file: Path) -> bool:
    return file.suffix.lower() in (".gz", ".zst")

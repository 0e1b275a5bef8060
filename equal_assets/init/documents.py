"""Which files a folder of documents holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from equal_assets.resources.corpora.listing import kind, list_files
from equal_assets.settings import root_of

MARKDOWN = ".md"


def formats(paths: Sequence[str]) -> dict[str, int]:
    """Return the files that absolute paths and globs lead to, counted by ending.

    Raises
    ------
    CorpusError
        If a path leads to no file of a format that is read.
    """
    counted = Counter(kind(file) for file in list_files(paths, roots=[*map(root_of, paths)]))
    return dict(counted.most_common())


def holds_markdown(counted: Iterable[str]) -> bool:
    """Tell whether there are files that `split: headings` cuts and `auto` leaves whole."""
    return MARKDOWN in counted

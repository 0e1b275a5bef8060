"""What `equal check` sees of a corpus: its files by kind, and a document of each that it opens."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from equal_assets.errors import CorpusError
from equal_assets.records import Document, RejectedRow
from equal_assets.resources.corpora import Reason, read_corpus
from equal_assets.resources.corpora.candidates import SKIPPED, excerpt
from equal_assets.resources.corpora.listing import (
    PARQUET,
    TABLES,
    Skipped,
    has_kind,
    kind,
    list_files,
    outside_links,
    skipped_files,
)
from equal_assets.settings import CorpusSettings, FilesSettings

LOOKED_INTO = 20
"""Files that are no tables, from the first to the last; one more of each other kind."""

ROWS_OF_A_FILE = 1_000
"""Without a document, after which the next file is looked into."""

LOOKED_AT_SECONDS = 20.0
SHOWN_CHARACTERS, SHOWN_FILES = 60, 3

ADVICE = {
    Reason.MISSING_TEXT: ("text_field", "name the field that holds the document"),
    Reason.TEXT_NOT_A_STRING: ("text_field", "name a field of text; b in an object a is a.b"),
    Reason.INVALID_UTF8: ("encoding", "save it as UTF-8, or name what it is encoded in"),
    Reason.UNDER_MIN_CHARACTERS: ("min_characters", "lower it"),
    Reason.OVER_MAX_CHARACTERS: ("max_characters", "raise it"),
}
"""By the reason: the key of the corpus to look at, and what to do about it."""

MEND = ("paths", "mend the file, or take it out of the corpus")


@dataclass(frozen=True)
class _Look:
    """What the first rows of a file gave: a document, or only rejected rows."""

    document: Document | None
    rejected: list[RejectedRow]


def look_at_corpus(corpus: CorpusSettings) -> str:
    """Read a document of a corpus, or of some of its files, and say what was found.

    Raises
    ------
    CorpusError
        If nothing that was looked at gives a document; the message says what the most frequent
        reason is, where, and what to do.
    """
    if not isinstance(corpus, FilesSettings):
        look = _look(read_corpus(corpus))
        return f"{corpus.source}: {_shown(_document_of([look], corpus))}"
    files, skipped = list_files(corpus.paths, roots=corpus.roots), _skipped(corpus)
    looks = list(_look_into(_chosen(files), corpus))
    first = _document_of(looks, corpus)
    parts = [f"files found: {len(files) + len(skipped):,}"]
    if n_links := sum(reason == Reason.OUTSIDE for reason, _ in skipped.values()):
        parts.append(outside_links(n_links))
    if skipped:
        kinds = _counted(name for _, name in skipped.values())
        parts.append(f"skipped: {len(skipped):,} ({kinds})")
    parts.append(f"opened: {len(looks):,}; {_shown(first)}")
    if without := [look.rejected[0] for look in looks if not look.document and look.rejected]:
        told = "; ".join(map(_told, without[:SHOWN_FILES]))
        parts[-1] += f"; without a document at the beginning: {len(without):,} ({told})"
    return ", ".join(parts)


def _skipped(corpus: FilesSettings) -> Skipped:
    return skipped_files(corpus.paths, roots=corpus.roots)


def _chosen(files: Sequence[Path]) -> Iterable[Path]:
    """Return the files to open: one of each kind, some from the first to the last, all tables.

    A table that lacks a mapped field ends a run; a row that lacks one is only rejected.
    """
    of_each_kind = {kind(file): file for file in reversed(files)}
    chosen = {*of_each_kind.values(), *files[:: -(-len(files) // LOOKED_INTO)]}
    tables = (file for file in files if has_kind(file, (*TABLES, *PARQUET)))
    return dict.fromkeys([*(file for file in files if file in chosen), *tables])


def _look_into(files: Iterable[Path], corpus: FilesSettings) -> Iterator[_Look]:
    deadline = time.monotonic() + LOOKED_AT_SECONDS
    for file in files:
        alone = corpus.model_copy(update={"paths": [str(file)]})
        yield _look(read_corpus(alone))
        if time.monotonic() > deadline:
            return


def _look(items: Iterable[Document | RejectedRow]) -> _Look:
    rejected: list[RejectedRow] = []
    for item in islice(items, ROWS_OF_A_FILE):
        if isinstance(item, Document):
            return _Look(item, rejected)
        rejected.append(item)
    return _Look(None, [row for row in rejected if row.reason not in SKIPPED])


def _document_of(looks: Sequence[_Look], corpus: CorpusSettings) -> Document:
    found = [look.document for look in looks if look.document]
    if found:
        return found[0]
    rejected = [row for look in looks for row in look.rejected]
    if not rejected:
        raise CorpusError(f"corpus.source = {corpus.source}: must hold documents; it is empty")
    reason = Counter(row.reason for row in rejected).most_common(1)[0][0]
    first = next(row for row in rejected if row.reason == reason)
    key, advice = ADVICE.get(Reason(reason), MEND)
    value = first.file if key == "paths" else getattr(corpus, key, None)
    counts = _counted(row.reason for row in rejected)
    raise CorpusError(
        f"corpus.{key} = {value}: must give documents; no row that was looked at can be used "
        f"({counts}). {_told(first)}: {advice}"
    )


def _counted(things: Iterable[str]) -> str:
    return ", ".join(f"{name}: {n:,}" for name, n in Counter(things).most_common())


def _told(row: RejectedRow) -> str:
    return f"{row.file}:{row.row} {row.reason}, {row.excerpt}"


def _shown(document: Document) -> str:
    words = " ".join(document.text.split())
    cut = excerpt(words[:SHOWN_CHARACTERS]) + ("…" if len(words) > SHOWN_CHARACTERS else "")
    place = f"{document.file}:{document.row}"
    page = document.page
    of_page = f", chunk {page.chunk:,} of page {page.page_id}" if page else ""
    return f"first document {place}{of_page}, {len(document.text):,} characters: {cut}"

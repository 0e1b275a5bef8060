"""Looking at documents: formats, fields, lengths, languages, and the pairs laid out in them."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any

from equal_assets.algorithms.extraction.laid_out import extract_pairs
from equal_assets.algorithms.extraction.quality import language
from equal_assets.errors import CorpusError
from equal_assets.records import Document, RejectedRow
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.corpora.chats import chat_text
from equal_assets.resources.corpora.files import has_rows, read_rows
from equal_assets.resources.corpora.listing import kind, list_files
from equal_assets.settings import FilesSettings

LOOKED_AT_SECONDS = 30.0
"""Reading stops then: a converted PDF takes a second, and a corpus may have millions."""

SAMPLE_DOCUMENTS, SAMPLE_ROWS, SAMPLE_FILES = 50, 20, 3
MAX_PAIRS = 20
MARKDOWN = ".md"

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

    names: tuple[str, ...] = ()
    lengths: dict[str, float] | None = None

    def text(self) -> str | None:
        """Return the field that is most likely the document: by its name, else the longest."""
        lengths = self.lengths or {}
        named = [name for name in TEXT_FIELDS if name in lengths]
        return named[0] if named else max(lengths, key=lengths.__getitem__, default=None)

    def mapping(self, text_field: str | None) -> dict[str, str]:
        """Return the keys of `corpus` that say which field holds what."""
        keys = {} if text_field is None else {"text_field": text_field}
        for key, known in (("url_field", URL_FIELDS), ("license_field", LICENSE_FIELDS)):
            if found := [name for name in known if name in self.names]:
                keys[key] = found[0]
        return keys


@dataclass(frozen=True)
class Documents:
    """What was found in documents.

    Attributes
    ----------
    formats : dict of str to int
        Files by ending.
    n_documents : int
        Different texts that can be used.
    is_whole : bool
        Whether all files were read, and not only what :data:`LOOKED_AT_SECONDS` allowed.
    characters : float
        Median length.
    rejected, languages : dict of str to int
        Rows by reason; documents of the sample by language.
    n_sampled, n_with_pairs, n_pairs : int
        Documents in which the structural extractor looked, those in which it found pairs, and the
        pairs.
    """

    formats: dict[str, int]
    n_documents: int
    is_whole: bool
    characters: float
    rejected: dict[str, int]
    languages: dict[str, int]
    n_sampled: int
    n_with_pairs: int
    n_pairs: int


def formats(paths: Sequence[str]) -> dict[str, int]:
    """Return the files that absolute paths and globs lead to, counted by ending.

    Raises
    ------
    CorpusError
        If a path leads to no file of a format that is read.
    """
    counted = Counter(kind(file) for file in list_files(paths))
    return dict(counted.most_common())


def look_at_fields(paths: Sequence[str]) -> Fields:
    """Return the fields of the first rows of the first tables."""
    rows: list[dict[str, Any]] = []
    tables = [file for file in list_files(paths) if has_rows(file)]
    for file in tables[:SAMPLE_FILES]:
        found = islice(read_rows(file, file.name), SAMPLE_ROWS)
        rows += [item[1] for item in found if not isinstance(item, RejectedRow)]
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    texts = {name: list(filter(None, (_text(row.get(name)) for row in rows))) for name in names}
    lengths = {name: sum(map(len, held)) / len(held) for name, held in texts.items() if held}
    return Fields(names, lengths)


def look_at_documents(corpus: FilesSettings, *, seconds: float = LOOKED_AT_SECONDS) -> Documents:
    """Read documents for a while, and look closer at a random sample of them.

    Raises
    ------
    CorpusError
        If no document can be used; the message counts the reasons.
    """
    deadline = time.monotonic() + seconds
    rng = random.Random(0)
    rejected, lengths = Counter[str](), dict[str, int]()
    sample: list[Document] = []
    is_whole = True
    for item in read_corpus(corpus):
        if isinstance(item, RejectedRow):
            rejected[item.reason] += 1
        elif item.content_hash not in lengths:
            lengths[item.content_hash] = len(item.text)
            _keep(sample, item, n_seen=len(lengths), rng=rng)
        if time.monotonic() > deadline:
            is_whole = False
            break
    if not lengths:
        reasons = ", ".join(f"{reason}: {n:,}" for reason, n in rejected.most_common())
        raise CorpusError(
            f"corpus.paths = {', '.join(corpus.paths)}: must hold usable documents; rejected by "
            f"reason: {reasons or 'none, the files are empty'}"
        )
    found = [len(extract_pairs(document.text, max_pairs=MAX_PAIRS)) for document in sample]
    languages = Counter(language(document.text) or "uncertain" for document in sample)
    return Documents(
        formats=formats(corpus.paths),
        n_documents=len(lengths),
        is_whole=is_whole,
        characters=median(lengths.values()),
        rejected=dict(rejected.most_common()),
        languages=dict(languages.most_common()),
        n_sampled=len(sample),
        n_with_pairs=sum(n > 0 for n in found),
        n_pairs=sum(found),
    )


def holds_markdown(counted: Iterable[str]) -> bool:
    """Tell whether there are files that `split: headings` cuts and `auto` leaves whole."""
    return MARKDOWN in counted


def _keep(sample: list[Document], document: Document, *, n_seen: int, rng: random.Random) -> None:
    """Add a document to a uniform sample of all that were seen."""
    if len(sample) < SAMPLE_DOCUMENTS:
        sample.append(document)
    elif (place := rng.randrange(n_seen)) < SAMPLE_DOCUMENTS:
        sample[place] = document


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else chat_text(value)

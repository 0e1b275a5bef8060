"""Turns the readers' output into documents and rejected rows.

Readers yield candidates and rejected rows; one function turns a candidate into a document or, by
the text policy of the settings, into a rejected row. A document longer than ``chunk_characters`` is
cut into several. A bad row never stops the stream; a table without a mapped field does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from equal_assets.records import Document, RejectedRow, content_hash
from equal_assets.resources.corpora.candidates import (
    Candidate,
    Reason,
    is_unicode,
    reject,
    without_nul,
)
from equal_assets.resources.corpora.cutting import cut_page
from equal_assets.resources.corpora.docstrings import read_installed_packages
from equal_assets.resources.corpora.files import read_files
from equal_assets.resources.corpora.hub import read_hub
from equal_assets.resources.corpora.stack_exchange.reader import read_stack_exchange
from equal_assets.settings import (
    CorpusSettings,
    FilesSettings,
    HubDatasetSettings,
    InstalledPackagesSettings,
    StackExchangeSettings,
    TextPolicySettings,
)

if TYPE_CHECKING:
    from equal_assets.resources.engine.engine import Engine


def read_corpus(
    corpus: CorpusSettings, engine: Engine | None = None
) -> Iterator[Document | RejectedRow]:
    """Stream the documents of a corpus, and the rows that cannot be used.

    Memory is bounded by a batch of rows, a line or a file of text. Duplicates are kept, and
    ``max_documents`` is not applied. The order is the same on every run.

    Parameters
    ----------
    corpus : CorpusSettings
        The section of the settings.
    engine : Engine, optional
        Converts files such as PDF; by default, a child of this process does.

    Yields
    ------
    Document or RejectedRow
        ``RejectedRow.reason`` is a value of :class:`Reason`.

    Raises
    ------
    CorpusError
        On iteration, if a path matches no supported file, a table lacks a mapped field, a package
        is not installed, or a data set cannot be loaded.
    """
    for item in _read_candidates(corpus, engine):
        if isinstance(item, RejectedRow):
            yield item
        else:
            yield from _documents(item, corpus)


def _documents(
    candidate: Candidate, policy: TextPolicySettings
) -> Iterator[Document | RejectedRow]:
    """Yield the document that a candidate is, or its chunks, or why there is none."""
    read = _apply_text_policy(candidate, policy)
    longest = policy.chunk_characters
    if isinstance(read, RejectedRow) or candidate.is_cut or longest is None:
        yield read
    else:
        yield from cut_page(read, max_characters=longest, has_id=candidate.document_id is not None)


def _apply_text_policy(candidate: Candidate, policy: TextPolicySettings) -> Document | RejectedRow:
    candidate = _without_nul(candidate)
    text = candidate.text
    reason = _text_rejection(text, candidate, policy)
    if reason is not None:
        return reject(candidate.file, candidate.row, reason, text)
    return Document(
        document_id=candidate.document_id or content_hash(text)[:16],
        text=text,
        source=candidate.source,
        file=candidate.file,
        row=candidate.row,
        url=candidate.url,
        license=candidate.license,
        metadata=candidate.metadata,
        qa_pairs=candidate.qa_pairs,
        page=candidate.page,
    )


def _without_nul(candidate: Candidate) -> Candidate:
    """Return a candidate that can be stored; zeros around a text are what a crash leaves."""
    text = without_nul(candidate.text.strip("\0").strip())
    rest = (candidate.document_id, candidate.url, candidate.license)
    held = (*rest, *candidate.metadata.values())
    if not any("\0" in value for value in held if value):
        return replace(candidate, text=text)
    document_id, url, license_ = (value and without_nul(value) for value in rest)
    return replace(
        candidate,
        text=text,
        document_id=document_id,
        url=url,
        license=license_,
        metadata={name: without_nul(value) for name, value in candidate.metadata.items()},
    )


def _text_rejection(text: str, candidate: Candidate, policy: TextPolicySettings) -> Reason | None:
    fields = (candidate.document_id, candidate.url, candidate.license)
    if not is_unicode(
        text,
        *(value for value in fields if value is not None),
        *candidate.metadata.values(),
        *(pair.text for pair in candidate.qa_pairs),
    ):
        return Reason.INVALID_UTF8
    if not text:
        return Reason.EMPTY_TEXT
    if len(text) < policy.min_characters:
        return Reason.UNDER_MIN_CHARACTERS
    if policy.too_long == "reject" and len(text) > policy.max_characters:
        return Reason.OVER_MAX_CHARACTERS
    return None


def _read_candidates(
    corpus: CorpusSettings, engine: Engine | None
) -> Iterator[Candidate | RejectedRow]:
    match corpus:
        case InstalledPackagesSettings():
            return read_installed_packages(corpus)
        case FilesSettings():
            return read_files(corpus, engine)
        case HubDatasetSettings():
            return read_hub(corpus)
        case StackExchangeSettings():
            return read_stack_exchange(corpus)

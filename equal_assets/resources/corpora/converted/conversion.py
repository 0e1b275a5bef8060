"""Reads PDF, HTML, DOCX, EPUB and the like: converted to Markdown in a child process, split.

An unknown file can hang its parser or fill the memory. The child has an address-space limit; if a
file takes too long, it is killed and replaced.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equal_assets.algorithms.markdown_sections import Section, split_at_headings
from equal_assets.errors import CorpusError, MissingExtraError
from equal_assets.extras import install_command
from equal_assets.records import Page, RejectedRow, content_hash
from equal_assets.resources.answering_child import AnsweringChild, NoAnswerError
from equal_assets.resources.corpora.candidates import Candidate, Reason, reject
from equal_assets.resources.corpora.places import file_name
from equal_assets.settings import FilesSettings

LIBRARIES = {
    ".pdf": "pdfplumber",
    ".html": "markdownify",
    ".htm": "markdownify",
    ".xhtml": "markdownify",
    ".docx": "mammoth",
    ".epub": "markdownify",
    ".ipynb": "json",  # of the standard library
    ".rst": "docutils",
    ".tex": "pylatexenc",
    ".xml": "markdownify",
}
"""The package that reads the files of a suffix; all are in the extra ``files``."""


class Converter:
    """Converts one file after another; a context manager, which ends the child process.

    Parameters
    ----------
    seconds : float
        For one file, > 0.
    memory_mb : int
        Address space of the child process.

    Raises
    ------
    CorpusError
        From :meth:`convert`, if the process does not start.
    """

    def __init__(self, *, seconds: float, memory_mb: int) -> None:
        self.child = AnsweringChild(
            "equal_assets.resources.corpora.converted.conversion_child",
            seconds=seconds,
            memory_mb=memory_mb,
            failure=CorpusError(
                "the process that converts files did not start with corpus.file_memory_mb = "
                f"{memory_mb}; its message is above"
            ),
        )

    def __enter__(self) -> Converter:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.end()

    def convert(self, path: Path) -> dict[str, Any]:
        """Return the fields of :class:`Converted`, or ``reason`` and ``detail`` of a rejection."""
        try:
            return dict(self.child.ask(str(path)))
        except NoAnswerError as error:
            if error.status is None:
                detail = f"more than {self.child.seconds:g} seconds"
                return _rejection(Reason.CONVERSION_TOO_SLOW, detail)
            detail = f"the converter ended with status {error.status}"
            return _rejection(Reason.FILE_BEYOND_BOUNDS, detail)


def _rejection(reason: Reason, detail: str) -> dict[str, Any]:
    return {"reason": reason.value, "detail": detail}


def read_converted(
    path: Path, file: str, corpus: FilesSettings, converter: Converter
) -> Iterator[Candidate | RejectedRow]:
    """Yield the sections of a file, numbered from 1, or the reason why there are none.

    Raises
    ------
    MissingExtraError
        If the library that reads such files is not installed.
    """
    library = LIBRARIES[path.suffix.lower()]
    if importlib.util.find_spec(library) is None:
        raise MissingExtraError(
            f"{file}: {path.suffix} files are read by {library}, which is not installed: "
            f"`{install_command('files')}`"
        )
    found = converter.convert(path)
    if "reason" in found:
        yield reject(file, 1, Reason(found["reason"]), found["detail"])
        return
    pages, rejected = found.pop("pages"), found.pop("rejected")
    if not any(text.strip() for _, text in pages):
        detail = (
            f"pages: {len(pages)}" if path.suffix.lower() == ".pdf" else "nothing is written in it"
        )
        unreadable = [
            (reason, of) for _, reason, of in rejected if reason != Reason.NO_TEXT_IN_FILE
        ]
        reason, of_page = unreadable[0] if unreadable else (Reason.NO_TEXT_IN_FILE, "")
        yield reject(file, 1, Reason(reason), ", ".join(part for part in (detail, of_page) if part))
        return
    for page, reason, detail in rejected:
        yield reject(file, page, Reason(reason), detail)
    yield from sections_of(pages, file, corpus, stated=found, at_headings=corpus.split != "none")


def sections_of(
    pages: list[tuple[int | None, str]],
    file: str,
    corpus: FilesSettings,
    *,
    stated: dict[str, str | None],
    at_headings: bool,
) -> Iterator[Candidate]:
    """Yield the documents that a text is split into; ``stated`` is the metadata of the file."""
    whole = Section((), "\n".join(text for _, text in pages))
    length = min(corpus.section_characters, corpus.chunk_characters or corpus.section_characters)
    sections = split_at_headings(pages, max_characters=length) if at_headings else [whole]
    digest = content_hash(whole.text)
    title, author = stated.get("title"), stated.get("author")
    for row, section in enumerate(sections, start=1):
        path = section.path if title in (None, *section.path[:1]) else (title, *section.path)
        heading = " > ".join(str(part) for part in path)
        metadata = {"title": title, "author": author, "section": " > ".join(section.path)}
        page = "" if section.page is None else str(section.page)
        yield Candidate(
            source=file_name(file),
            file=file,
            row=row,
            text=f"{heading}\n\n{section.text}" if at_headings else section.text,
            url=stated.get("url"),
            license=stated.get("license") or corpus.license,
            metadata={name: value for name, value in {**metadata, "page": page}.items() if value},
            page=Page(digest[:16], digest, row) if len(sections) > 1 else None,
            is_cut=at_headings,
        )

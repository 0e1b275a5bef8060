"""Reads PDF, HTML, DOCX, EPUB and the like: converted to Markdown in a child process, split.

An unknown file can hang its parser or fill the memory. The child has an address-space limit; if a
file takes too long, it is killed and replaced.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equal_assets.algorithms.markdown_sections import Section, split_at_headings
from equal_assets.errors import CorpusError, MissingExtraError
from equal_assets.extras import install_command
from equal_assets.records import Page, RejectedRow, content_hash
from equal_assets.resources.answering_child import AnsweringChild, NoAnswerError
from equal_assets.resources.corpora.candidates import Candidate, Reason, reject
from equal_assets.resources.corpora.places import file_name
from equal_assets.settings import FilesSettings

if TYPE_CHECKING:
    from equal_assets.resources.engine.engine import Engine

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

MOST_CONTENT_BYTES = 1 << 26
"""Of a file that is handed over: two for each processor of the cluster are in memory at once."""


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


@dataclass(frozen=True)
class FileContent:
    """A file that is converted where its folder is not seen.

    Attributes
    ----------
    name : str
        Without its folder.
    content : bytes
    """

    name: str
    content: bytes


@dataclass(frozen=True)
class ConvertContent:
    """Converts a file by its content; may be done by any process.

    Attributes
    ----------
    seconds : float
    memory_mb : int
        As of :class:`Converter`.
    """

    seconds: float
    memory_mb: int

    def __call__(self, file: FileContent | dict[str, Any]) -> dict[str, Any]:
        """Return what :meth:`Converter.convert` does; what is converted already stays as it is."""
        if isinstance(file, dict):
            return file
        suffix = Path(file.name).suffix
        check_library(suffix, file.name)
        with tempfile.TemporaryDirectory(prefix="equal-assets-") as folder:
            copy = Path(folder) / f"file{suffix}"
            copy.write_bytes(file.content)
            return _converter(self.seconds, self.memory_mb).convert(copy)


@cache
def _converter(seconds: float, memory_mb: int) -> Converter:
    """Return the converter of this process, whose child ends with it."""
    return Converter(seconds=seconds, memory_mb=memory_mb)


def conversions(
    paths: Iterable[Path], corpus: FilesSettings, engine: Engine | None
) -> Generator[dict[str, Any], None, None]:
    """Yield what :meth:`Converter.convert` makes of each file, in order.

    Parameters
    ----------
    paths : iterable of Path
        Of kinds in :data:`LIBRARIES`.
    corpus : FilesSettings
    engine : Engine or None
        Converts them; None: one after the other, when it is asked for.
    """
    seconds, memory_mb = corpus.file_seconds, corpus.file_memory_mb
    with Converter(seconds=seconds, memory_mb=memory_mb) as converter:
        if engine is None or not engine.is_elsewhere:
            yield from map(converter.convert, paths)
        else:
            contents = (_content_of(path, converter) for path in paths)
            yield from engine.map(ConvertContent(seconds, memory_mb), contents)


def _content_of(path: Path, converter: Converter) -> FileContent | dict[str, Any]:
    """Return a file to be handed over; what cannot be, or is too large, is converted here."""
    try:
        if path.is_file() and path.stat().st_size <= MOST_CONTENT_BYTES:
            return FileContent(path.name, path.read_bytes())
    except OSError:
        pass  # the child says what is wrong with it
    return converter.convert(path)


def check_library(suffix: str, file: str) -> None:
    """Raise ``MissingExtraError`` if the library that reads such files is not installed."""
    library = LIBRARIES[suffix.lower()]
    if importlib.util.find_spec(library) is None:
        raise MissingExtraError(
            f"{file}: {suffix} files are read by {library}, which is not installed: "
            f"`{install_command('files')}`"
        )


def read_converted(
    path: Path, file: str, corpus: FilesSettings, converted: Iterator[dict[str, Any]]
) -> Iterator[Candidate | RejectedRow]:
    """Yield the sections of a file, numbered from 1, or the reason why there are none.

    Parameters
    ----------
    path : Path
    file : str
        Its name for people.
    corpus : FilesSettings
    converted : iterator of dict
        The next one is the file's; see :func:`conversions`.

    Raises
    ------
    MissingExtraError
        If the library that reads such files is not installed.
    """
    check_library(path.suffix, file)
    found = next(converted)
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

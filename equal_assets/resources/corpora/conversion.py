"""Reads PDF, HTML, DOCX and EPUB: converted to Markdown in a child process, split at headings.

A file from anywhere can hang or fill the memory of what parses it. The child has an address-space
limit, is killed where a file takes too long, and another takes its place.
"""

from __future__ import annotations

import importlib.util
import json
import selectors
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equal_assets.algorithms.markdown_sections import Section, split_at_headings
from equal_assets.errors import CorpusError
from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.candidates import Candidate, Reason, reject
from equal_assets.resources.corpora.places import file_name
from equal_assets.settings import Files

LIBRARIES = {
    ".pdf": "pdfplumber",
    ".html": "markdownify",
    ".htm": "markdownify",
    ".xhtml": "markdownify",
    ".docx": "mammoth",
    ".epub": "markdownify",
}
"""What reads the files of a suffix; all are in the extra ``files``."""

ROOT = Path(__file__).parents[3]
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from equal_assets.resources.corpora.conversion_child import main; "
    "main(float(sys.argv[2]), int(sys.argv[3]))"
)
START_SECONDS = 60  # of a busy machine


class Converter:
    """Converts one file after another; a context manager, which ends the child process.

    Parameters
    ----------
    seconds : float
        For one file, > 0.
    memory_mb : int
        Address space of the child process.
    """

    def __init__(self, *, seconds: float, memory_mb: int) -> None:
        self.seconds = seconds
        self.memory_mb = memory_mb
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Converter:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def convert(self, path: Path) -> dict[str, Any]:
        """Return the fields of :class:`Converted`, or ``reason`` and ``detail`` of a rejection."""
        process = self.process or self._start()
        assert process.stdin is not None
        process.stdin.write(json.dumps(str(path)).encode() + b"\n")
        process.stdin.flush()
        line = self._line(self.seconds)
        if line:
            return dict(json.loads(line))
        status = process.poll()
        self._end()
        if status is None:
            return _rejection(Reason.CONVERSION_TOO_SLOW, f"more than {self.seconds:g} seconds")
        detail = f"the converter ended with status {status}"
        return _rejection(Reason.FILE_BEYOND_BOUNDS, detail)

    def _start(self) -> subprocess.Popen[bytes]:
        arguments = [str(ROOT), str(self.seconds), str(self.memory_mb)]
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", START, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._line(START_SECONDS) != b"ready\n":
            self._end()
            raise CorpusError(
                "the process that converts files did not start with corpus.file_memory_mb = "
                f"{self.memory_mb}; its message stands above"
            )
        return self.process

    def _line(self, seconds: float) -> bytes:
        """Return the next line of the process; empty if it dies, or says none in time."""
        assert self.process is not None
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            return self.process.stdout.readline() if selector.select(seconds) else b""

    def _end(self) -> None:
        if self.process is not None:
            with self.process as process:
                process.kill()
            self.process = None


def _rejection(reason: Reason, detail: str) -> dict[str, Any]:
    return {"reason": reason.value, "detail": detail}


def read_converted(
    path: Path, file: str, corpus: Files, converter: Converter
) -> Iterator[Candidate | RejectedRow]:
    """Yield the sections of a file, each with its number from 1, or why there are none.

    Raises
    ------
    CorpusError
        If the library that reads such files is not installed.
    """
    library = LIBRARIES[path.suffix.lower()]
    if importlib.util.find_spec(library) is None:
        raise CorpusError(
            f"{file}: {path.suffix} files are read by {library}, which is not installed: "
            "`pip install 'equal-assets[files]'`"
        )
    found = converter.convert(path)
    if "reason" in found:
        yield reject(file, 1, Reason(found["reason"]), found["detail"])
        return
    pages = found.pop("pages")
    if not any(text.strip() for _, text in pages):
        detail = (
            f"pages: {len(pages)}" if path.suffix.lower() == ".pdf" else "nothing is written in it"
        )
        yield reject(file, 1, Reason.NO_TEXT_IN_FILE, detail)
        return
    yield from sections_of(pages, file, corpus, stated=found, at_headings=corpus.split != "none")


def sections_of(
    pages: list[tuple[int | None, str]],
    file: str,
    corpus: Files,
    *,
    stated: dict[str, str | None],
    at_headings: bool,
) -> Iterator[Candidate]:
    """Yield the documents that a text is split into; ``stated`` is what the file says of itself."""
    whole = Section((), "\n".join(text for _, text in pages))
    length = corpus.section_characters
    sections = split_at_headings(pages, max_characters=length) if at_headings else [whole]
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
        )

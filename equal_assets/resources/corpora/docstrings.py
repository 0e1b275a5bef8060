"""The docstrings of the installed packages."""

from __future__ import annotations

from collections.abc import Iterator

from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.candidates import Candidate, Reason, reject, unreadable
from equal_assets.resources.corpora.installed_packages import (
    Docstring,
    PythonFile,
    find_python_files,
    read_docstrings,
)
from equal_assets.settings import InstalledPackagesSettings


def read_installed_packages(corpus: InstalledPackagesSettings) -> Iterator[Candidate | RejectedRow]:
    """Yield the docstrings of packages, in the order of their files."""
    for python_file in find_python_files(corpus.packages):
        try:
            docstrings = read_docstrings(python_file)
        except OSError as error:
            yield unreadable(python_file.file, 1, error)
        except SyntaxError as error:
            row = error.lineno or 1
            yield reject(python_file.file, row, Reason.NOT_VALID_PYTHON, error.msg)
        else:
            yield from (_document_of(docstring, python_file) for docstring in docstrings)


def _document_of(docstring: Docstring, python_file: PythonFile) -> Candidate:
    release = python_file.release
    return Candidate(
        source=f"{release.name} {release.version}",
        file=python_file.file,
        row=docstring.row,
        text=docstring.text,
        license=release.license,
        metadata={
            "package": python_file.package,
            "version": release.version,
            "module": python_file.module,
            "qualname": docstring.qualname,
            "kind": docstring.kind,
        },
    )

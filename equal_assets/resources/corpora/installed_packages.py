"""The docstrings of the installed Python packages; nothing is imported."""

from __future__ import annotations

import ast
import difflib
import gc
import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
import sysconfig
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from equal_assets.errors import CorpusError

Kind = Literal["module", "class", "function", "method"]

# Tests document themselves, not the package; a vendored copy has another version and license.
TEST_FOLDERS = {"test", "tests", "testing"}
VENDORED_FOLDERS = {"vendor", "vendored", "externals", "extern", "third_party"}
LONGEST_LICENSE = 100  # characters; some packages put the whole license text into the field

_OWN_PACKAGE = __name__.partition(".")[0]
_RECORDED_SOURCE = re.compile(r"^([^,\"\n]+\.py),", re.MULTILINE)

# A function from its first line to the last that is indented deeper; `)` may close its signature.
_FUNCTION = re.compile(
    r"^([ \t]*)(?:async[ \t]+)?def\b.*\n(?:(?:\1[ \t)\]].*|[ \t]*(?:#.*)?)\n)*", re.MULTILINE
)
# A docstring follows a colon; white space, comments, `(` and line continuations may come between.
_MAY_BE_DOCSTRING = re.compile(r":(?:[\s(\\]|#.*\n)*[rRuU]?[\"']")
_ELIDED = "_elided"

_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Release:
    """A distribution, according to its metadata.

    Attributes
    ----------
    name, version : str
        As people name it: ``scikit-learn``, ``1.9.1``; for the standard library ``Python``.
    license : str or None
        License expression, short license field or classifiers, in this order.
    """

    name: str
    version: str
    license: str | None


@dataclass(frozen=True, slots=True)
class PythonFile:
    """A source file of an installed package.

    Attributes
    ----------
    path : Path
        Where it is on this machine.
    file : str
        The same, relative to ``site-packages`` or to the standard library.
    module, package : str
        Dotted import name of the file, and its first part.
    release : Release
        The distribution that it belongs to.
    """

    path: Path
    file: str
    module: str
    package: str
    release: Release


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring and the object that it documents.

    Attributes
    ----------
    text : str
        Without common indentation and surrounding blank lines.
    row : int
        Line of the ``class`` or ``def``; 1 for a module.
    kind : {"module", "class", "function", "method"}
        What it documents.
    qualname : str
        Name inside the module, as ``__qualname__`` writes it; a module's own dotted name.
    """

    text: str
    row: int
    kind: Kind
    qualname: str


def find_python_files(
    packages: Collection[str] | None,
    *,
    search_path: Sequence[str] | None = None,
    standard_library: Path | None = None,
) -> list[PythonFile]:
    """List the source files of installed packages, in the same order on every run.

    Parameters
    ----------
    packages : collection of str or None
        Import names (``sklearn``, ``json``); ``None`` for all.
    search_path : sequence of str, optional
        Folders of installed distributions; by default ``sys.path``.
    standard_library : Path, optional
        By default that of this interpreter.

    Returns
    -------
    list of PythonFile
        Without tests, vendored copies and this project itself.

    Raises
    ------
    CorpusError
        If a name in ``packages`` has no source file here.
    """
    library = standard_library or Path(sysconfig.get_path("stdlib"))
    python = Release("Python", platform.python_version(), "PSF-2.0")
    # A file belongs to the first that claims it: the standard library shadows what comes later on
    # the search path, and some distributions (mlflow, mlflow-skinny) install the same files.
    found = dict.fromkeys(_standard_library_files(library), (library, python))
    for folder in sys.path if search_path is None else search_path:
        for release, files in _releases(folder):
            for file in files:
                found.setdefault(file, (Path(folder), release))
    listed = [
        PythonFile(folder / file, file, module, _package(file), release)
        for file, (folder, release) in found.items()
        if packages is None or _package(file) in packages
        if (module := _module_name(file)) is not None
    ]
    if packages is not None and {file.package for file in listed} < set(packages):
        _require_packages(packages, {_package(file) for file in found if _module_name(file)})
    return listed


def read_docstrings(python_file: PythonFile) -> list[Docstring]:
    """Read the docstrings of a module and of every class and function in it.

    Parameters
    ----------
    python_file : PythonFile
        The file to read.

    Returns
    -------
    list of Docstring
        In the order of their lines; an empty one has an empty text.

    Raises
    ------
    OSError
        If the file cannot be read.
    SyntaxError
        If it is not valid Python; a mistake after the last docstring of a function goes unnoticed.
    """
    content = python_file.path.read_bytes()
    try:
        source = importlib.util.decode_source(content)
        with _garbage_collector_paused():
            return _parse_docstrings(source, python_file.module)
    # The parser's other complaints: bytes that the encoding does not allow, NUL, too deep nesting.
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(f"{type(error).__name__}: {error}") from error


def _standard_library_files(library: Path) -> Iterator[str]:
    for folder, subfolders, names in os.walk(library):
        # Also leaves out site-packages and lib-dynload: no identifiers.
        subfolders[:] = sorted(n for n in subfolders if n.isidentifier() and not _is_skipped(n))
        for name in sorted(names):
            if name.endswith(".py"):
                yield (Path(folder) / name).relative_to(library).as_posix()


def named_distributions(
    path: Sequence[str] | None = None,
) -> Iterator[tuple[importlib.metadata.Distribution, importlib.metadata.PackageMetadata]]:
    """Yield the distributions with a name; an interrupted uninstall leaves others.

    Each comes with its metadata, because a distribution parses its file on every access.

    Parameters
    ----------
    path : sequence of str, optional
        Folders to look in; by default ``sys.path``.
    """
    folders = list(sys.path if path is None else path)
    for distribution in importlib.metadata.distributions(path=folders):
        # asks the files: without metadata, parsers behave differently
        files = ("METADATA", "PKG-INFO", "")
        has_metadata = any(distribution.read_text(name) for name in files)
        if has_metadata and _field(metadata := distribution.metadata, "Name"):
            yield distribution, metadata


def _releases(folder: str) -> list[tuple[Release, list[str]]]:
    """Return the distributions of a folder by name, with their source files."""
    releases = []
    for distribution, metadata in named_distributions(path=[folder]):
        release = Release(_field(metadata, "Name"), _field(metadata, "Version"), _license(metadata))
        releases.append((release, sorted(_recorded_files(distribution))))
    return sorted(releases, key=lambda item: item[0].name.lower())


def _recorded_files(distribution: importlib.metadata.Distribution) -> list[str]:
    # `distribution.files` takes 13 seconds in this project's own environment, this half a second.
    record = distribution.read_text("RECORD")
    if record is not None:
        return _RECORDED_SOURCE.findall(record)
    return [path.as_posix() for path in distribution.files or [] if path.suffix == ".py"]


def _field(metadata: importlib.metadata.PackageMetadata, name: str) -> str:
    """Return a field, or "": metadata parsers differ in what they return for a missing one."""
    return (metadata[name] or "") if name in metadata else ""


def _license(metadata: importlib.metadata.PackageMetadata) -> str | None:
    if _field(metadata, "License-Expression"):
        return _field(metadata, "License-Expression").strip()
    stated = _field(metadata, "License").strip().replace("UNKNOWN", "")
    if stated and "\n" not in stated and len(stated) <= LONGEST_LICENSE:
        return stated
    classifiers = metadata.get_all("Classifier") or []
    names = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: ")]
    return "; ".join(names) or stated[:LONGEST_LICENSE].partition("\n")[0] or None


def _module_name(file: str) -> str | None:
    """Return the import name; ``None`` if it is no module, a test, a vendored copy or ours."""
    *folders, name = file.split("/")
    if any(_is_skipped(folder) for folder in folders):
        return None
    if name.startswith("test_") or name == "conftest.py":
        return None
    parts = [*folders, name.removesuffix(".py")]
    if parts[0] == _OWN_PACKAGE or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def _package(file: str) -> str:
    """Return the import name of the package, or of the module that stands alone."""
    return file.partition("/")[0].removesuffix(".py")


def _is_skipped(folder: str) -> bool:
    return folder in TEST_FOLDERS or folder.lstrip("_") in VENDORED_FOLDERS


def _require_packages(packages: Collection[str], installed: set[str]) -> None:
    missing = [name for name in packages if name not in installed]
    if not missing:
        return
    close = difflib.get_close_matches(missing[0], sorted(installed), n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "install it, or leave it out"
    raise CorpusError(
        f"corpus.packages = {', '.join(missing)}: must be installed Python source; give import "
        f"names without dots (sklearn, not scikit-learn): {hint}"
    )


@contextmanager
def _garbage_collector_paused() -> Iterator[None]:
    # A syntax tree has no cycles, but so many objects that the collector takes a quarter of the
    # time to find none.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _parse_docstrings(source: str, module: str) -> list[Docstring]:
    # Half of all code comes after the last docstring of its function, or in a function without
    # one, and need not be parsed. Where cutting it breaks the syntax, or cut an example inside a
    # docstring, the whole file is parsed.
    try:
        docstrings = _docstrings(_parse(_FUNCTION.sub(_elide, source)), module)
    except SyntaxError:
        return _docstrings(_parse(source), module)
    if any(_ELIDED in docstring.text for docstring in docstrings):
        return _docstrings(_parse(source), module)
    return docstrings


def _elide(function: re.Match[str]) -> str:
    """Cut off what cannot be a docstring at the end of a function; lines keep their numbers."""
    text = function.group()
    quotes = max(text.rfind('"""'), text.rfind("'''"))
    if _MAY_BE_DOCSTRING.search(text, max(quotes + 3, 0)):
        return text
    if quotes < 0:
        return f"{function.group(1)}def {_ELIDED}():0" + "\n" * text.count("\n")
    line_end = text.index("\n", quotes)
    if text[line_end - 1] == "\\":
        return text
    return f"{text[:line_end]};{_ELIDED}" + "\n" * text.count("\n", line_end)


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes and the like: other people's code
        return ast.parse(source)


def _docstrings(tree: ast.Module, module: str) -> list[Docstring]:
    return [
        Docstring(text, getattr(node, "lineno", 1), kind, qualname)  # a module has no line
        for node, kind, qualname in _definitions(tree, module)
        if (text := ast.get_docstring(node)) is not None
    ]


def _definitions(tree: ast.Module, module: str) -> list[tuple[_Documented, Kind, str]]:
    """Return the nodes that can have a docstring, in the order of the lines."""
    found: list[tuple[_Documented, Kind, str]] = [(tree, "module", module)]
    # A stack, not recursion: a long `elif` chain is nested as deeply as it is long.
    blocks: list[tuple[Sequence[ast.AST], str, bool]] = [(tree.body, "", False)]
    while blocks:
        statements, prefix, in_class = blocks.pop()
        for node in statements:
            if isinstance(node, ast.ClassDef):
                found.append((node, "class", prefix + node.name))
                blocks.append((node.body, f"{prefix}{node.name}.", True))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((node, "method" if in_class else "function", prefix + node.name))
                blocks.append((node.body, f"{prefix}{node.name}.<locals>.", False))
            else:
                blocks += [(block, prefix, in_class) for block in _nested_blocks(node)]
    return [found[0], *sorted(found[1:], key=lambda item: getattr(item[0], "lineno", 0))]


def _nested_blocks(statement: ast.AST) -> Iterator[Sequence[ast.AST]]:
    for name in ("body", "orelse", "handlers", "finalbody", "cases"):
        if block := getattr(statement, name, None):
            yield block

"""Jupyter notebooks: text as it is, code in fences, outputs as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted.result import Converted, UnusableFileError

TERMINAL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
SHOWN = ("text/markdown", "text/latex", "text/plain")
"""Forms of an output, best first; pictures and widgets have no text."""


def convert_ipynb(path: Path) -> Converted:
    """Convert the cells of a notebook, in order."""
    notebook = json.loads(path.read_bytes())
    cells = _cells(notebook) if isinstance(notebook, dict) else None
    if cells is None:
        raise UnusableFileError(Reason.UNREADABLE_FILE, "not a notebook: it has no cells")
    stated = notebook.get("metadata") or {}
    language = (stated.get("language_info") or stated.get("kernelspec") or {}).get("name", "")
    authors = [author.get("name", "") for author in stated.get("authors", [])]
    parts = [part for cell in cells for part in _parts(cell, re.sub(r"\d+$", "", language))]
    return Converted(
        pages=[(None, "\n\n".join(part for part in parts if part.strip()))],
        title=stated.get("title"),
        author=", ".join(authors) or None,
    )


def _cells(notebook: dict[str, Any]) -> list[dict[str, Any]] | None:
    if "worksheets" in notebook:  # format 3
        return [cell for sheet in notebook["worksheets"] for cell in sheet["cells"]]
    return notebook.get("cells")


def _parts(cell: dict[str, Any], language: str) -> Iterator[str]:
    source = _joined(cell.get("source", cell.get("input", "")))
    match cell.get("cell_type"):
        case "heading":  # format 3
            yield f"{'#' * cell['level']} {source}"
        case "code":
            yield _fenced(source, language)
            yield from (_output(output) for output in cell.get("outputs", []))
        case _:
            yield source


def _output(output: dict[str, Any]) -> str:
    if output.get("output_type") == "stream":
        return _fenced(_joined(output.get("text", "")))
    if output.get("output_type") in ("error", "pyerr"):
        return _fenced(f"{output.get('ename')}: {output.get('evalue')}")
    forms = output.get("data", output)
    if any(name.startswith("image/") or name in ("png", "jpeg", "svg") for name in forms):
        return ""  # its text is the name of an object
    found = next((name for name in SHOWN if name in forms), None)
    text = _joined(forms[found] if found else forms.get("text", ""))
    return text if found in ("text/markdown", "text/latex") else _fenced(text)


def _joined(lines: str | list[str]) -> str:
    return lines if isinstance(lines, str) else "".join(lines)


def _fenced(text: str, language: str = "") -> str:
    text = TERMINAL.sub("", text).strip("\n")
    fence = "`" * (max(map(len, re.findall(r"`{3,}", text)), default=2) + 1)
    return f"{fence}{language}\n{text}\n{fence}" if text.strip() else ""

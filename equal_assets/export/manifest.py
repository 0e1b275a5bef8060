"""``manifest.json``: the files of an export, and what they were made from."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equal_assets.resources.publishing import file_digest

if TYPE_CHECKING:
    from equal_assets.export.contents import Contents

MANIFEST = "manifest.json"
SCHEMA = "equal-assets export 1"
"""Kind of manifest; raise the number when a key changes its meaning."""

PACKAGE = "equal-assets"


@dataclass(frozen=True)
class ManifestSplit:
    """One side of the train/validation split.

    Attributes
    ----------
    examples, documents : int
    """

    examples: int
    documents: int


def manifest(
    contents: Contents,
    folder: Path,
    *,
    splits: Mapping[str, ManifestSplit],
    rows: Mapping[str, int],
    validation: float,
) -> dict[str, Any]:
    """Return the manifest of a folder that holds everything else of an export.

    Parameters
    ----------
    contents : Contents
    folder : Path
    splits : mapping of str to Split
    rows : mapping of str to int
        Of the files that have rows.
    validation : float
        Share of the documents that were set aside.
    """
    return {
        "schema": SCHEMA,
        "campaign": contents.campaign,
        "fingerprint": contents.fingerprint,
        "settings": contents.settings,
        "assets": contents.assets,
        "changed_since": list(contents.changed),
        "validation": validation,
        "splits": {name: vars(split) for name, split in splits.items()},
        "spent": {
            key: contents.standing[key]
            for key in ("documents", "pairs", "tokens", "paid_tokens", "cost", "paid_cost")
        },
        "removed": dict(contents.removed.iter_rows()),
        "sources": contents.sources.to_dicts(),
        "files": {name: _described(folder / name, rows.get(name)) for name in _file_names(folder)},
        "environment": {"python": platform.python_version(), "packages": package_versions()},
    }


def write_json(content: Mapping[str, Any], path: Path) -> None:
    """Write a JSON file for people and programs; the same content is always the same bytes."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(f"{text}\n", encoding="utf-8", newline="\n")


def package_versions() -> dict[str, str]:
    """Return the installed versions of this package and its requirements."""
    required = importlib.metadata.requires(PACKAGE) or ()
    names = {re.split(r"[^\w.-]", text)[0] for text in required if "extra ==" not in text}
    return {name: importlib.metadata.version(name) for name in sorted({PACKAGE, *names})}


def _file_names(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def _described(path: Path, rows: int | None) -> dict[str, Any]:
    described: dict[str, Any] = {"sha256": file_digest(path), "bytes": path.stat().st_size}
    return described if rows is None else {**described, "rows": rows}

"""Which settings and files decide an asset, where that is more than sections of campaigns.yaml.

Each function is given the sections that the graph names, and returns what is fingerprinted.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from equal_assets.resources.corpora.installed_packages import named_distributions
from equal_assets.resources.verdicts import VERDICTS_FILE, Verdicts
from equal_assets.settings import (
    CHAT_TEMPLATES,
    FilesSettings,
    HuggingFaceStudentSettings,
    InstalledPackagesSettings,
    LLMExtractionSettings,
    Roots,
    Settings,
    StackExchangeSettings,
    expand_path,
    fingerprint,
    portable,
    state_folder,
    walk,
)

TASK_FILES = frozenset({".yaml", ".py", ".json", ".jsonl", ".csv", ".parquet"})
"""What a folder of lm-eval tasks is made of; not what Python caches there."""

FILES_NAMED = 1_000
"""A corpus of more files is remembered by their number, size and fingerprint."""

Sections = dict[str, Any]


def sections(read: Sections, settings: Settings, campaign: str) -> Any:
    """Return the sections as they are, and the campaign."""
    return {**read, "campaign": campaign}


def corpus(read: Sections, settings: Settings, campaign: str) -> Any:
    """Return the section, and what changes when the files may have changed."""
    return {**read, "source": source_signature(settings)}


def target(read: Sections, settings: Settings, campaign: str) -> Any:
    """Return how the target of a campaign is read, and the content of its files."""
    section = settings.targets[settings.campaigns[campaign].target]
    fields = section.reading()
    # what a preset fetches is always the same, and may not be there yet
    files = {} if section.preset else {"reference": section.reference, "test": section.test}
    return {**fields, **{name: _file_sha256(Path(path)) for name, path in files.items()}}


def rounds(read: Sections, settings: Settings, campaign: str) -> Any:
    """Return what decides the selection of a campaign, protected files by their content."""
    chosen = settings.campaign_settings(campaign)
    protected = [_file_sha256(Path(path)) for path in settings.dataset.protected]
    if not protected:
        return chosen
    field = settings.dataset.protected_field
    return {**chosen, "protected": {"field": field, "files": protected}}


def dataset(read: Sections, settings: Settings, campaign: str) -> Any:
    """Return the section, and what reviewers have said of the campaign's pairs, if anything."""
    verdicts = Verdicts(state_folder() / VERDICTS_FILE)
    said = verdicts.digest(settings.campaigns[campaign].target)
    return {**sections(read, settings, campaign), **({"verdicts": said} if said else {})}


def student(read: Sections, settings: Settings, campaign: str) -> Any:
    """Return the section, and the state of a model and a chat template that are files."""
    if not isinstance(settings.student, HuggingFaceStudentSettings):
        return sections(read, settings, campaign)
    found = {"campaign": campaign, "model": _files_signature([Path(settings.student.model)])}
    if settings.student.chat_template not in CHAT_TEMPLATES:
        found["chat_template"] = _file_sha256(Path(settings.student.chat_template))
    return {**read, **found}


def judgement(read: Sections, settings: Settings, campaign: str) -> Any:
    """Return the sections, and how answers to the target are judged."""
    target = settings.targets[settings.campaigns[campaign].target]
    judged = {"answers": target.answers, **({"decimal": target.decimal} if target.decimal else {})}
    return {**read, "campaign": campaign, **judged}


def harness(read: Sections, settings: Settings, campaign: str) -> Any:
    """Return the section, and the content of the task files that it includes."""
    found = sections(read, settings, campaign)
    if settings.evaluation.harness.include_path:
        folder = Path(settings.evaluation.harness.include_path)
        parts = sorted(part for part in folder.rglob("*") if part.suffix in TASK_FILES)
        found["files"] = [[str(part.relative_to(folder)), _file_sha256(part)] for part in parts]
    return found


def comparison(read: Sections, settings: Settings, campaign: str) -> Any:
    """Return how pools are pruned and, where a model extracts, what its FLOPs are counted by."""
    pruning = settings.dataset.pruning
    pruned = {} if pruning is None else {"pruning": pruning}
    if isinstance(settings.extractor, LLMExtractionSettings):
        return {"parameters": settings.extractor.parameters, **pruned}
    return {**sections(read, settings, campaign), **pruned}


def source_signature(settings: Settings) -> Any:
    """Return what changes when the corpus may have changed, without reading it."""
    section = settings.corpus
    if isinstance(section, InstalledPackagesSettings):
        installed = {found["Name"]: found["Version"] for _, found in named_distributions()}
        return {"Python": sys.version, **installed}
    if isinstance(section, FilesSettings):
        return _files_signature(
            [
                path
                for pattern in section.paths
                for path in expand_path(pattern, Path("/"), roots=section.roots)
            ],
            section.roots,
        )
    if isinstance(section, StackExchangeSettings):
        return _files_signature([Path(section.path)])
    return None  # a hub data set is read again only when its name or split changes


def _files_signature(paths: Iterable[Path], roots: Roots = None) -> Any:
    """Return what changes when files, including those in folders, may have changed."""
    files = sorted(f for path in paths for f in _files(path, roots) if f.is_file())
    states = {str(f): [f.stat().st_size, f.stat().st_mtime_ns] for f in files}
    if len(states) <= FILES_NAMED:
        return states
    n_bytes = sum(size for size, _ in states.values())
    return {"files": len(states), "bytes": n_bytes, "states": fingerprint(portable(states))}


def _files(path: Path, roots: Roots) -> Iterator[Path]:
    """Yield a file, or every file in a folder, those behind links that are followed among them."""
    if not path.is_dir():
        yield path
        return
    for place, _, names in walk(path, roots=roots):
        yield from (place / name for name in names)


def _file_sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()

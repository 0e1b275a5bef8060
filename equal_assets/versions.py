"""What each stored asset was made from, so that nothing is made twice and nothing stale is used.

The *inputs* of an asset are a fingerprint of the settings it obeys and of the versions of the
assets that it reads. The *version* of an asset identifies its content: that of ``documents`` is
read off the content, so that touching a file changes nothing downstream; every other asset is a
function of its inputs. Both stand in the table ``materialized``, written with the rows themselves.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from equal_assets.errors import CampaignError
from equal_assets.resources.corpora.installed_packages import named_distributions
from equal_assets.resources.warehouse import Transaction, Warehouse
from equal_assets.settings import (
    FilesSettings,
    HuggingFaceStudentSettings,
    InstalledPackagesSettings,
    LLMExtractionSettings,
    Settings,
    StackExchangeSettings,
    expand_path,
    fingerprint,
)

UPSTREAM: dict[str, tuple[str, ...]] = {
    "documents": (),
    "target_qa": (),
    "warmup_qa": ("documents",),
    "contrastive_embedder": ("documents", "warmup_qa"),
    "document_embeddings": ("documents", "contrastive_embedder"),
    "clusters": ("document_embeddings",),
    "cluster_geometry": ("clusters", "document_embeddings"),
    "bandit_round": ("documents", "contrastive_embedder", "cluster_geometry", "target_qa"),
    "reward_curve": ("bandit_round",),
    "qa_dataset": ("bandit_round", "target_qa"),
    "fine_tuned_student": ("documents", "qa_dataset"),
    "student_accuracy": ("fine_tuned_student", "target_qa"),
    "accuracy_over_budget": ("documents", "qa_dataset", "student_accuracy", "target_qa"),
    "harness_accuracy": ("fine_tuned_student",),
    "strategy_comparison": ("bandit_round", "student_accuracy", "accuracy_over_budget"),
}
"""Which stored assets each asset reads."""

SETTINGS_OF: dict[str, tuple[str, ...]] = {
    "documents": ("corpus",),
    "target_qa": ("targets",),
    "warmup_qa": ("warmup", "extractor"),
    "contrastive_embedder": ("warmup", "embedder"),
    "document_embeddings": ("embedder",),
    "clusters": ("clustering",),
    "cluster_geometry": ("clustering",),
    "bandit_round": (),
    "reward_curve": (),
    "qa_dataset": ("dataset",),
    "fine_tuned_student": ("student",),
    "student_accuracy": ("evaluation",),
    "accuracy_over_budget": ("student", "evaluation", "milestones"),
    "harness_accuracy": ("harness",),
    "strategy_comparison": (),
}
"""Which sections of the campaigns file each asset obeys, beside its own campaign."""

BY_CAMPAIGN = frozenset(
    {
        "target_qa",
        "bandit_round",
        "reward_curve",
        "qa_dataset",
        "fine_tuned_student",
        "student_accuracy",
        "accuracy_over_budget",
        "harness_accuracy",
    }
)
"""Assets with a version of their own for each campaign."""

TASK_FILES = frozenset({".yaml", ".py", ".json", ".jsonl", ".csv", ".parquet"})
"""What a folder of lm-eval tasks is made of; not what Python caches there."""

FILES_NAMED = 1_000
"""A corpus of more files is remembered by their number, size and fingerprint."""

SHOWN_CHARACTERS = 80
"""Of a value that has changed."""

Versions = dict[tuple[str, str], tuple[str, str]]


def stored_versions(warehouse: Warehouse | Transaction) -> Versions:
    """Return ``(asset, campaign or "") -> (inputs, version)`` of everything stored."""
    rows = warehouse.query("materialized").iter_rows(named=True)
    return {(row["asset"], row["partition"]): (row["inputs"], row["version"]) for row in rows}


def expected_inputs(
    asset: str, settings: Settings, stored: Versions, *, campaign: str = ""
) -> dict[str, Any]:
    """Return the inputs that an asset would be made from now.

    Raises
    ------
    CampaignError
        If an asset that it reads is not stored; the message names what to materialize.
    """
    upstream = {}
    for name in UPSTREAM[asset]:
        partitions = [campaign if name in BY_CAMPAIGN else ""]
        if asset == "strategy_comparison":
            partitions = [c for c in settings.campaigns if (name, c) in stored]
        for partition in partitions:
            if (name, partition) not in stored:
                where = f" for campaign {partition}" if partition else ""
                raise CampaignError(
                    f"{asset} reads {name}, which is not there{where}: materialize {name} first"
                )
            upstream[f"{name}:{partition}" if partition else name] = stored[name, partition][1]
    return {"upstream": upstream, "settings": _settings_of(asset, settings, campaign)}


def is_current(asset: str, settings: Settings, stored: Versions, *, campaign: str = "") -> bool:
    """Say whether an asset is stored and was made from what there is now."""
    if (asset, campaign) not in stored:
        return False
    try:
        inputs = expected_inputs(asset, settings, stored, campaign=campaign)
    except CampaignError:
        return False
    return stored[asset, campaign][0] == fingerprint(inputs)


def campaign_inputs(name: str, settings: Settings, warehouse: Warehouse) -> dict[str, Any]:
    """Return what the rounds of a campaign are made from.

    Raises
    ------
    CampaignError
        If something of it is not stored, or the campaign was started with other settings or
        inputs than there are now.
    """
    inputs = expected_inputs("bandit_round", settings, stored_versions(warehouse), campaign=name)
    start = warehouse.query("campaign_start", campaign=name)
    if start.is_empty() or start["fingerprint"].item() == fingerprint(inputs):
        return inputs
    changed = "; ".join(differences(json.loads(start["settings"].item()), inputs))
    raise CampaignError(
        f"campaign {name} was started with other settings ({changed}). Give the changed campaign "
        f"a new name, set the old values again, or start it over: equal run --restart {name}"
    )


def changes(
    asset: str, settings: Settings, warehouse: Warehouse, *, campaign: str = ""
) -> list[str]:
    """Return what has changed since a stored asset was made, each as `key: then, now`.

    Raises
    ------
    CampaignError
        If the asset or one that it reads is not stored.
    """
    made_from = warehouse.query("made_from", asset=asset, partition=campaign)
    if made_from.is_empty():
        raise CampaignError(f"{asset} is not stored: materialize it first")
    now = expected_inputs(asset, settings, stored_versions(warehouse), campaign=campaign)
    return differences(json.loads(made_from["made_from"].item()), now)


def differences(before: dict[str, Any], after: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the keys whose values differ, nested ones joined by dots, with both values.

    >>> differences({"a": {"b": 1}}, {"a": {"b": 2}})
    ['a.b: 1 then, 2 now']
    """
    found: list[str] = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key}: {_shown(old)} then, {_shown(new)} now")
    return found


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} ..."


def _settings_of(asset: str, settings: Settings, campaign: str) -> Any:
    if asset == "documents":
        corpus = settings.corpus.model_dump(mode="json")
        return {"corpus": corpus, "source": source_signature(settings)}
    if asset == "target_qa":
        target = settings.targets[settings.campaigns[campaign].target]
        fields = target.model_dump(mode="json", exclude={"reference", "test", "answers"})
        # what a preset fetches is always the same, and may not be there yet
        files = {} if target.preset else {"reference": target.reference, "test": target.test}
        return {**fields, **{name: _file_sha256(Path(path)) for name, path in files.items()}}
    if asset == "bandit_round":
        protected = [_file_sha256(Path(path)) for path in settings.dataset.protected]
        field = settings.dataset.protected_field
        read = settings.campaign_settings(campaign)
        return {**read, "protected": {"field": field, "files": protected}} if protected else read
    if asset == "strategy_comparison" and isinstance(settings.extractor, LLMExtractionSettings):
        return {"parameters": settings.extractor.parameters}
    read = {**settings.sections(*SETTINGS_OF[asset]), "campaign": campaign}
    if "evaluation" in SETTINGS_OF[asset]:
        read["answers"] = settings.targets[settings.campaigns[campaign].target].answers
    if asset == "harness_accuracy" and settings.evaluation.harness.include_path:
        folder = Path(settings.evaluation.harness.include_path)
        parts = sorted(part for part in folder.rglob("*") if part.suffix in TASK_FILES)
        read["files"] = [[str(part.relative_to(folder)), _file_sha256(part)] for part in parts]
    if asset == "fine_tuned_student" and isinstance(settings.student, HuggingFaceStudentSettings):
        read["model"] = _files_signature([Path(settings.student.model)])
    return read


def source_signature(settings: Settings) -> Any:
    """Return what changes when the corpus may have changed, without reading it."""
    corpus = settings.corpus
    if isinstance(corpus, InstalledPackagesSettings):
        installed = {found["Name"]: found["Version"] for _, found in named_distributions()}
        return {"Python": sys.version, **installed}
    if isinstance(corpus, FilesSettings):
        return _files_signature(
            [path for pattern in corpus.paths for path in expand_path(pattern, Path("/"))]
        )
    if isinstance(corpus, StackExchangeSettings):
        return _files_signature([Path(corpus.path)])
    return None  # a hub data set is read again only when its name or split changes


def _files_signature(paths: Iterable[Path]) -> Any:
    """Return what changes when files, those in folders included, may have changed."""
    files = sorted(f for path in paths for f in (path, *path.rglob("*")) if f.is_file())
    states = {str(f): [f.stat().st_size, f.stat().st_mtime_ns] for f in files}
    if len(states) <= FILES_NAMED:
        return states
    n_bytes = sum(size for size, _ in states.values())
    return {"files": len(states), "bytes": n_bytes, "states": fingerprint(states)}


def _file_sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()

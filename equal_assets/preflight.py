"""What `equal check` looks at before a run: files, models, packages, disk."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from equal_assets.errors import EqualError, ModelError
from equal_assets.resources.corpora import read_corpus
from equal_assets.resources.embedder import BUNDLED_MODEL, STATIC_MODEL, bundled_model
from equal_assets.resources.harness_tasks import check_tasks
from equal_assets.resources.targets import read_code_tests, read_target, read_weights
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import (
    Extractor,
    Harness,
    HubDataset,
    OpenAIServer,
    Settings,
    Student,
    TinyStudent,
    VLLMEngine,
    state_folder,
)

FREE_DISK_GIB = 2.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what to do where it is not there."""

    is_ok: bool
    text: str


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield what a run of these settings needs, each with whether it is there."""
    yield Finding(True, f"campaigns: {', '.join(settings.campaigns)}")
    yield _corpus(settings)
    for name, target in settings.targets.items():
        try:
            reference, test = read_target(target)
            read_weights(target)
            read_code_tests(target)
        except EqualError as error:
            yield Finding(False, f"target {name}: {error}")
        else:
            counts = f"{len(reference)} reference and {len(test)} test pairs"
            yield Finding(True, f"target {name}: {counts}")
    yield _embedder(settings)
    yield from _extractor(settings.extractor)
    yield _student(settings.student)
    yield from _harness(settings.evaluation.harness)
    yield _disk()
    yield _warehouse()


def _corpus(settings: Settings) -> Finding:
    if isinstance(settings.corpus, HubDataset) and not importlib.util.find_spec("datasets"):
        return Finding(False, "corpus: a hub data set needs `pip install 'equal-assets[hub]'`")
    try:
        first = next(iter(read_corpus(settings.corpus)), None)
    except EqualError as error:
        return Finding(False, f"corpus: {error}")
    return Finding(first is not None, f"corpus: {settings.corpus.source} can be read")


def _embedder(settings: Settings) -> Finding:
    model = settings.embedder.model
    if model in (STATIC_MODEL, BUNDLED_MODEL):
        try:
            bundled_model()
        except EqualError as error:
            return Finding(False, f"embedder: {error}")
        return Finding(True, f"embedder: {model}, weights verified")
    if Path(model).is_dir():
        has_modules = (Path(model) / "modules.json").is_file()
        return Finding(has_modules, f"embedder: folder {model}, modules.json in it")
    return Finding(True, f"embedder: {model} will be asked of the model hub")


def _extractor(settings: Extractor) -> Iterator[Finding]:
    if isinstance(settings, VLLMEngine):
        if importlib.util.find_spec("vllm") is None:
            yield Finding(False, "extractor: vllm needs `pip install 'equal-assets[vllm]'`")
        else:
            where = "is there" if Path(settings.model).is_dir() else "will be asked of the hub"
            yield Finding(True, f"extractor: vllm is installed, the model {settings.model} {where}")
    elif isinstance(settings, OpenAIServer):
        from equal_assets.resources.openai_client import check_server

        for url in settings.base_urls:
            try:
                yield Finding(True, f"extractor: {check_server(settings, url)}")
            except EqualError as error:
                yield Finding(False, f"extractor: {error}")
    else:
        yield Finding(True, f"extractor: {settings.backend} needs no model")


def _student(settings: Student) -> Finding:
    if isinstance(settings, TinyStudent):
        return Finding(True, "student: tiny is made on the spot")
    from huggingface_hub import constants

    from equal_assets.resources.huggingface_student import find_model

    is_folder = Path(settings.model).is_dir()
    try:
        folder = find_model(settings.model, settings.revision, local_only=True)
    except ModelError as error:
        if is_folder:
            return Finding(False, f"student: {error}")
        if constants.is_offline_mode():
            why = "is no folder and not in the cache, and HF_HUB_OFFLINE forbids to ask the hub"
            return Finding(False, f"student: {settings.model} {why}")
        return Finding(True, f"student: {settings.model} will be asked of the model hub")
    return Finding(True, f"student: {settings.model} is there, safetensors in {folder}")


def _harness(settings: Harness) -> Iterator[Finding]:
    if not settings.names:
        return
    try:
        check_tasks(
            settings.names,
            include_path=settings.include_path,
            allow_unsafe_code=settings.allow_unsafe_code,
        )
    except EqualError as error:
        yield Finding(False, f"evaluation.harness: {error}")
    else:
        yield Finding(True, f"evaluation.harness: lm-eval knows {', '.join(settings.names)}")


def _disk() -> Finding:
    folder = state_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    return Finding(
        free >= FREE_DISK_GIB,
        f"disk: {free:.1f} GiB free for {state_folder()}, {FREE_DISK_GIB:.0f} needed",
    )


def _warehouse() -> Finding:
    warehouse = Warehouse(database=str(state_folder() / "warehouse.duckdb"), lock_timeout_seconds=5)
    try:
        n_stored = len(warehouse.query("materialized"))
    except EqualError as error:
        return Finding(False, f"warehouse: {error}")
    return Finding(True, f"warehouse: free, {n_stored} assets and partitions stored")

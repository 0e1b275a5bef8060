"""What `equal check` looks at before a run: files, models, packages, disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from equal_assets.errors import EqualError, MissingExtraError, ModelError
from equal_assets.planning.corpus import look_at_corpus
from equal_assets.planning.engine import engine_findings
from equal_assets.planning.estimate import TokensPerDocument, tokens_per_document
from equal_assets.planning.extractor import extractor_findings
from equal_assets.planning.finding import Finding, of_hub
from equal_assets.planning.targets import look_through_target, warn_of_few_pairs
from equal_assets.resources.corpora.looking import SAMPLE_DOCUMENTS
from equal_assets.resources.corpora.places import base_folder
from equal_assets.resources.corpora.stack_exchange.reader import first_post
from equal_assets.resources.embedding.embedder import (
    BUNDLED_MODEL,
    STATIC_MODEL,
    bundled_model,
    check_weights,
)
from equal_assets.resources.embedding.question_vectors import (
    check_question_model,
    not_compared,
)
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.extraction.prose import looked_yield, stored_yield
from equal_assets.resources.harness.tasks import check_tasks
from equal_assets.resources.targets.presets import PRESETS, is_fetched
from equal_assets.resources.targets.protected import read_protected
from equal_assets.resources.targets.reading import read_target
from equal_assets.resources.tracking import build_tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import (
    DatasetSettings,
    EvaluationSettings,
    HarnessSettings,
    HubDatasetSettings,
    NoStudentSettings,
    Settings,
    StackExchangeSettings,
    StructuralSettings,
    StudentSettings,
    TargetSettings,
    TinyStudentSettings,
    state_folder,
)

FREE_DISK_GIB = 2.0


def findings(
    settings: Settings, *, is_plan: bool = False, is_free: bool = False
) -> Iterator[Finding]:
    """Yield what a run of these settings needs, each with whether it is there.

    For a plan, whose run is later or elsewhere, no hub or server is contacted. Unless ``is_free``,
    every LLM server answers one request, which is paid for.
    """
    yield Finding(True, f"campaigns: {', '.join(settings.campaigns)}")
    yield from _pairs(settings)
    yield _corpus(settings, is_plan=is_plan)
    for name, target in settings.targets.items():
        yield from _target(name, target, settings.evaluation)
    yield from _protected(settings.dataset)
    yield from _languages(settings)
    yield _embedder(settings)
    yield from extractor_findings(settings.extractor, is_plan=is_plan, is_free=is_free)
    yield from _yield(settings, is_plan=is_plan)
    yield from engine_findings(settings.engine, is_plan=is_plan)
    yield _student(settings.student)
    yield from _harness(settings.evaluation.harness)
    yield from _tracking(settings)
    yield _disk()
    yield _warehouse()


def _pairs(settings: Settings) -> Iterator[Finding]:
    """Yield what ends the campaigns that are to have so many pairs."""
    for name, campaign in settings.campaigns.items():
        if campaign.budget_pairs is None:
            continue
        caps = {
            "budget_documents": campaign.budget_documents,
            "budget_tokens": campaign.budget_tokens,
            "budget_cost": campaign.budget_cost,
        }
        stated = " or ".join(f"{key} = {cap:,}" for key, cap in caps.items() if cap is not None)
        yield Finding(
            True,
            f"campaigns.{name}: goes on until it has budget_pairs = {campaign.budget_pairs:,}, or "
            f"until {stated} is spent",
        )


def _corpus(settings: Settings, *, is_plan: bool) -> Finding:
    corpus = settings.corpus
    if isinstance(corpus, StackExchangeSettings):
        return _dump(corpus)
    if (
        is_plan
        and isinstance(corpus, HubDatasetSettings)
        and not (base_folder() / corpus.dataset).exists()
    ):
        return of_hub("corpus", f"data set {corpus.dataset}")
    try:
        return Finding(True, f"corpus: {look_at_corpus(corpus)}")
    except MissingExtraError as error:
        return Finding(False, f"corpus: {error}", is_to_be_fetched=True)
    except EqualError as error:
        return Finding(False, f"corpus: {error}")


def _dump(corpus: StackExchangeSettings) -> Finding:
    is_there = Path(corpus.path).is_file()
    try:
        first_post(corpus)
    except EqualError as error:
        is_to_come = not is_there or isinstance(error, MissingExtraError)
        return Finding(False, f"corpus: {error}", is_to_be_fetched=is_to_come)
    return Finding(True, "corpus: stack-exchange can be read")


def _target(name: str, target: TargetSettings, evaluation: EvaluationSettings) -> Iterator[Finding]:
    if target.preset and not is_fetched(target):
        sources = sorted({split.dataset for split in PRESETS[target.preset]})
        yield of_hub(f"target {name}", " and ".join(sources))
        return
    try:
        yield Finding(True, f"target {name}: {look_through_target(target, evaluation)}")
        if warning := warn_of_few_pairs(target):
            yield Finding(True, f"target {name}: {warning}", is_warning=True)
    except EqualError as error:
        yield Finding(False, f"target {name}: {error}")


def _protected(dataset: DatasetSettings) -> Iterator[Finding]:
    if not dataset.protected:
        return
    try:
        questions = read_protected(dataset)
    except EqualError as error:
        yield Finding(False, str(error))
    else:
        yield Finding(True, f"dataset.protected: {len(questions)} questions")


def _languages(settings: Settings) -> Iterator[Finding]:
    """Yield whether questions can be compared by meaning, in the languages of the targets."""
    if not settings.dataset.compares_meaning:
        return
    try:
        check_question_model(settings.dataset.question_model)
    except ModelError as error:
        yield Finding(False, str(error), is_to_be_fetched=True)
        return
    for name, target in settings.targets.items():
        try:
            reference, test = read_target(target)
        except EqualError:  # which is a finding of its own
            continue
        told = not_compared(settings.dataset, [pair.question for pair in (*reference, *test)])
        if told:
            yield Finding(True, f"dataset.question_model: target {name}: {told}")


def _embedder(settings: Settings) -> Finding:
    model = settings.embedder.model
    if model in (STATIC_MODEL, BUNDLED_MODEL):
        try:
            bundled_model()
        except EqualError as error:
            return Finding(False, f"embedder: {error}")
        return Finding(True, f"embedder: {model}, weights verified")
    if Path(model).is_dir():
        try:
            check_weights(Path(model))
        except ModelError as error:
            return Finding(False, f"embedder: {error}")
        has_modules = (Path(model) / "modules.json").is_file()
        return Finding(has_modules, f"embedder: folder {model}, modules.json in it")
    return Finding(True, f"embedder: {model} will be downloaded from the hub")


def _yield(settings: Settings, *, is_plan: bool) -> Iterator[Finding]:
    """Look whether the documents hold pairs that are laid out, where no LLM writes them."""
    if not isinstance(settings.extractor, StructuralSettings) or is_plan:
        return
    try:
        extractor = build_extractor(settings.extractor, state_folder())
        found = stored_yield(_open_warehouse(), extractor)
        where = "were extracted"
        if found.n_documents < SAMPLE_DOCUMENTS:
            found, where = looked_yield(settings.corpus, extractor), "were looked at"
    except EqualError:  # which is one of the findings
        return
    if warning := found.warning(settings.extractor):
        yield Finding(True, f"pairs: {warning}", is_warning=True)
    else:
        of_all = f"{found.n_pairs:,} in {found.n_with_pairs:,} of {found.n_documents:,}"
        yield Finding(True, f"pairs: {of_all} documents that {where}")


def _student(settings: StudentSettings) -> Finding:
    if isinstance(settings, NoStudentSettings):
        return Finding(True, "student: none; campaigns end with their data set")
    if isinstance(settings, TinyStudentSettings):
        return Finding(True, "student: tiny is built from the corpus")
    from equal_assets.resources.students.causal_lm import load_tokenizer
    from equal_assets.resources.students.huggingface import find_model
    from equal_assets.resources.students.tokens import end_tokens

    try:
        folder = find_model(settings.model, settings.revision, local_only=True)
    except ModelError as error:
        if Path(settings.model).is_dir():
            return Finding(False, f"student: {error}")
        return of_hub("student", settings.model)
    try:
        tokenizer = load_tokenizer(
            folder,
            chat_template=settings.chat_template,
            trust_remote_code=settings.trust_remote_code,
        )
        end = tokenizer.decode(end_tokens(tokenizer))
    except ModelError as error:
        return Finding(False, f"student: {error}")
    prompts = "plain prompts" if tokenizer.chat_template is None else "prompts in a chat template"
    told = f"{prompts}, answers that end with {end!r}"
    return Finding(True, f"student: {settings.model} is there, safetensors in {folder}; {told}")


def _harness(settings: HarnessSettings) -> Iterator[Finding]:
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


def _tracking(settings: Settings) -> Iterator[Finding]:
    """Look at the experiment, where a store of the project's own is there."""
    tracker = build_tracker(settings.tracking, state_folder())
    if not tracker.is_stored:
        return
    try:
        tracker.require_experiment()
    except EqualError as error:
        yield Finding(False, str(error))
    else:
        yield Finding(True, f"tracking: MLflow's experiment {tracker.experiment} takes runs")


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
    try:
        n_stored = len(_open_warehouse().query("materialized"))
    except EqualError as error:
        return Finding(False, f"warehouse: {error}")
    return Finding(True, f"warehouse: free, {n_stored} assets and partitions stored")


def corpus_as_read() -> tuple[int, int]:
    """Return documents and characters of the corpus; zero where none was read, or none can be."""
    try:
        summary = _open_warehouse().query("corpus_summary").row(0, named=True)
    except EqualError:  # which is one of the findings
        return 0, 0
    return summary["n_documents"], summary["n_characters"]


def tokens_as_measured(settings: Settings) -> TokensPerDocument | None:
    """Return what documents took from this extractor; None if too few were extracted."""
    try:
        extractor = build_extractor(settings.extractor, state_folder())
        each = tokens_per_document(settings, extractor, _open_warehouse())
    except EqualError:  # which is one of the findings
        return None
    return each if each.n_measured else None


def _open_warehouse() -> Warehouse:
    return Warehouse(database=str(state_folder() / "warehouse.duckdb"), lock_timeout_seconds=5)

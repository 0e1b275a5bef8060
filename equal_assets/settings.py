"""``campaigns.yaml``: read, validated, fingerprinted; the only place where a default lives.

Every mistake in the file is found in one reading and reported in one
:class:`~equal_assets.errors.SettingsError`, each with file, line, key, value and what is allowed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from equal_assets.errors import SettingsError

MAX_ROUNDS = 365  # rounds are the days of one calendar year: see partitions.py

Strategy = Literal[
    "equal",
    "equal-paper",
    "equal-paper-no-exploration",
    "equal-paper-no-bandit",
    "equal-authors",
    "round-robin",
    "document-similarity",
    "tsds",
    "random",
    "all",
]
CampaignName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
KeyPath = tuple[str | int, ...]


class Section(BaseModel):
    """Base of every section: unknown keys are mistakes, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class TextPolicy(Section):
    """Which texts a corpus accepts; lengths in characters."""

    min_characters: int = Field(200, ge=1, description="shorter texts are rejected")
    max_characters: int = Field(100_000, ge=100, description="what counts as too long")
    too_long: Literal["keep", "reject"] = Field(
        "keep", description="keep: embed and extract it whole; reject: set it aside with a reason"
    )
    max_documents: int | None = Field(
        None, ge=1, description="cap; a uniform sample by content hash, the same on every run"
    )

    @field_validator("max_documents")
    @classmethod
    def _remember_cap(cls, cap: int | None, info: ValidationInfo) -> int | None:
        if info.context is not None:
            info.context["max_documents"] = cap  # campaigns are validated after the corpus
        return cap


class InstalledPackages(TextPolicy):
    """The docstrings of the Python packages that are installed here; nothing is imported."""

    source: Literal["installed-packages"]
    packages: list[str] | None = Field(
        None, min_length=1, description="import names; null: every package and the standard library"
    )


class FieldMapping(TextPolicy):
    """Which field of a row holds what."""

    text_field: str = "text"
    id_field: str | None = None
    url_field: str | None = None
    license_field: str | None = None
    metadata_fields: list[str] = []
    qa_field: str | None = Field(
        None, description="list of {question, answer} that came with a row; for `replay`"
    )


class Files(FieldMapping):
    """JSONL (plain, .gz, .zst), Parquet, CSV, and folders of .txt and .md."""

    source: Literal["files"]
    paths: list[str] = Field(
        min_length=1, description="files, folders or globs, relative to campaigns.yaml"
    )

    @field_validator("paths")
    @classmethod
    def _exist(cls, paths: list[str], info: ValidationInfo) -> list[str]:
        base = _base_folder(info)
        missing = [path for path in paths if not any(expand_path(path, base))]
        if missing:
            raise ValueError(f"no file matches {', '.join(missing)} (looked in {base})")
        return [str(base / path) for path in paths]


class HubDataset(FieldMapping):
    """A data set of the Hugging Face hub, or one saved on disk (extra ``hub``)."""

    source: Literal["hub"]
    dataset: str = Field(min_length=1, description="hub id or local path")
    subset: str | None = None
    split: str = "train"


CORPUS_SOURCES = ("installed-packages", "files", "hub")
Corpus = Annotated[InstalledPackages | Files | HubDataset, Field(discriminator="source")]


class Embedder(Section):
    """The model that embeds documents and QA pairs."""

    model: str = Field(
        "static-minilm",
        min_length=1,
        description="static-minilm, all-MiniLM-L6-v2 (both offline), a folder, or a hub id",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 where the processor computes in it"
    )
    batch_size: int = Field(64, ge=1, le=4096, description="chunks per forward pass")
    chunk_overlap_tokens: int = Field(32, ge=0, description="shared by neighboring chunks")


FULL_TUNING_DEFAULTS = {
    "epochs": 2,
    "learning_rate": 1e-5,
    "batch_size": 64,
    "hard_negatives": 1,
}
"""What ``warmup.method: full`` has where the file says nothing: the paper's values for bge-base."""


class WarmUp(Section):
    """The sample whose QA pairs tune the embedder (arXiv:2505.12250, section 3.1).

    The defaults of the training keys are those of ``head``; :data:`FULL_TUNING_DEFAULTS` stand in
    for them with ``full``, and ``none`` takes no training key.
    """

    share: float = Field(0.05, gt=0, le=1, description="of the documents; paper: 0.05")
    held_out: float = Field(0.2, gt=0, lt=1, description="of the sample, to measure before/after")
    method: Literal["head", "full", "none"] = Field(
        "head",
        description="head: a linear layer over the frozen model; full: every weight, as in the "
        "paper; none: the model as it is, only measured",
    )
    epochs: int = Field(5, ge=1, le=100, description="full: 2, as in the paper")
    learning_rate: float = Field(3e-4, gt=0, le=1, description="full: 1e-5, paper for bge-base")
    temperature: float = Field(0.02, gt=0, le=1, description="paper: 0.02")
    warmup_ratio: float = Field(0.1, ge=0, le=1, description="paper: 0.1")
    batch_size: int = Field(128, ge=2, le=4096, description="pairs per step; full: 64")
    hard_negatives: int = Field(
        0, ge=0, le=15, description="mined per pair, for full alone: 1; paper: up to 15"
    )
    seed: int = Field(0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_full(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("method") == "full":
            return {**FULL_TUNING_DEFAULTS, **given}
        return given

    @model_validator(mode="after")
    def _keys_fit_method(self) -> WarmUp:
        if self.method == "head" and self.hard_negatives:
            raise ValueError(
                f"method head has no hard negatives, hard_negatives is {self.hard_negatives}: "
                "leave it out, or set method: full"
            )
        training = {"epochs", "learning_rate", "temperature", "warmup_ratio", "batch_size"}
        unused = sorted(self.model_fields_set & (training | {"hard_negatives"}))
        if self.method == "none" and unused:
            raise ValueError(f"method none trains nothing: leave out {', '.join(unused)}")
        return self


class Clustering(Section):
    """k-means over the document embeddings."""

    n_clusters: int = Field(100, ge=2, description="paper: 1000 for 1.2 to 1.4 million documents")
    neighbors: int = Field(5, ge=1, description="nearest clusters kept per cluster")
    seed: int = Field(0, ge=0)


class Extractor(Section):
    """What turns a document into QA pairs."""

    backend: Literal["structural", "replay"] = Field(
        "structural",
        description="structural: pairs laid out in the text; replay: pairs that came with it",
    )
    max_pairs: int = Field(20, ge=1, description="pairs kept per document, in document order")


class Student(Section):
    """The model that is fine-tuned on the data set: here a small Llama, made on the spot."""

    vocabulary: int = Field(2048, ge=512, le=65_536, description="byte-level BPE tokens")
    hidden_size: int = Field(128, ge=16, multiple_of=16)
    layers: int = Field(2, ge=1, le=48)
    heads: int = Field(4, ge=1, le=64)
    context_tokens: int = Field(256, ge=32, le=8192)
    pretrain_tokens: int = Field(1_000_000, ge=1000, description="corpus tokens read once")
    pretrain_learning_rate: float = Field(3e-3, gt=0, le=1)
    batch_size: int = Field(8, ge=1)
    epochs: int = Field(3, ge=1, description="of fine-tuning; paper: 2 (full fine-tuning)")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="paper: 1e-5 for 7B students")
    choices: int = Field(4, ge=2, le=26, description="per test question, the true answer included")
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _heads_divide(self) -> Student:
        if self.hidden_size % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide hidden_size ({self.hidden_size})")
        return self


class Tracking(Section):
    """Where MLflow keeps the runs."""

    uri: str | None = Field(None, description="null: a SQLite file in the state folder")
    experiment: str = Field("equal-assets", min_length=1)


class Target(Section):
    """A target task: JSONL files of QA pairs, relative to campaigns.yaml."""

    reference: str = Field(description="pairs that steer the selection")
    test: str = Field(description="pairs that only judge; selection never reads them")
    question_field: str = "question"
    answer_field: str = "answer"
    weight_field: str | None = Field(
        None, description="number above 0 in each reference row; null: all count alike"
    )

    @field_validator("reference", "test")
    @classmethod
    def _exists(cls, path: str, info: ValidationInfo) -> str:
        base = _base_folder(info)
        if not (base / path).is_file():
            raise ValueError(f"no such file (looked in {base})")
        return str(base / path)


class Equal(Section):
    """The strategy `equal`; the defaults need no tuning (docs/method.md says what each is for)."""

    temperature: float = Field(
        0.5, ge=0.05, le=5, description="kernel width, in standard deviations of the similarity"
    )
    prior_strength: float = Field(
        3.0, gt=0, le=1e9, description="predicted mass before an arm's own outcome counts half"
    )
    sharing: float = Field(
        1.0, ge=0, le=10, description="reach of what an arm teaches, in nearest-arm distances"
    )
    exploration: float = Field(
        0.25, ge=0, le=10, description="posterior standard deviations added to an arm's yield"
    )
    answer_length: float = Field(
        1.0, ge=0, le=2, description="exponent: how much short answers count less; 0: alike"
    )
    coverage: float = Field(
        1.0, ge=0, le=2, description="exponent of the diminishing return of a question"
    )


class Campaign(Section):
    """A target, a strategy and a budget."""

    target: str
    strategy: Strategy = "equal"
    budget_documents: int = Field(ge=1, description="documents asked for, never exceeded")
    documents_per_pull: int = Field(10, ge=1, description="paper: 10")
    arms_per_round: int = Field(5, ge=1, description="authors' code: 50 of 1000 arms")
    debias_reward: bool = Field(
        False, description="compare clusters with few and many pairs alike; false: the paper's"
    )
    stop_below_gain: float = Field(
        0.0,
        ge=0,
        description="`equal` only: end where a round should add less coverage per 1,000 tokens",
    )
    seed: int = Field(0, ge=0)

    @property
    def documents_per_round(self) -> int:
        """Documents that a full round asks for."""
        return self.documents_per_pull * self.arms_per_round

    @property
    def n_rounds(self) -> int:
        """Rounds until the budget is spent; the last may be smaller."""
        return math.ceil(self.budget_documents / self.documents_per_round)

    @field_validator("target")
    @classmethod
    def _known_target(cls, name: str, info: ValidationInfo) -> str:
        known = (info.context or {}).get("targets")
        if known is not None and name not in known:
            raise ValueError(f"unknown target; allowed: {', '.join(sorted(known))}")
        return name

    @field_validator("budget_documents")
    @classmethod
    def _within_corpus(cls, budget: int, info: ValidationInfo) -> int:
        cap = (info.context or {}).get("max_documents")
        if cap is not None and budget > cap:
            raise ValueError(f"more than the corpus holds; allowed: at most {cap} (max_documents)")
        return budget

    @model_validator(mode="after")
    def _gain_is_predicted(self) -> Campaign:
        if self.stop_below_gain and self.strategy != "equal":
            raise ValueError(
                f"stop_below_gain = {self.stop_below_gain}: strategy {self.strategy} predicts no "
                "gain; allowed: 0, or strategy equal"
            )
        return self

    @model_validator(mode="after")
    def _rounds_fit(self) -> Campaign:
        if self.n_rounds > MAX_ROUNDS:
            raise ValueError(
                f"needs {self.n_rounds} rounds, allowed: at most {MAX_ROUNDS}; raise "
                "documents_per_pull or arms_per_round"
            )
        return self


class Settings(Section):
    """The whole of ``campaigns.yaml``."""

    corpus: Corpus
    embedder: Embedder = Embedder()
    warmup: WarmUp = WarmUp()
    clustering: Clustering = Clustering()
    equal: Equal = Equal()
    extractor: Extractor = Extractor()
    student: Student = Student()
    tracking: Tracking = Tracking()
    targets: dict[str, Target] = Field(min_length=1)
    campaigns: dict[CampaignName, Campaign] = Field(min_length=1)

    def sections(self, *names: str) -> dict[str, Any]:
        """Return sections as plain JSON values, without what changes speed alone."""
        return self.model_dump(
            mode="json", include=set(names), exclude={"embedder": {"batch_size"}}
        )

    def campaign_settings(self, name: str) -> dict[str, Any]:
        """Return the settings that decide what a campaign selects, as plain JSON values.

        What stands in the files of corpus and target counts by its content, not by its path.
        """
        campaign = self.campaigns[name]
        own = ("equal",) if campaign.strategy == "equal" else ()
        shared = self.sections("embedder", "warmup", "clustering", "extractor", *own)
        return {**shared, "campaign": campaign.model_dump(mode="json")}


def fingerprint(value: Any) -> str:
    """Return 16 hexadecimal digits that identify a JSON value, whatever the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:16]


def project_folder() -> Path:
    """Return the folder that holds ``campaigns.yaml``: ``EQUAL_CAMPAIGNS``, or upward from here."""
    return campaigns_file().parent


def campaigns_file() -> Path:
    """Return the path of the campaigns file.

    Raises
    ------
    SettingsError
        If ``EQUAL_CAMPAIGNS`` names no file, or no folder from the current one upward has one.
    """
    named = os.environ.get("EQUAL_CAMPAIGNS")
    if named:
        if not Path(named).is_file():
            raise SettingsError(f"EQUAL_CAMPAIGNS={named}: no such file")
        return Path(named).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "campaigns.yaml").is_file():
            return folder / "campaigns.yaml"
    raise SettingsError(
        f"no campaigns.yaml in {here} or above it: run this in the project's folder, "
        "or name the file in EQUAL_CAMPAIGNS"
    )


def state_folder() -> Path:
    """Return the folder for warehouse, models and exports: ``EQUAL_HOME``, or ``.equal/``."""
    named = os.environ.get("EQUAL_HOME")
    return Path(named).resolve() if named else project_folder() / ".equal"


def expand_path(pattern: str, base: Path) -> Iterator[Path]:
    """Yield what a path or glob names, in sorted order; nothing if it names nothing."""
    path = base / pattern
    if path.exists():
        yield path
    elif any(character in pattern for character in "*?["):
        anchor = Path(path.anchor)
        yield from sorted(anchor.glob(str(path.relative_to(anchor))))


def load_settings(path: Path | None = None) -> Settings:
    """Read and validate a campaigns file.

    Parameters
    ----------
    path : Path, optional
        The file; by default what :func:`campaigns_file` finds.

    Returns
    -------
    Settings

    Raises
    ------
    SettingsError
        With every mistake: file, line, key, value, what is allowed.
    """
    path = path or campaigns_file()
    lines: dict[KeyPath, int] = {}
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        if not isinstance(node, yaml.MappingNode):
            raise SettingsError(f"{path}: expected sections (corpus, targets, campaigns)")
        mistakes = list(_index_lines(node, (), lines))
        raw = yaml.SafeLoader("").construct_document(node)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise SettingsError(f"{path} is not valid YAML: {error}") from error
    context: dict[str, Any] = {
        "base": path.resolve().parent,
        "targets": [str(t) for t in raw["targets"]]
        if isinstance(raw.get("targets"), dict)
        else None,
    }
    settings = None
    try:
        settings = Settings.model_validate(raw, context=context)
    except ValidationError as error:
        mistakes += [_describe(detail, raw, lines) for detail in error.errors()]
    if mistakes or settings is None:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}"
        listing = "\n".join(f"  {path.name}:{line}: {text}" for line, text in sorted(mistakes))
        raise SettingsError(f"{path} cannot be used: {count}\n{listing}")
    return settings


def _base_folder(info: ValidationInfo) -> Path:
    return (info.context or {}).get("base", Path.cwd())


def _index_lines(
    node: yaml.Node, prefix: KeyPath, lines: dict[KeyPath, int]
) -> Iterator[tuple[int, str]]:
    """Fill ``lines`` with the line of every key; yield a mistake for each key written twice."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*prefix, index)] = item.start_mark.line + 1
            yield from _index_lines(item, (*prefix, index), lines)
    if not isinstance(node, yaml.MappingNode):
        return
    for key_node, value_node in node.value:
        key = (*prefix, key_node.value)
        line = key_node.start_mark.line + 1
        if key in lines:
            yield line, f"{_dotted(key)} is a duplicate: first given in line {lines[key]}"
            continue
        lines[key] = line
        yield from _index_lines(value_node, key, lines)


def _describe(detail: Any, raw: Any, lines: dict[KeyPath, int]) -> tuple[int, str]:
    """Turn one pydantic error into line and text."""
    location = [part for part in detail["loc"] if part != "[key]"]
    key: KeyPath = ()
    for part in location:
        if key == ("corpus",) and part in CORPUS_SOURCES and part not in raw["corpus"]:
            continue  # pydantic names the variant; the file does not
        key = (*key, part)
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        key = ("corpus", "source")
    line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 1)
    if detail["type"] == "missing":
        return line, f"{_dotted(key)} is missing"
    if detail["type"] == "extra_forbidden":
        allowed = ", ".join(_allowed_keys(key[:-1], raw))
        return line, f"{_dotted(key)} is not a known key; allowed: {allowed}"
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        found = raw["corpus"].get("source") if isinstance(raw["corpus"], dict) else raw["corpus"]
        allowed = ", ".join(repr(source) for source in CORPUS_SOURCES)
        return line, f"corpus.source = {found!r} is not allowed; allowed: {allowed}"
    if detail["type"] == "string_pattern_mismatch":
        return line, f"{_dotted(key)}: a name is lowercase letters, digits, '.', '_' and '-'"
    problem = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    value = detail["input"]
    shown = f" = {value!r}" if isinstance(value, (str, int, float, type(None))) else ""
    return line, f"{_dotted(key)}{shown}: {problem}"


def _allowed_keys(section: KeyPath, raw: Any) -> list[str]:
    models: dict[str, type[Section]] = {
        "embedder": Embedder,
        "warmup": WarmUp,
        "clustering": Clustering,
        "extractor": Extractor,
        "student": Student,
        "tracking": Tracking,
        "targets": Target,
        "campaigns": Campaign,
    }
    if not section:
        return list(Settings.model_fields)
    if section[0] == "corpus":
        variants: list[type[Section]] = [InstalledPackages, Files, HubDataset]
        for variant in variants:
            if raw["corpus"]["source"] in str(variant.model_fields["source"].annotation):
                return list(variant.model_fields)
    return list(models[str(section[0])].model_fields)


def _dotted(key: KeyPath) -> str:
    return ".".join(str(part) for part in key)


def quiet_libraries() -> None:
    """Keep libraries from drawing progress bars, forking tokenizers, phoning home and spinning."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # threads that spin while they wait made training four times slower beside another process
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # the name that replaces it is unknown to the oldest transformers that is allowed
    warnings.filterwarnings("ignore", "`gradient_checkpointing` is deprecated", FutureWarning)

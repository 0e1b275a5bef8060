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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from equal_assets.algorithms.qa_prompts import check_template
from equal_assets.errors import SettingsError
from equal_assets.records import WARM_UP

PROMPTS_FOLDER = Path(__file__).parent / "prompts"

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
    "perplexity-mab",
    "influence-mab",
    "perplexity",
    "influence",
    "llm-scoring",
    "random",
    "all",
]
StudentScore = Literal["perplexity", "influence"]
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
    budget_tokens: int | None = Field(
        None, ge=1, description="LLM tokens that the sample may take; it is smaller then"
    )
    budget_cost: float | None = Field(None, gt=0, description="the same in money")
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


class Structural(Section):
    """The pairs that are laid out in the text; no model."""

    backend: Literal["structural"] = "structural"
    max_pairs: int = Field(20, ge=1, description="pairs kept per document, in document order")

    def identity(self) -> dict[str, Any]:
        """Return what decides the pairs, as JSON values."""
        return self.model_dump(mode="json")


class Replay(Structural):
    """The pairs that came with the documents; no model."""

    backend: Literal["replay"] = "replay"  # type: ignore[assignment]


class Prompts(Section):
    """Template files that stand in for the packaged ones (``equal_assets/prompts/``)."""

    extract: str | None = None
    refine: str | None = None
    judge: str | None = None
    rate: str | None = Field(None, description="asks for the rating of `llm-scoring`")

    _texts: dict[str, str] = PrivateAttr(default_factory=dict)

    @field_validator("extract", "refine", "judge", "rate")
    @classmethod
    def _usable(cls, path: str | None, info: ValidationInfo) -> str | None:
        if path is None:
            return None
        file = _base_folder(info) / path
        if not file.is_file():
            raise ValueError(f"no such file (looked in {_base_folder(info)})")
        check_template(str(info.field_name), file.read_text(encoding="utf-8"))
        return str(file)

    def template(self, kind: Literal["extract", "refine", "judge", "rate"]) -> str:
        """Return the text of a template, as it was when it was first read."""
        if kind not in self._texts:
            file = getattr(self, kind) or PROMPTS_FOLDER / f"{kind}.txt"
            self._texts[kind] = Path(file).read_text(encoding="utf-8")
        return self._texts[kind]


class Quality(Section):
    """What a pair must be to be kept; lengths in characters. Rejected pairs stay on record."""

    min_question_characters: int = Field(10, ge=1)
    max_question_characters: int = Field(4000, ge=1)
    min_answer_characters: int = Field(1, ge=1)
    max_answer_characters: int = Field(20_000, ge=1)
    min_grounding: float = Field(
        0.5, ge=0, le=1, description="share of the answer's words that stand in the document"
    )
    self_contained: bool = Field(True, description="no question that leans on 'the text above'")
    same_language: bool = Field(True, description="as the document, where both are certain")


class LLMExtraction(Section):
    """What extraction by any LLM needs."""

    model: str = Field(min_length=1, description="as the server names it; a folder or hub id")
    max_pairs: int = Field(20, ge=1, le=200, description="pairs kept per document")
    refine: bool = Field(
        True, description="a second request mends and drops pairs, as in the paper"
    )
    judge: bool = Field(False, description="a third request scores the pairs from 1 to 5")
    min_score: int = Field(
        3, ge=1, le=5, description="pairs that the judge scores lower are rejected"
    )
    prompts: Prompts = Prompts()
    quality: Quality = Quality()
    chunk_characters: int = Field(12_000, ge=200, description="longer documents are split")
    chunk_overlap_characters: int = Field(400, ge=0, description="shared by neighboring chunks")
    max_reply_tokens: int = Field(2048, ge=16, description="a longer reply is a failure: cut off")
    temperature: float = Field(0.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int = Field(0, ge=0)
    parameters: float | None = Field(
        None,
        ge=1,
        description="of the LLM, for its FLOPs; of a mixture of experts the active ones; null: not "
        "known, or read from the weights where model is a folder that vLLM loads",
    )
    prompt_price: float = Field(0.0, ge=0, description="money per million prompt tokens")
    completion_price: float = Field(0.0, ge=0, description="money per million completion tokens")
    concurrency: int = Field(64, ge=1, le=8192, description="requests in flight at once")
    max_tries: int = Field(5, ge=1, le=100, description="of a request, before its document fails")
    run_documents: int | None = Field(
        None, ge=1, description="cap of the documents that one run sends"
    )
    run_tokens: int | None = Field(None, ge=1, description="cap of the tokens that one run pays")
    run_cost: float | None = Field(None, gt=0, description="cap of what one run pays, in money")

    @model_validator(mode="after")
    def _overlap_is_smaller(self) -> LLMExtraction:
        if self.chunk_overlap_characters >= self.chunk_characters:
            raise ValueError(
                f"chunk_overlap_characters ({self.chunk_overlap_characters}) must be less than "
                f"chunk_characters ({self.chunk_characters})"
            )
        return self

    @model_validator(mode="after")
    def _cost_has_a_price(self) -> LLMExtraction:
        if self.run_cost and not (self.prompt_price or self.completion_price):
            raise ValueError("run_cost needs prompt_price or completion_price")
        return self

    def identity(self) -> dict[str, Any]:
        """Return what decides the pairs, as JSON values; prompts by their text."""
        kept = self.model_dump(mode="json", exclude={"prompts", *PAIRS_DO_NOT_DEPEND_ON})
        prompts = {"extract": self.prompts.template("extract")}
        if self.refine:
            prompts["refine"] = self.prompts.template("refine")
        if self.judge:
            prompts["judge"] = self.prompts.template("judge")
        return {**kept, "prompts": prompts}


class OpenAIServer(LLMExtraction):
    """Any OpenAI-compatible server: vLLM, a cloud, Ollama, llama.cpp."""

    backend: Literal["openai"]
    base_urls: list[str] = Field(min_length=1, description="the load is spread over them")
    api_key_variable: str | None = Field(
        None, min_length=1, description="environment variable that holds the key"
    )
    response_format: Literal["json_schema", "bounded_json_schema", "json_object", "text"] = Field(
        "json_schema",
        description="what the server enforces; bounded: with string lengths, as vLLM can",
    )
    limit_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        "max_tokens", description="how the server calls the limit of a reply"
    )
    timeout_seconds: float = Field(300.0, gt=0, description="of one try")

    @field_validator("base_urls")
    @classmethod
    def _urls(cls, urls: list[str]) -> list[str]:
        wrong = [url for url in urls if not url.startswith(("http://", "https://"))]
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no URL; expected http://... or https://.../v1")
        return urls

    @property
    def api_key(self) -> str | None:
        """The key, from the environment; it is never stored."""
        if self.api_key_variable is None:
            return None
        key = os.environ.get(self.api_key_variable)
        if not key:
            raise SettingsError(
                f"extractor.api_key_variable: the environment variable {self.api_key_variable} "
                "is not set"
            )
        return key


class VLLMEngine(LLMExtraction):
    """A vLLM engine in the process of the step (extra ``vllm``)."""

    backend: Literal["vllm"]
    concurrency: int = Field(256, ge=1, le=8192, description="requests in the engine at once")
    tensor_parallel_size: int = Field(1, ge=1, description="GPUs that share the model")
    gpu_memory_utilization: float = Field(
        0.85, gt=0, le=1, description="share of the GPU; the embedder needs the rest"
    )
    max_model_len: int | None = Field(None, ge=256, description="tokens; null: as the model says")
    quantization: str | None = Field(
        None, description="awq, gptq, fp8 ...; null: as the model says"
    )
    dtype: str = "auto"
    engine: dict[str, Any] = Field({}, description="other arguments of vLLM's AsyncEngineArgs")


PAIRS_DO_NOT_DEPEND_ON = {
    "parameters",
    "prompt_price",
    "completion_price",
    "max_reply_tokens",  # a reply that ended before it is the same under another
    "max_model_len",
    "max_tries",
    "run_documents",
    "run_tokens",
    "run_cost",
    "base_urls",
    "api_key_variable",
    "limit_field",
    "concurrency",
    "timeout_seconds",
    "tensor_parallel_size",
    "gpu_memory_utilization",
}
"""Keys of an LLM extractor that may change without extracting anew."""

Extractor = Annotated[
    Structural | Replay | OpenAIServer | VLLMEngine, Field(discriminator="backend")
]


CHECKPOINT_STEPS = Field(
    None, ge=1, description="optimizer steps between two checkpoints; null: a tenth of all"
)


class TinyStudent(Section):
    """A small Llama, made on the spot and pretrained on the corpus."""

    kind: Literal["tiny"] = "tiny"
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
    checkpoint_steps: int | None = CHECKPOINT_STEPS
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _heads_divide(self) -> TinyStudent:
        if self.hidden_size % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide hidden_size ({self.hidden_size})")
        return self


FULL_STUDENT_DEFAULTS = {"epochs": 2, "learning_rate": 1e-5}
"""What a huggingface student has with ``method: full`` where the file says nothing."""

PAPER_STUDENT = {
    "full": {"batch_size": 512, "learning_rate": 1e-5, "epochs": 2},
    "lora": {"batch_size": 512, "learning_rate": 1e-5, "epochs": 4},
}
"""``preset: paper`` by method (arXiv:2505.12250, section 4.1); the schedule is a cosine as well."""


class HuggingFaceStudent(Section):
    """A causal language model that is there: any folder or hub id.

    The defaults of the training keys are those of ``lora``; :data:`FULL_STUDENT_DEFAULTS` stand in
    for them with ``full``, and :data:`PAPER_STUDENT` with ``preset: paper``.
    """

    kind: Literal["huggingface"]
    model: str = Field(
        min_length=1, description="a folder, relative to campaigns.yaml, or a hub id"
    )
    revision: str | None = Field(None, description="of a hub id: branch, tag or commit")
    trust_remote_code: bool = Field(
        False, description="run Python code that comes with the model; read it first"
    )
    chat_template: Literal["auto", "off"] = Field(
        "auto", description="auto: prompts go through the model's own, where it has one"
    )
    context_tokens: int = Field(2048, ge=32, description="longest sequence")
    method: Literal["lora", "full"] = Field(
        "lora", description="lora: adapters over the frozen model; full: every weight"
    )
    preset: Literal["paper"] | None = Field(
        None, description="paper: batch_size, learning_rate, epochs as in the paper; keys win"
    )
    epochs: int = Field(4, ge=1, description="full: 2; paper: 2 (full), 4 (lora)")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="full: 1e-5; paper: 1e-5")
    batch_size: int = Field(64, ge=1, description="sequences per optimizer step; paper: 512")
    per_device_batch_size: int = Field(
        8, ge=1, description="sequences that a device takes at once; divides batch_size"
    )
    packing: bool = Field(False, description="several pairs in a sequence, which do not see others")
    lora_rank: int = Field(16, ge=1, le=1024)
    lora_alpha: int = Field(32, ge=1, description="adapters weigh alpha / rank")
    lora_dropout: float = Field(0.05, ge=0, lt=1)
    attention: Literal["auto", "sdpa", "flash_attention_2", "eager"] = Field(
        "auto", description="auto: flash_attention_2 where it is installed, else sdpa"
    )
    gradient_checkpointing: bool = Field(True, description="on a GPU: less memory, a third slower")
    processes: int | None = Field(
        None, ge=1, description="of training; null: one a CUDA device that is visible"
    )
    checkpoint_steps: int | None = CHECKPOINT_STEPS
    seed: int = Field(0, ge=0)

    @field_validator("model")
    @classmethod
    def _folder_beside_the_file(cls, model: str, info: ValidationInfo) -> str:
        folder = _base_folder(info) / model
        return str(folder) if folder.is_dir() else model

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_method(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        method = given.get("method", "lora")
        preset = PAPER_STUDENT.get(str(method), {}) if given.get("preset") == "paper" else {}
        return {**(FULL_STUDENT_DEFAULTS if method == "full" else {}), **preset, **given}

    @model_validator(mode="after")
    def _keys_fit_method(self) -> HuggingFaceStudent:
        unused = sorted(key for key in self.model_fields_set if key.startswith("lora_"))
        if self.method == "full" and unused:
            raise ValueError(f"method full has no adapters: leave out {', '.join(unused)}")
        if self.revision and Path(self.model).is_dir():
            raise ValueError(f"revision is of a hub id, model is the folder {self.model}")
        at_once = self.per_device_batch_size * (self.processes or 1)
        if self.batch_size % at_once:
            raise ValueError(
                f"batch_size ({self.batch_size}) must be a multiple of per_device_batch_size "
                f"({self.per_device_batch_size}) times processes ({self.processes or 1})"
            )
        return self


STUDENT_DOES_NOT_DEPEND_ON = {
    "attention",
    "gradient_checkpointing",
    "processes",
    "checkpoint_steps",
}
"""Keys of a student that may change without tuning it anew."""

Student = Annotated[TinyStudent | HuggingFaceStudent, Field(discriminator="kind")]


PAPER_TASKS = (
    "gsm8k",
    "minerva_math",
    "humaneval",
    "mbpp",
    "mmlu",
    "bbh",
    "agieval_en",
    "arc_easy",
    "arc_challenge",
    "hellaswag",
    "winogrande",
    "openbookqa",
    "commonsense_qa",
)
"""Thirteen benchmarks in lm-eval's names; docs/harness.md says which the paper reports."""


class Harness(Section):
    """Evaluation of the students with lm-eval (extra ``eval``)."""

    tasks: list[str] = Field(
        [], description="names that lm-eval knows, or of files in include_path; empty: not run"
    )
    preset: Literal["paper", "none"] = Field(
        "none", description="paper: thirteen benchmarks, before those of `tasks`"
    )
    include_path: str | None = Field(
        None, description="folder of YAML task files, relative to campaigns.yaml"
    )
    num_fewshot: int | None = Field(
        None, ge=0, description="worked examples before a question; null: as the task says"
    )
    limit: int | None = Field(
        None, ge=1, description="questions of each task, to try things out; null: all"
    )
    batch_size: int = Field(8, ge=1, description="sequences per forward pass")
    seed: int = Field(1234, ge=0, description="draws the worked examples; 1234 is lm-eval's own")
    allow_unsafe_code: bool = Field(
        False, description="let tasks run what the model wrote, without a sandbox"
    )

    @property
    def names(self) -> list[str]:
        """The tasks to run, each once."""
        preset = PAPER_TASKS if self.preset == "paper" else ()
        return list(dict.fromkeys((*preset, *self.tasks)))

    @field_validator("include_path")
    @classmethod
    def _is_folder(cls, path: str | None, info: ValidationInfo) -> str | None:
        if path is None:
            return None
        if not (_base_folder(info) / path).is_dir():
            raise ValueError(f"no such folder (looked in {_base_folder(info)})")
        return str(_base_folder(info) / path)

    @model_validator(mode="after")
    def _included_files_are_used(self) -> Harness:
        if self.include_path is not None and not self.names:
            raise ValueError("include_path has no effect without tasks: name those to run")
        return self

    @model_validator(mode="after")
    def _preset_may_run_code(self) -> Harness:
        if self.preset == "paper" and not self.allow_unsafe_code:
            raise ValueError(
                "preset paper has humaneval and mbpp, which run what the model wrote without a "
                "sandbox: set allow_unsafe_code: true, or list the other tasks under tasks"
            )
        return self


class Evaluation(Section):
    """How students are judged on the test questions."""

    choices: int = Field(4, ge=2, le=26, description="per test question, the true answer included")
    max_answer_tokens: int = Field(512, ge=1, description="of a generated answer")
    samples: int = Field(1, ge=1, le=1000, description="generated answers a question, for pass@k")
    temperature: float = Field(0.0, ge=0, le=2, description="0: the likeliest answer")
    code_seconds: float = Field(10.0, gt=0, le=600, description="that an answer of code may run")
    code_memory_mb: int = Field(1024, ge=64, description="that it may take")
    seed: int = Field(0, ge=0, description="draws wrong choices and samples")
    harness: Harness = Harness()

    @model_validator(mode="after")
    def _samples_differ(self) -> Evaluation:
        if self.samples > 1 and not self.temperature:
            raise ValueError(f"samples = {self.samples} needs a temperature above 0")
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
    answers: Literal["text", "number", "math", "code"] = Field(
        "text",
        description="how generated answers are judged: not at all; by the final number; by "
        "mathematical equality; by running them against tests",
    )
    tests_field: str | None = Field(
        None, description="of code: statements that raise if it is wrong, text or list"
    )
    setup_field: str | None = Field(None, description="of code: what stands before the tests")
    prefix_field: str | None = Field(
        None, description="of code: the beginning that the answer goes on from, as in HumanEval"
    )
    entry_point_field: str | None = Field(
        None, description="of code: the function that the tests' `check` is called with"
    )

    @field_validator("reference", "test")
    @classmethod
    def _exists(cls, path: str, info: ValidationInfo) -> str:
        base = _base_folder(info)
        if not (base / path).is_file():
            raise ValueError(f"no such file (looked in {base})")
        return str(base / path)

    @model_validator(mode="after")
    def _fields_fit_answers(self) -> Target:
        code = ("tests_field", "setup_field", "prefix_field", "entry_point_field")
        if self.answers == "code" and self.tests_field is None:
            raise ValueError("answers: code needs tests_field")
        given = [name for name in code if getattr(self, name) is not None]
        if self.answers != "code" and given:
            raise ValueError(f"{', '.join(given)}: only where answers is code")
        return self


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


class Influence(Section):
    """The strategies `influence` and `influence-mab`."""

    dimensions: int = Field(
        4096, ge=64, le=65_536, description="of the projected gradients; cosines are off by 1/sqrt"
    )
    seed: int = Field(0, ge=0, description="of the projection")


class LLMScoring(Section):
    """The strategy `llm-scoring`: which documents the extractor's LLM rates, and on what."""

    candidates: float = Field(
        3.0, ge=1, le=1000, description="documents rated, in multiples of budget_documents"
    )
    drawn_by: Literal["similarity", "random"] = Field(
        "similarity", description="the documents nearest to the target, or any"
    )
    reference_questions: int = Field(5, ge=1, le=100, description="shown as the target")
    document_characters: int = Field(2000, ge=100, description="of a document's beginning, shown")
    budget_share: float = Field(
        0.5, gt=0, lt=1, description="most that ratings take of budget_tokens and budget_cost"
    )

    def n_candidates(self, budget_documents: int) -> int:
        """Return how many documents are rated for a budget, where the corpus holds as many."""
        return math.ceil(self.candidates * budget_documents)


class Campaign(Section):
    """A target, a strategy and a budget."""

    target: str
    strategy: Strategy = "equal"
    budget_documents: int = Field(ge=1, description="documents asked for, never exceeded")
    budget_tokens: int | None = Field(
        None, ge=1, description="LLM tokens asked for, prompts and replies; never exceeded"
    )
    budget_cost: float | None = Field(
        None, gt=0, description="money, at the extractor's prices; never exceeded"
    )
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
    def counts_documents(self) -> bool:
        """Whether documents alone are budgeted: then a long one costs what a short one does."""
        return self.budget_tokens is None and self.budget_cost is None

    @property
    def student_score(self) -> StudentScore | None:
        """What the strategy needs the untuned student to say of pairs or documents, if any."""
        scores: dict[str, StudentScore] = {
            "perplexity": "perplexity",
            "perplexity-mab": "perplexity",
            "influence": "influence",
            "influence-mab": "influence",
        }
        return scores.get(self.strategy)

    @property
    def scores_documents(self) -> bool:
        """Whether the student scores every document before any is extracted."""
        return self.strategy in ("perplexity", "influence")

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


OWN_SECTIONS: dict[str, tuple[str, ...]] = {
    "equal": ("equal",),
    "perplexity": ("student",),
    "perplexity-mab": ("student",),
    "influence": ("student", "influence"),
    "influence-mab": ("student", "influence"),
    "llm-scoring": ("llm_scoring",),
}
"""Sections that decide what a strategy selects, beside those that decide it for all."""


@dataclass(frozen=True)
class Union:
    """A section that comes in variants, told apart by one key."""

    tag: str
    variants: tuple[type[Section], ...]
    default: str | None = None

    @property
    def names(self) -> list[str]:
        """What the key may say."""
        return [get_args(variant.model_fields[self.tag].annotation)[0] for variant in self.variants]

    def variant(self, given: dict[str, Any]) -> type[Section]:
        """Return the variant that a section is of."""
        return self.variants[self.names.index(str(given.get(self.tag, self.default)))]


UNIONS = {
    "corpus": Union("source", (InstalledPackages, Files, HubDataset)),
    "extractor": Union("backend", (Structural, Replay, OpenAIServer, VLLMEngine), "structural"),
    "student": Union("kind", (TinyStudent, HuggingFaceStudent), "tiny"),
}


class Settings(Section):
    """The whole of ``campaigns.yaml``."""

    corpus: Corpus
    embedder: Embedder = Embedder()
    warmup: WarmUp = WarmUp()
    clustering: Clustering = Clustering()
    equal: Equal = Equal()
    influence: Influence = Influence()
    llm_scoring: LLMScoring = LLMScoring()
    extractor: Extractor = Structural()
    student: Student = TinyStudent()
    evaluation: Evaluation = Evaluation()
    milestones: list[str] = Field(
        [], description="shares of the corpus, 1% ..., at which students are tuned and judged too"
    )
    tracking: Tracking = Tracking()
    targets: dict[str, Target] = Field(min_length=1)
    campaigns: dict[CampaignName, Campaign] = Field(min_length=1)

    @field_validator("extractor", mode="before")
    @classmethod
    def _structural_by_default(cls, given: Any) -> Any:
        return {"backend": "structural", **given} if isinstance(given, dict) else given

    @field_validator("student", mode="before")
    @classmethod
    def _tiny_by_default(cls, given: Any) -> Any:
        return {"kind": "tiny", **given} if isinstance(given, dict) else given

    @field_validator("milestones")
    @classmethod
    def _shares(cls, milestones: list[str]) -> list[str]:
        return sorted(dict.fromkeys(milestones), key=parse_share)

    @field_validator("campaigns")
    @classmethod
    def _no_campaign_is_the_warm_up(cls, campaigns: dict[str, Campaign]) -> dict[str, Campaign]:
        if WARM_UP in campaigns:
            raise ValueError(f"no campaign can be named {WARM_UP}: the sample is paid as that")
        return campaigns

    @model_validator(mode="after")
    def _budgets_fit_extractor(self) -> Settings:
        spending: dict[str, WarmUp | Campaign] = {"warmup": self.warmup}
        spending |= {f"campaigns.{name}": campaign for name, campaign in self.campaigns.items()}
        for key, section in spending.items():
            if section.budget_tokens is None and section.budget_cost is None:
                continue
            if not isinstance(self.extractor, LLMExtraction):
                raise ValueError(
                    f"{key} has a budget of tokens or money, but extractor.backend = "
                    f"{self.extractor.backend!r} uses neither"
                )
            prices = self.extractor.prompt_price + self.extractor.completion_price
            if section.budget_cost is not None and not prices:
                raise ValueError(
                    f"{key}.budget_cost = {section.budget_cost} needs "
                    "extractor.prompt_price or extractor.completion_price"
                )
        return self

    @model_validator(mode="after")
    def _ratings_have_an_llm(self) -> Settings:
        if isinstance(self.extractor, LLMExtraction):
            return self
        for name, campaign in self.campaigns.items():
            if campaign.strategy == "llm-scoring":
                raise ValueError(
                    f"campaigns.{name}.strategy = 'llm-scoring' asks the LLM of the extractor, but "
                    f"extractor.backend = {self.extractor.backend!r} has none; allowed: another "
                    "strategy, or extractor.backend openai or vllm"
                )
        return self

    def with_milestones(self, milestones: Sequence[str]) -> Settings:
        """Return the settings with other milestones; with none given, as they are.

        Raises
        ------
        SettingsError
            If one of them is no share.
        """
        try:
            shares = self._shares(list(milestones))
        except ValueError as error:
            raise SettingsError(f"milestones: {error}") from error
        return self.model_copy(update={"milestones": shares}) if shares else self

    def sections(self, *names: str) -> dict[str, Any]:
        """Return sections as plain JSON values, without what changes speed or price alone.

        ``harness`` is a name of its own: what lm-eval runs decides nothing else.
        """
        kept = self.model_dump(
            mode="json",
            include=set(names) - {"extractor", "harness"},
            exclude={
                "embedder": {"batch_size"},
                "evaluation": {"harness"},
                "student": STUDENT_DOES_NOT_DEPEND_ON,
            },
        )
        if "extractor" in names:
            kept["extractor"] = self.extractor.identity()
        if "harness" in names:
            kept["harness"] = self.evaluation.harness.model_dump(
                mode="json", exclude={"batch_size", "allow_unsafe_code", "include_path"}
            )
        return kept

    def campaign_settings(self, name: str) -> dict[str, Any]:
        """Return the settings that decide what a campaign selects, as plain JSON values.

        What stands in the files of corpus and target counts by its content, not by its path.
        """
        campaign = self.campaigns[name]
        own = OWN_SECTIONS.get(campaign.strategy, ())
        shared = self.sections("embedder", "warmup", "clustering", "extractor", *own)
        if campaign.strategy == "llm-scoring" and isinstance(self.extractor, LLMExtraction):
            shared["rate"] = self.extractor.prompts.template("rate")
        return {**shared, "campaign": campaign.model_dump(mode="json")}


def fingerprint(value: Any) -> str:
    """Return 16 hexadecimal digits that identify a JSON value, whatever the order of its keys."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()[:16]


def parse_share(text: str) -> float:
    """Return the share that a percentage writes.

    >>> parse_share("2.5%")
    0.025
    """
    number = text.strip().removesuffix("%")
    try:
        share = float(number) / 100
    except ValueError:
        share = math.nan
    if not text.strip().endswith("%") or not 0 < share <= 1:
        raise ValueError(f"{text!r} is no share; allowed: above 0% and up to 100%, such as 2.5%")
    return share


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
        union = UNIONS.get(str(key[0])) if len(key) == 1 else None
        if union and part in union.names and part not in raw[key[0]]:
            continue  # pydantic names the variant; the file does not
        key = (*key, part)
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        key = (*key, UNIONS[str(key[0])].tag)
    line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 1)
    if detail["type"] == "missing":
        return line, f"{_dotted(key)} is missing"
    if detail["type"] == "extra_forbidden":
        allowed = ", ".join(_allowed_keys(key[:-1], raw))
        return line, f"{_dotted(key)} is not a known key; allowed: {allowed}"
    if detail["type"] in ("union_tag_invalid", "union_tag_not_found"):
        section, tag = key
        found = raw[section].get(tag) if isinstance(raw[section], dict) else raw[section]
        allowed = ", ".join(repr(name) for name in UNIONS[str(section)].names)
        return line, f"{_dotted(key)} = {found!r} is not allowed; allowed: {allowed}"
    if detail["type"] == "string_pattern_mismatch":
        return line, f"{_dotted(key)}: a name is lowercase letters, digits, '.', '_' and '-'"
    problem = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not key:  # of several sections: the problem begins with the key that is to be changed
        named = tuple(problem.split(" ", 1)[0].split("."))
        found_at = (named[:n] for n in range(len(named), 0, -1) if named[:n] in lines)
        return lines.get(next(found_at, ()), 1), problem
    value = detail["input"]
    shown = f" = {value!r}" if isinstance(value, (str, int, float, type(None))) else ""
    return line, f"{_dotted(key)}{shown}: {problem}"


def _allowed_keys(section: KeyPath, raw: Any) -> list[str]:
    models: dict[str, type[Section]] = {
        "embedder": Embedder,
        "warmup": WarmUp,
        "clustering": Clustering,
        "equal": Equal,
        "influence": Influence,
        "llm_scoring": LLMScoring,
        "prompts": Prompts,
        "quality": Quality,
        "evaluation": Evaluation,
        "harness": Harness,
        "tracking": Tracking,
        "targets": Target,
        "campaigns": Campaign,
    }
    if not section:
        return list(Settings.model_fields)
    if len(section) == 1 and section[0] in UNIONS:
        union = UNIONS[str(section[0])]
        return list(union.variant(raw[section[0]]).model_fields)
    is_nested = section[0] in ("extractor", "evaluation")
    return list(models[str(section[-1] if is_nested else section[0])].model_fields)


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
    # the names that replace these are unknown to the oldest transformers that is allowed
    for name in ("gradient_checkpointing", "is_gradient_checkpointing"):
        warnings.filterwarnings("ignore", f"`{name}` is deprecated", FutureWarning)


def allow_code_metric() -> None:
    """Let the metric ``code_eval`` of Hugging Face run what a model wrote, in child processes."""
    os.environ["HF_ALLOW_CODE_EVAL"] = "1"

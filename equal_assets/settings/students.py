"""Section `student`: the model that is fine-tuned on the selected data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from equal_assets.settings.section import SettingsSection, base_folder


class NoStudentSettings(SettingsSection):
    """No student: a campaign ends with its data set, and nothing is trained or judged.

    `student: none` says the same.
    """

    kind: Literal["none"]


CHECKPOINT_STEPS = Field(
    None, ge=1, description="optimizer steps between two checkpoints; null: a tenth of all"
)


class TinyStudentSettings(SettingsSection):
    """A small Llama, made on the spot and pretrained on the corpus."""

    kind: Literal["tiny"] = "tiny"
    vocabulary: int = Field(2048, ge=512, le=65_536, description="byte-level BPE tokens")
    hidden_size: int = Field(128, ge=16, multiple_of=16, description="a multiple of `heads`")
    layers: int = Field(2, ge=1, le=48, description="of the transformer")
    heads: int = Field(4, ge=1, le=64, description="of attention")
    context_tokens: int = Field(256, ge=32, le=8192, description="longest sequence")
    pretrain_tokens: int = Field(1_000_000, ge=1000, description="corpus tokens read once")
    pretrain_learning_rate: float = Field(3e-3, gt=0, le=1, description="highest of its schedule")
    batch_size: int = Field(8, ge=1, description="sequences per optimizer step")
    epochs: int = Field(3, ge=1, description="of fine-tuning; paper: 2 (full fine-tuning)")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="paper: 1e-5 for 7B students")
    checkpoint_steps: int | None = CHECKPOINT_STEPS
    seed: int = Field(0, ge=0, description="of new weights and the order of pairs")

    @model_validator(mode="after")
    def _heads_divide(self) -> TinyStudentSettings:
        if self.hidden_size % self.heads:
            raise ValueError(f"heads ({self.heads}) must divide hidden_size ({self.hidden_size})")
        return self


FULL_STUDENT_DEFAULTS = {"epochs": 2, "learning_rate": 1e-5}
"""Defaults of a huggingface student with ``method: full``."""

PAPER_STUDENT = {
    "full": {"batch_size": 512, "learning_rate": 1e-5, "epochs": 2},
    "lora": {"batch_size": 512, "learning_rate": 1e-5, "epochs": 4},
}
"""``preset: paper`` by method (arXiv:2505.12250, section 4.1); the schedule is also a cosine."""


CHAT_TEMPLATES = ("auto", "off", "chatml", "gemma", "llama3")
"""Values of ``chat_template`` that name no file."""


class HuggingFaceStudentSettings(SettingsSection):
    """A pretrained causal language model: any folder or hub id.

    The defaults of the training keys are for ``lora``; :data:`FULL_STUDENT_DEFAULTS` replace them
    for ``full``, and :data:`PAPER_STUDENT` for ``preset: paper``.
    """

    kind: Literal["huggingface"]
    model: str = Field(
        min_length=1, description="a folder, relative to campaigns.yaml, or a hub id"
    )
    revision: str | None = Field(None, description="branch, tag or commit, only for a hub id")
    trust_remote_code: bool = Field(
        False, description="run Python code that comes with the model; read it first"
    )
    chat_template: str = Field(
        "auto",
        description="auto: prompts go through the model's own, if it has one; off: through none; "
        "chatml, gemma, llama3, or a file of Jinja, relative to campaigns.yaml: for base models",
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
    packing: bool = Field(
        False, description="several pairs in a sequence, which do not see each other"
    )
    lora_rank: int = Field(16, ge=1, le=1024, description="of the adapters")
    lora_alpha: int = Field(32, ge=1, description="adapters weigh alpha / rank")
    lora_dropout: float = Field(0.05, ge=0, lt=1, description="while training")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="of arithmetic; auto: bfloat16 if the processor supports it"
    )
    attention: Literal["auto", "sdpa", "flash_attention_2", "eager"] = Field(
        "auto", description="auto: flash_attention_2 if it is installed, else sdpa"
    )
    gradient_checkpointing: bool | None = Field(
        None, description="less memory for activations, a third slower; null: on a GPU"
    )
    processes: int | None = Field(
        None, ge=1, description="of training; null: one per visible CUDA device"
    )
    checkpoint_steps: int | None = CHECKPOINT_STEPS
    seed: int = Field(0, ge=0, description="of new weights and the order of pairs")

    @field_validator("model")
    @classmethod
    def _folder_beside_the_file(cls, model: str, info: ValidationInfo) -> str:
        folder = base_folder(info) / model
        return str(folder) if folder.is_dir() else model

    @field_validator("chat_template", mode="before")
    @classmethod
    def _off_without_quotes(cls, template: Any) -> Any:
        return "off" if template is False else template  # as YAML reads a bare off

    @field_validator("chat_template")
    @classmethod
    def _known_template_or_file(cls, template: str, info: ValidationInfo) -> str:
        if template in CHAT_TEMPLATES:
            return template
        file = base_folder(info) / template
        if not file.is_file():
            raise ValueError(
                f"must be {', '.join(CHAT_TEMPLATES)} or a file of Jinja; there is no {file}"
            )
        return str(file)

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_method(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        method = given.get("method", "lora")
        preset = PAPER_STUDENT.get(str(method), {}) if given.get("preset") == "paper" else {}
        return {**(FULL_STUDENT_DEFAULTS if method == "full" else {}), **preset, **given}

    @model_validator(mode="after")
    def _keys_fit_method(self) -> HuggingFaceStudentSettings:
        unused = sorted(key for key in self.model_fields_set if key.startswith("lora_"))
        if self.method == "full" and unused:
            raise ValueError(f"method full has no adapters; leave out {', '.join(unused)}")
        if self.revision and Path(self.model).is_dir():
            raise ValueError(
                f"revision applies only to hub ids; leave it out, model is the folder {self.model}"
            )
        at_once = self.per_device_batch_size * (self.processes or 1)
        if self.batch_size % at_once:
            raise ValueError(
                f"batch_size ({self.batch_size}) must be a multiple of per_device_batch_size "
                f"({self.per_device_batch_size}) times processes ({self.processes or 1})"
            )
        return self


STUDENT_DOES_NOT_DEPEND_ON = {
    "precision",
    "attention",
    "gradient_checkpointing",
    "processes",
    "checkpoint_steps",
}
"""Keys of a student that may change without tuning it again."""

StudentSettings = Annotated[
    TinyStudentSettings | HuggingFaceStudentSettings | NoStudentSettings,
    Field(discriminator="kind"),
]

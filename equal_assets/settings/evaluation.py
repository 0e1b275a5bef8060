"""Section `evaluation`: how students are evaluated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from equal_assets.settings.section import SettingsSection, base_folder

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
"""Thirteen benchmarks by lm-eval's names; docs/harness.md says which the paper reports."""


class HarnessSettings(SettingsSection):
    """Evaluation of the students with lm-eval (extra ``eval``)."""

    tasks: list[str] = Field(
        [], description="names that lm-eval knows, or of files in include_path; empty: not run"
    )
    preset: Literal["paper", "none"] = Field(
        "none", description="paper: thirteen benchmarks, run before `tasks`"
    )
    include_path: str | None = Field(
        None, description="folder of YAML task files, relative to campaigns.yaml"
    )
    num_fewshot: int | None = Field(
        None, ge=0, description="worked examples before a question; null: as the task says"
    )
    limit: int | None = Field(
        None, ge=1, description="questions of each task, for a trial; null: all"
    )
    batch_size: int = Field(8, ge=1, description="sequences per forward pass")
    seed: int = Field(1234, ge=0, description="draws the worked examples; 1234 is lm-eval's own")
    allow_unsafe_code: bool = Field(
        False, description="let tasks run the model's code, without a sandbox"
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
        if not (base_folder(info) / path).is_dir():
            raise ValueError(f"no such folder (looked in {base_folder(info)})")
        return str(base_folder(info) / path)

    @model_validator(mode="after")
    def _included_files_are_used(self) -> HarnessSettings:
        if self.include_path is not None and not self.names:
            raise ValueError("include_path has no effect without tasks; name the tasks to run")
        return self

    @model_validator(mode="after")
    def _preset_may_run_code(self) -> HarnessSettings:
        if self.preset == "paper" and not self.allow_unsafe_code:
            raise ValueError(
                "preset paper has humaneval and mbpp, which run the model's code without a "
                "sandbox; set allow_unsafe_code: true, or list the other tasks under tasks"
            )
        return self


class EvaluationSettings(SettingsSection):
    """How students are evaluated on the test questions."""

    choices: int = Field(4, ge=2, le=26, description="per test question, the true answer included")
    questions: int | None = Field(
        None,
        ge=2,
        description="test questions of a target that are asked, drawn by seed; null: all",
    )
    max_answer_tokens: int = Field(512, ge=1, description="of a generated answer")
    samples: int = Field(1, ge=1, le=1000, description="generated answers per question, for pass@k")
    temperature: float = Field(0.0, ge=0, le=2, description="0: the likeliest answer")
    code_seconds: float = Field(10.0, gt=0, le=600, description="time limit for an answer of code")
    code_memory_mb: int = Field(1024, ge=64, description="memory limit for it")
    seed: int = Field(0, ge=0, description="draws questions, wrong choices and samples")
    harness: HarnessSettings = HarnessSettings()

    @model_validator(mode="after")
    def _questions_give_choices(self) -> EvaluationSettings:
        if self.questions is not None and self.questions < self.choices:
            raise ValueError(
                f"questions = {self.questions}: must be at least choices ({self.choices}), since "
                "wrong choices are answers to other questions; raise it"
            )
        return self

    @model_validator(mode="after")
    def _samples_differ(self) -> EvaluationSettings:
        if self.samples > 1 and not self.temperature:
            raise ValueError(
                f"samples = {self.samples}: must be 1 with temperature 0; set it above 0"
            )
        return self

"""Sections `embedder`, `warmup` and `clustering`: from documents to clusters."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from equal_assets.settings.section import SettingsSection


class EmbedderSettings(SettingsSection):
    """The model that embeds documents and QA pairs."""

    model: str = Field(
        "static-minilm",
        min_length=1,
        description="static-minilm, all-MiniLM-L6-v2 (both offline), a folder, or a hub id",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 if the processor supports it"
    )
    batch_size: int = Field(64, ge=1, le=4096, description="chunks per forward pass")
    chunk_overlap_tokens: int = Field(32, ge=0, description="shared by neighboring chunks")


FULL_TUNING_DEFAULTS = {
    "epochs": 2,
    "learning_rate": 1e-5,
    "batch_size": 64,
    "hard_negatives": 1,
}
"""Defaults of ``warmup.method: full``: the paper's values for bge-base."""


class WarmUpSettings(SettingsSection):
    """The sample whose QA pairs tune the embedder (arXiv:2505.12250, section 3.1).

    The defaults of the training keys are for ``head``; :data:`FULL_TUNING_DEFAULTS` replace them
    for ``full``, and ``none`` takes no training key.
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
        0, ge=0, le=15, description="mined per pair, only for full: 1; paper: up to 15"
    )
    budget_tokens: int | None = Field(
        None, ge=1, description="cap on the LLM tokens of the sample, which it may shrink"
    )
    budget_cost: float | None = Field(None, gt=0, description="the same in money")
    seed: int = Field(0, ge=0, description="draws the sample and shuffles the training")

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_full(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("method") == "full":
            return {**FULL_TUNING_DEFAULTS, **given}
        return given

    @model_validator(mode="after")
    def _keys_fit_method(self) -> WarmUpSettings:
        if self.method == "head" and self.hard_negatives:
            raise ValueError(
                f"hard_negatives = {self.hard_negatives}: must be 0 with method head; leave it "
                "out, or set method: full"
            )
        training = {"epochs", "learning_rate", "temperature", "warmup_ratio", "batch_size"}
        unused = sorted(self.model_fields_set & (training | {"hard_negatives"}))
        if self.method == "none" and unused:
            raise ValueError(f"method none trains nothing: leave out {', '.join(unused)}")
        return self


class ClusteringSettings(SettingsSection):
    """k-means over the document embeddings."""

    n_clusters: int = Field(100, ge=2, description="paper: 1000 for 1.2 to 1.4 million documents")
    neighbors: int = Field(5, ge=1, description="nearest clusters kept per cluster")
    seed: int = Field(0, ge=0, description="of the first centroids")

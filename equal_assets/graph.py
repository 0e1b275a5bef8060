"""The assets in one table: what each reads, what decides it, its partitions, when it is made.

Dagster's dependencies, the versions, the jobs, what a rerun removes and docs/tables.md follow from
:data:`ASSETS`. A new asset is one row here, one function in ``assets/`` and one file in
``sql/tables``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from equal_assets import inputs
from equal_assets.settings import Settings


@dataclass(frozen=True)
class Stage:
    """Assets that are made together.

    Attributes
    ----------
    label : str
        What ``equal run`` calls it.
    job : str
        Makes it, alone or with the stages after it.
    """

    label: str
    job: str


PREPARE = Stage("prepare the corpus", job="prepare")
TARGET = Stage("target", job="read_target")
ROUNDS = Stage("rounds", job="play_rounds")
FINISH = Stage("data set and student", job="finish_campaign")
ON_THE_WAY = Stage("students on the way", job="finish_campaign")
LM_EVAL = Stage("lm-eval", job="finish_campaign")
COMPARE = Stage("compare strategies", job="compare_strategies")


def _always(settings: Settings) -> bool:
    return True


def _has_student(settings: Settings) -> bool:
    return settings.has_student


@dataclass(frozen=True)
class Asset:
    """A row of the table.

    Attributes
    ----------
    name : str
        Also the name of its function, its table and its file in ``sql/tables``.
    group : str
        In the UI.
    stage : Stage
    reads : tuple of str
        The assets it reads; a round also reads the round before it.
    settings : tuple of str
        Sections of campaigns.yaml that decide it, beside its own campaign.
    by : {"project", "campaign", "round"}
        How it is partitioned.
    beside : tuple of str
        Tables that are written with it.
    inputs : callable
        Returns what is fingerprinted, given these sections, the settings and a campaign.
    is_wanted : callable
        Whether the settings need it.
    """

    name: str
    group: str
    stage: Stage
    reads: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    by: Literal["project", "campaign", "round"] = "project"
    beside: tuple[str, ...] = ()
    inputs: Callable[[dict[str, Any], Settings, str], Any] = inputs.sections
    is_wanted: Callable[[Settings], bool] = _always

    @property
    def is_of_campaign(self) -> bool:
        """Whether each campaign has a version of its own."""
        return self.by != "project"

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables that are written with it."""
        return (self.name, *self.beside)

    def decided_by(self, settings: Settings, campaign: str) -> Any:
        """Return the settings and files that decide it, as a JSON value."""
        return self.inputs(settings.sections(*self.settings), settings, campaign)

    def partition(self, campaign: str) -> str:
        """Return the partition its version is stored under: the campaign, or ``""``."""
        return campaign if self.is_of_campaign else ""


_ROWS = (
    Asset(
        "documents",
        "corpus",
        PREPARE,
        settings=("corpus",),
        beside=("rejected_documents", "corpus_files"),
        inputs=inputs.corpus,
    ),
    Asset(
        "target_qa",
        "target",
        TARGET,
        settings=("targets",),
        by="campaign",
        beside=("target_options",),
        inputs=inputs.target,
    ),
    Asset(
        "warmup_qa",
        "warmup",
        PREPARE,
        reads=("documents",),
        settings=("warmup", "extractor"),
    ),
    Asset(
        "contrastive_embedder",
        "warmup",
        PREPARE,
        reads=("documents", "warmup_qa"),
        settings=("warmup", "embedder"),
    ),
    Asset(
        "document_yields",
        "warmup",
        PREPARE,
        reads=("documents", "warmup_qa"),
        settings=("warmup",),
    ),
    Asset(
        "document_embeddings",
        "clustering",
        PREPARE,
        reads=("documents", "contrastive_embedder"),
        settings=("embedder",),
    ),
    Asset(
        "clusters",
        "clustering",
        PREPARE,
        reads=("document_embeddings",),
        settings=("clustering",),
    ),
    Asset(
        "cluster_geometry",
        "clustering",
        PREPARE,
        reads=("clusters", "document_embeddings"),
        settings=("clustering",),
    ),
    Asset(
        "bandit_round",
        "selection",
        ROUNDS,
        reads=(
            "documents",
            "contrastive_embedder",
            "document_yields",
            "cluster_geometry",
            "target_qa",
        ),
        by="round",
        beside=("rounds", "strategy_state", "bandit_documents", "leaked_qa"),
        inputs=inputs.rounds,
    ),
    Asset(
        "reward_curve",
        "selection",
        FINISH,
        reads=("bandit_round",),
        by="campaign",
        beside=("reference_plane",),
    ),
    Asset(
        "qa_dataset",
        "dataset",
        FINISH,
        reads=("bandit_round", "target_qa"),
        settings=("dataset",),
        by="campaign",
        beside=("removed_qa", "verdicts"),
        inputs=inputs.dataset,
    ),
    Asset(
        "fine_tuned_student",
        "training",
        FINISH,
        reads=("documents", "qa_dataset"),
        settings=("student",),
        by="campaign",
        beside=("student_losses",),
        inputs=inputs.student,
        is_wanted=_has_student,
    ),
    Asset(
        "student_accuracy",
        "evaluation",
        FINISH,
        reads=("fine_tuned_student", "target_qa"),
        settings=("evaluation",),
        by="campaign",
        beside=("student_answers",),
        inputs=inputs.judgement,
        is_wanted=_has_student,
    ),
    Asset(
        "accuracy_over_budget",
        "evaluation",
        ON_THE_WAY,
        reads=("documents", "qa_dataset", "student_accuracy", "target_qa"),
        settings=("student", "evaluation", "milestones"),
        by="campaign",
        beside=("milestone_qa",),
        inputs=inputs.judgement,
        is_wanted=lambda settings: settings.has_student and bool(settings.milestones),
    ),
    Asset(
        "harness_accuracy",
        "evaluation",
        LM_EVAL,
        reads=("fine_tuned_student",),
        settings=("harness",),
        by="campaign",
        beside=("harness_items",),
        inputs=inputs.harness,
        is_wanted=lambda settings: settings.has_student and bool(settings.evaluation.harness.names),
    ),
    Asset(
        "strategy_comparison",
        "evaluation",
        COMPARE,
        reads=("bandit_round", "student_accuracy", "accuracy_over_budget"),
        beside=("student_comparison",),
        inputs=inputs.comparison,
    ),
)

ASSETS = {row.name: row for row in _ROWS}
"""Name -> row; each asset comes after those that it reads."""


def made_by(job: str, settings: Settings) -> tuple[str, ...]:
    """Return the assets that a job makes, in order, without what the settings do not need."""
    return tuple(r.name for r in _ROWS if r.stage.job == job and r.is_wanted(settings))


def stages(job: str, settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the assets that a job makes by the label of their stage, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for name in made_by(job, settings):
        stage = ASSETS[name].stage
        label = stage.label if stage is not FINISH or settings.has_student else "data set"
        found[label] = (*found.get(label, ()), name)
    return found


def ancestors(*assets: str) -> list[str]:
    """Return assets and all that they are made from, in the order of the table."""
    found = set(assets)
    for row in reversed(_ROWS):
        if row.name in found:
            found |= set(row.reads)
    return [name for name in ASSETS if name in found]


def descendants(asset: str) -> list[str]:
    """Return all that is made from an asset, in the order of the table."""
    return [name for name in ASSETS if name != asset and asset in ancestors(name)]

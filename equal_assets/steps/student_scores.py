"""The untuned student's scores of pairs and documents: computed once for each, and stored."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.flops import inference_flops, training_flops
from equal_assets.algorithms.model_scores import (
    influence_scores,
    perplexity_scores,
    target_gradient,
)
from equal_assets.algorithms.strategies.table import StudentScore
from equal_assets.progress import Progress, report
from equal_assets.resources.students.student import Student, completion, prompt
from equal_assets.resources.warehouse import Warehouse, qa_pairs, read_documents
from equal_assets.settings import InfluenceSettings, Settings, fingerprint, portable
from equal_assets.steps.base_student import base_student
from equal_assets.versions import Versions

SCORED_TOGETHER = 1_024
"""Texts that are scored before their scores are stored; the student is loaded once for them."""


@dataclass(frozen=True)
class StudentScorer:
    """Scores texts for one campaign.

    Attributes
    ----------
    kind : {"perplexity", "influence", "states"}
    key : str
        Fingerprint of everything besides the text that decides a score.
    influence : Influence
        Projection of the gradients.
    campaign : str
        Whose reference pairs are the target of influence.
    """

    kind: StudentScore
    key: str
    influence: InfluenceSettings
    campaign: str
    warehouse: Warehouse
    student: Student
    log: dg.DagsterLogManager

    def score_pairs(self, hashes: list[str], *, extractor: str, label: str) -> None:
        """Score the pairs of documents that have no score yet."""
        rows = self.warehouse.query(
            "unscored_pairs", hashes=hashes, extractor=extractor, scorer=self.key
        )
        for start in range(0, len(rows), SCORED_TOGETHER):
            page = rows.slice(start, SCORED_TOGETHER)
            pairs = qa_pairs(page)
            scores = self._score(
                [prompt(pair) for pair in pairs],
                [completion(pair) for pair in pairs],
                progress=part_of(report(self.log, label), start, len(rows)),
            )
            self._store("qa_scores", page.select("qa_id"), scores)

    def document_scores(self) -> pl.DataFrame:
        """Score the documents that have no score yet, and return `document_id, value` of all."""
        query = self.warehouse.query
        ids = query("unscored_documents", scorer=self.key)["document_id"].to_list()
        progress = report(self.log, f"{self.kind} of the documents")
        for start in range(0, len(ids), SCORED_TOGETHER):
            page = read_documents(self.warehouse, ids[start : start + SCORED_TOGETHER])
            texts = [document.text for document in page]
            scores = self._score(
                [""] * len(texts), texts, progress=part_of(progress, start, len(ids))
            )
            hashes = pl.DataFrame({"content_hash": [document.content_hash for document in page]})
            self._store("document_scores", hashes, scores)
        return query("document_scores", scorer=self.key)

    def _score(
        self, prompts: Sequence[str], answers: Sequence[str], *, progress: Progress
    ) -> pl.DataFrame:
        """Return a row `value, flops, seconds` for each answer."""
        base = base_student(self.student, self.warehouse, log=self.log)
        target = self._target(base) if self.kind == "influence" else None
        started = time.monotonic()
        if target is None:
            values = perplexity_scores(
                *self.student.answer_log_probabilities(base, prompts, answers, progress=progress)
            )
        else:
            values = influence_scores(self._gradients(base, prompts, answers, progress), target)
        seconds = (time.monotonic() - started) / len(values)
        flops = self.flops(base, prompts, answers)
        return pl.DataFrame({"value": values, "flops": flops}).with_columns(seconds=seconds)

    def _target(self, base: Path) -> np.ndarray:
        """Return the direction in which the reference pairs pull the student."""
        stored = self.warehouse.query("target_gradient", scorer=self.key)
        if len(stored):
            return stored["gradient"][0].to_numpy()
        started = time.monotonic()
        rows = self.warehouse.query("target_pairs", campaign=self.campaign, split="reference")
        pairs = qa_pairs(rows)
        prompts, answers = [prompt(pair) for pair in pairs], [completion(pair) for pair in pairs]
        gradients = self._gradients(
            base, prompts, answers, report(self.log, "gradients of the reference pairs")
        )
        weights = rows["weight"].to_numpy()
        target = target_gradient(gradients, weights / weights.sum())
        row = {
            "scorer": self.key,
            "gradient": target.tolist(),
            "flops": float(self.flops(base, prompts, answers).sum()),
            "seconds": time.monotonic() - started,
        }
        with self.warehouse.transaction() as transaction:
            transaction.insert("target_gradients", pl.DataFrame([row]))
        return target

    def _gradients(
        self, base: Path, prompts: Sequence[str], answers: Sequence[str], progress: Progress
    ) -> np.ndarray:
        return self.student.answer_gradients(
            base,
            prompts,
            answers,
            dimensions=self.influence.dimensions,
            seed=self.influence.seed,
            progress=progress,
        )

    def flops(self, base: Path, prompts: Sequence[str], answers: Sequence[str]) -> np.ndarray:
        """Return the operations that each answer took: forward, and backward for gradients."""
        count = training_flops if self.kind == "influence" else inference_flops
        n_tokens = self.student.n_tokens_read(base, prompts, answers)
        return n_tokens * count(self.student.n_parameters(base), 1)

    def _store(self, table: str, keys: pl.DataFrame, scores: pl.DataFrame) -> None:
        rows = pl.concat([keys, scores], how="horizontal").with_columns(scorer=pl.lit(self.key))
        with self.warehouse.transaction() as transaction:
            transaction.insert(table, rows)


def student_scorer(
    name: str,
    settings: Settings,
    stored: Versions,
    warehouse: Warehouse,
    student: Student,
    log: dg.DagsterLogManager,
) -> StudentScorer | None:
    """Return what scores pairs or documents for a campaign, if its strategy needs that."""
    kind = settings.campaigns[name].strategy_row.student_score
    if kind is None:
        return None
    decides: dict[str, Any] = {
        "kind": kind,
        **settings.sections("student"),
        "corpus": stored["documents", ""][1],
    }
    if kind == "influence":
        decides |= settings.sections("influence")
        decides["target"] = stored["target_qa", name][1]
    return StudentScorer(
        kind=kind,
        key=fingerprint(portable(decides)),
        influence=settings.influence,
        campaign=name,
        warehouse=warehouse,
        student=student,
        log=log,
    )


def part_of(progress: Progress, done_before: int, total: int) -> Progress:
    """Return progress over a part of the texts, reported as progress over all."""
    return lambda done, _, *note: progress(done_before + done, total, *note)

"""The untuned student's scores of pairs and documents: computed once for each, and stored."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.model_scores import target_gradient
from equal_assets.algorithms.strategies.table import StudentScore
from equal_assets.progress import report
from equal_assets.records import QAPair
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.engine.sharing import shared_model
from equal_assets.resources.students.reading import PromptedAnswers, ReadAnswers
from equal_assets.resources.students.student import Student, completion, prompt
from equal_assets.resources.warehouse import Warehouse, qa_pairs, read_documents
from equal_assets.settings import InfluenceSettings, Settings, fingerprint, portable
from equal_assets.steps.base_student import base_student
from equal_assets.versions import Versions

READ_TOGETHER = 1_024
"""Answers that are read before what came of them is stored: what a kill can lose."""


@dataclass(frozen=True)
class StudentScorer:
    """Has the student score texts for one campaign, by the tasks of an engine.

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
    engine: Engine
    log: dg.DagsterLogManager

    def score_pairs(self, hashes: list[str], *, extractor: str, label: str) -> None:
        """Score the pairs of documents that have no score yet."""
        rows = self.warehouse.query(
            "unscored_pairs", hashes=hashes, extractor=extractor, scorer=self.key
        )
        pages = rows.iter_slices(READ_TOGETHER)
        parts = (answers_of(page["qa_id"], qa_pairs(page)) for page in pages)
        self.read(parts, len(rows), table="qa_scores", label=label)

    def document_scores(self) -> pl.DataFrame:
        """Score the documents that have no score yet, and return `document_id, value` of all."""
        ids = self.warehouse.query("unscored_documents", scorer=self.key)["document_id"]
        self.read_documents(ids, table="document_scores", label=f"{self.kind} of the documents")
        return self.warehouse.query("document_scores", scorer=self.key)

    def read_documents(self, ids: pl.Series, *, table: str, label: str) -> None:
        """Have the student read documents, and store what it makes of each."""
        pages = (ids[start : start + READ_TOGETHER] for start in range(0, len(ids), READ_TOGETHER))
        self.read(map(self._answers, pages), len(ids), table=table, label=label)

    def read(
        self, parts: Iterable[PromptedAnswers], n_answers: int, *, table: str, label: str
    ) -> None:
        """Have the student read answers; each part is stored as soon as it is read."""
        if not n_answers:
            return
        progress = report(self.log, label)
        n_read = 0

        def within_part(done: int, total: int, note: str = "") -> None:
            progress(n_read + done, n_answers, note)

        reader = self._reader()
        if not self.engine.is_elsewhere:
            reader = replace(reader, progress=within_part)
        for rows in self.engine.map(reader, parts):
            with self.warehouse.transaction() as transaction:
                transaction.insert(table, rows.with_columns(scorer=pl.lit(self.key)))
            n_read += len(rows)
            progress(n_read, n_answers)

    def _answers(self, ids: pl.Series) -> PromptedAnswers:
        """Return documents as answers to no question."""
        documents = read_documents(self.warehouse, ids.to_list())
        return PromptedAnswers(
            keys=pl.Series("content_hash", [document.content_hash for document in documents]),
            prompts=[""] * len(documents),
            answers=[document.text for document in documents],
        )

    def _reader(self) -> ReadAnswers:
        base = base_student(self.student, self.warehouse, log=self.log)
        model = shared_model(str(base), self.engine)
        reader = ReadAnswers(self.student, model, self.kind, self.influence)
        return replace(reader, target=self._target(reader)) if self.kind == "influence" else reader

    def _target(self, reader: ReadAnswers) -> np.ndarray:
        """Return the direction in which the reference pairs pull the student."""
        stored = self.warehouse.query("target_gradient", scorer=self.key)
        if len(stored):
            return stored["gradient"][0].to_numpy()
        started = time.monotonic()
        rows = self.warehouse.query("target_pairs", campaign=self.campaign, split="reference")
        if not self.engine.is_elsewhere:
            progress = report(self.log, "gradients of the reference pairs")
            reader = replace(reader, progress=progress)
        reference = answers_of(rows["question"], qa_pairs(rows))
        ((gradients, flops),) = self.engine.map(reader.gradients, [reference])
        weights = rows["weight"].to_numpy()
        target = target_gradient(gradients, weights / weights.sum())
        row = {
            "scorer": self.key,
            "gradient": target.tolist(),
            "flops": flops,
            "seconds": time.monotonic() - started,
        }
        with self.warehouse.transaction() as transaction:
            transaction.insert("target_gradients", pl.DataFrame([row]))
        return target


def answers_of(keys: pl.Series, pairs: Sequence[QAPair]) -> PromptedAnswers:
    """Return pairs as a student reads them."""
    return PromptedAnswers(
        keys=keys,
        prompts=[prompt(pair) for pair in pairs],
        answers=[completion(pair) for pair in pairs],
    )


def student_scorer(
    name: str,
    settings: Settings,
    stored: Versions,
    warehouse: Warehouse,
    student: Student,
    engine: Engine,
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
        engine=engine,
        log=log,
    )

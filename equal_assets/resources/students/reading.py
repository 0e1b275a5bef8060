"""A student reads many answers: a score or a state of each, and what that took."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import polars as pl

from equal_assets.algorithms.flops import inference_flops, training_flops
from equal_assets.algorithms.model_scores import influence_scores, perplexity_scores
from equal_assets.algorithms.strategies.table import StudentScore
from equal_assets.progress import Progress, silent
from equal_assets.resources.storage import Storage, local_path
from equal_assets.resources.students.student import Student
from equal_assets.settings import InfluenceSettings


@dataclass(frozen=True)
class PromptedAnswers:
    """Answers that a student reads together: its model is loaded once for them.

    Attributes
    ----------
    keys : Series of str
        What the row of each is found by; its name is that of the column.
    prompts, answers : list of str
    """

    keys: pl.Series
    prompts: list[str]
    answers: list[str]


@dataclass(frozen=True)
class ReadAnswers:
    """Has a student read answers; may be done by any process that sees the model.

    Attributes
    ----------
    student : Student
    model : str or Storage
        Folder; a storage that holds it where machines do not share theirs.
    kind : {"perplexity", "influence", "states"}
        What is made of an answer.
    influence : InfluenceSettings
        Projection of the gradients.
    target : ndarray of shape (n_dimensions,), optional
        What influence is measured on.
    progress : callable
        Called with answers read and in all, where the task stays in this process.
    """

    student: Student
    model: str | Storage
    kind: StudentScore
    influence: InfluenceSettings
    target: np.ndarray | None = None
    progress: Progress = silent

    def __call__(self, read: PromptedAnswers) -> pl.DataFrame:
        """Return a row an answer: its key, ``value`` or ``state``, ``flops`` and ``seconds``."""
        path = local_path(self.model)
        started = time.monotonic()
        made = self._states(path, read) if self.kind == "states" else self._values(path, read)
        seconds = (time.monotonic() - started) / len(read.keys)
        rows = pl.DataFrame([read.keys, made, pl.Series("flops", self._flops(path, read))])
        return rows.with_columns(seconds=pl.lit(seconds))

    def gradients(self, read: PromptedAnswers) -> tuple[np.ndarray, float]:
        """Return the gradient of each answer, and the operations that all took.

        :meth:`equal_assets.resources.students.student.Student.answer_gradients` of the student.
        """
        path = local_path(self.model)
        return self._gradients(path, read), float(self._flops(path, read).sum())

    def _values(self, path: str, read: PromptedAnswers) -> pl.Series:
        if self.target is not None:
            return pl.Series("value", influence_scores(self._gradients(path, read), self.target))
        log_probabilities, n_tokens = self.student.answer_log_probabilities(
            path, read.prompts, read.answers, progress=self.progress
        )
        return pl.Series("value", perplexity_scores(log_probabilities, n_tokens))

    def _states(self, path: str, read: PromptedAnswers) -> pl.Series:
        states = self.student.answer_states(
            path, read.prompts, read.answers, progress=self.progress
        )
        return pl.Series("state", states).cast(pl.List(pl.Float32))

    def _gradients(self, path: str, read: PromptedAnswers) -> np.ndarray:
        return self.student.answer_gradients(
            path,
            read.prompts,
            read.answers,
            dimensions=self.influence.dimensions,
            seed=self.influence.seed,
            progress=self.progress,
        )

    def _flops(self, path: str, read: PromptedAnswers) -> np.ndarray:
        """Return the operations that each took: forward, and backward for gradients."""
        count = training_flops if self.kind == "influence" else inference_flops
        n_tokens = self.student.n_tokens_read(path, read.prompts, read.answers)
        return n_tokens * count(self.student.n_parameters(path), 1)

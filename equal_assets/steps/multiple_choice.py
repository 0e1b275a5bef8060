"""Judging a student by the true answers: which it finds likeliest, and how likely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equal_assets.algorithms.judging.metrics import (
    correct_choices,
    draw_distractors,
    perplexity,
    pmi_scores,
)
from equal_assets.progress import Progress
from equal_assets.records import QAPair
from equal_assets.resources.students.student import Student, check_pairs, completion, prompt


@dataclass(frozen=True)
class Choices:
    """What a student chose among true answers, and how likely it finds the right one.

    Attributes
    ----------
    chosen : ndarray of shape (n_questions,), int64
        Question whose true answer has the highest PMI.
    is_correct : ndarray of shape (n_questions,), bool
        A tie for the best counts as wrong.
    log_probabilities : ndarray of shape (n_questions,), float64
        ``log p(true answer | question)``, summed over its tokens; nats.
    n_tokens : ndarray of shape (n_questions,), int64
        Tokens of each true answer that were scored.
    """

    chosen: np.ndarray
    is_correct: np.ndarray
    log_probabilities: np.ndarray
    n_tokens: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of the questions that are correct, in [0, 1]."""
        return float(self.is_correct.mean())

    @property
    def perplexity(self) -> float:
        """Of the true answers given their questions, per token; lower is better."""
        return perplexity(self.log_probabilities, self.n_tokens)


def judge_by_choice(
    student: Student,
    path: Path | str,
    pairs: Sequence[QAPair],
    *,
    choices: int,
    seed: int,
    progress: Progress,
) -> Choices:
    """Judge a model by multiple choice and by the likelihood of the true answers.

    Parameters
    ----------
    student : Student
    path : Path or str
        Model folder.
    pairs : sequence of QAPair
        Test questions with their true answers, at least ``choices``.
    choices : int
        Per question, the true answer included.
    seed : int
        Draws the wrong choices.
    progress : callable
        Called with answers scored and in all.

    Returns
    -------
    Choices

    Raises
    ------
    ModelError
        If there is no model in ``path``.
    ValueError
        If there are fewer pairs than choices, or a pair has an empty half.

    Notes
    -----
    The wrong choices are true answers of other questions: the same ones for every model that is
    judged on the same pairs. An answer that reads like the true one is not a wrong choice.
    """
    check_pairs(pairs)
    wrong = draw_distractors(len(pairs), choices, np.random.default_rng(seed))
    asked = np.column_stack([np.arange(len(pairs)), wrong])  # (n_questions, n_choices)
    questions = [prompt(pair) for pair in pairs for _ in range(choices)]
    answers = [completion(pair) for pair in pairs]
    log_probabilities, n_tokens = student.answer_log_probabilities(
        path,
        [*questions, *[""] * len(pairs)],
        [*(answers[choice] for choice in asked.ravel()), *answers],
        progress=progress,
    )
    conditional = log_probabilities[: asked.size].reshape(asked.shape)
    unconditional, lengths = log_probabilities[asked.size :], n_tokens[asked.size :]
    scores = pmi_scores(conditional, unconditional[asked], lengths[asked])
    texts = np.array(answers, dtype=object)
    scores[:, 1:][texts[wrong] == texts[:, None]] = -np.inf
    return Choices(
        chosen=asked[np.arange(len(pairs)), scores.argmax(axis=1)],
        is_correct=correct_choices(scores, np.zeros(len(scores), dtype=np.int64)),
        log_probabilities=conditional[:, 0],
        n_tokens=lengths,
    )

"""How a student is judged on test questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equal_assets.algorithms.metrics import (
    accuracy_interval,
    correct_choices,
    draw_distractors,
    perplexity,
    pmi_scores,
)
from equal_assets.progress import Progress
from equal_assets.records import QAPair
from equal_assets.resources.student import Student, check_pairs, completion, prompt

CONFIDENCE = 0.95


@dataclass(frozen=True)
class StudentScores:
    """How a student does on test questions.

    Attributes
    ----------
    accuracy : float
        Share of questions whose true answer has the highest PMI among the choices, in [0, 1].
    accuracy_low, accuracy_high : float
        95% Wilson interval of ``accuracy``.
    perplexity : float
        Of the true answers given their questions, per token; lower is better.
    n_questions : int
        Questions asked.
    is_correct : tuple of bool, length n_questions
        Which questions count into ``accuracy``.
    answer_log_probability : tuple of float, length n_questions
        ``log p(true answer | question)``, summed over its tokens; nats.
    answer_tokens : tuple of int, length n_questions
        Tokens of each true answer that were scored.
    """

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    perplexity: float
    n_questions: int
    is_correct: tuple[bool, ...]
    answer_log_probability: tuple[float, ...]
    answer_tokens: tuple[int, ...]


def judge_by_choice(
    student: Student,
    path: Path | str,
    pairs: Sequence[QAPair],
    *,
    choices: int,
    seed: int,
    progress: Progress,
) -> StudentScores:
    """Judge a model by multiple choice and by the perplexity of the true answers.

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
    StudentScores

    Raises
    ------
    ModelError
        If there is no model in ``path``.
    ValueError
        If there are fewer pairs than choices, or a pair has an empty half.

    Notes
    -----
    The wrong choices are true answers of other questions: the same ones for every model that
    is judged on the same pairs. An answer that reads like the true one is no wrong choice.
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
    return _student_scores(scores, conditional[:, 0], lengths)


def _student_scores(
    scores: np.ndarray, log_probabilities: np.ndarray, n_tokens: np.ndarray
) -> StudentScores:
    is_correct = correct_choices(scores, np.zeros(len(scores), dtype=np.int64))
    n_correct = int(is_correct.sum())
    low, high = accuracy_interval(n_correct, len(scores), confidence=CONFIDENCE)
    return StudentScores(
        accuracy=n_correct / len(scores),
        accuracy_low=low,
        accuracy_high=high,
        perplexity=perplexity(log_probabilities, n_tokens),
        n_questions=len(scores),
        is_correct=tuple(is_correct.tolist()),
        answer_log_probability=tuple(log_probabilities.tolist()),
        answer_tokens=tuple(n_tokens.tolist()),
    )

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
from equal_assets.records import Option, QAPair
from equal_assets.resources.students.student import Student, check_pairs, completion, prompt


@dataclass(frozen=True)
class Choices:
    """What a student chose among answers, and how likely it finds the right one.

    Attributes
    ----------
    taken : tuple of str
        Per question, the answer with the highest PMI.
    is_correct : ndarray of shape (n_questions,), bool
        A tie for the best counts as wrong.
    log_probabilities : ndarray of shape (n_questions,), float64
        ``log p(true answer | question)``, summed over its tokens; nats.
    n_tokens : ndarray of shape (n_questions,), int64
        Tokens of each true answer that were scored.
    """

    taken: tuple[str, ...]
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
    options: Sequence[Sequence[Option]] = (),
) -> Choices:
    """Judge a model by multiple choice and by the likelihood of the true answers.

    Parameters
    ----------
    student : Student
    path : Path or str
        Model folder.
    pairs : sequence of QAPair
        Test questions with their true answers; without options at least ``choices``.
    choices : int
        Per question, the true answer included.
    seed : int
        Draws the wrong choices.
    progress : callable
        Called with answers scored and in all.
    options : sequence of sequences of Option, optional
        Per question, what can be taken; or, without labels, further right answers.

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
    The wrong choices are the other options of the question. Without options they are true answers
    of other questions: the same ones for every model that is judged on the same pairs. An answer
    that reads like a right one is not a wrong choice.
    """
    check_pairs(pairs)
    offered = options or [()] * len(pairs)
    if all(option.label for of_question in offered for option in of_question) and all(offered):
        asked = [_among_options(*question) for question in zip(pairs, offered, strict=True)]
    else:
        drawn = draw_distractors(len(pairs), choices, np.random.default_rng(seed))
        asked = [
            _among_others(pair, [pairs[other] for other in others], more)
            for pair, others, more in zip(pairs, drawn, offered, strict=True)
        ]
    return _weigh(student, path, pairs, asked, progress=progress)


@dataclass(frozen=True)
class _Asked:
    """The right answers to a question, the one in its pair first, and wrong ones."""

    right: list[str]
    wrong: list[str]

    @property
    def answers(self) -> list[str]:
        return [*self.right, *self.wrong]


def _among_options(pair: QAPair, options: Sequence[Option]) -> _Asked:
    right = [option.shown for option in options if option.is_right]
    wrong = [option.shown for option in options if not option.is_right]
    return _Asked(list(dict.fromkeys([pair.answer, *right])), wrong)


def _among_others(pair: QAPair, others: Sequence[QAPair], more: Sequence[Option]) -> _Asked:
    right = {completion(pair), *(completion(QAPair("", option.text)) for option in more)}
    wrong = [other.answer for other in others if completion(other) not in right]
    return _Asked([pair.answer], wrong)


def _weigh(
    student: Student,
    path: Path | str,
    pairs: Sequence[QAPair],
    asked: Sequence[_Asked],
    *,
    progress: Progress,
) -> Choices:
    """Score the answers of all questions, and take the best of each."""
    answers = [completion(QAPair("", answer)) for of in asked for answer in of.answers]
    places = {answer: place for place, answer in enumerate(dict.fromkeys(answers))}
    questions = [
        prompt(pair) for pair, of in zip(pairs, asked, strict=True) for _ in range(len(of.answers))
    ]
    log_probabilities, n_tokens = student.answer_log_probabilities(
        path,
        [*questions, *[""] * len(places)],
        [*answers, *places],
        progress=progress,
    )
    n_asked = len(answers)
    alone = n_asked + np.array([places[answer] for answer in answers])
    conditional, lengths = log_probabilities[:n_asked], n_tokens[alone]
    pmi = pmi_scores(conditional[None], log_probabilities[alone][None], lengths[None])[0]
    sizes = [len(of.answers) for of in asked]
    starts = np.cumsum([0, *sizes[:-1]])
    scores = np.full((len(asked), max(2, *(1 + len(of.wrong) for of in asked))), -np.inf)
    taken = []
    for row, (start, size, of) in enumerate(zip(starts, sizes, asked, strict=True)):
        of_question, n_right = pmi[start : start + size], len(of.right)
        scores[row, 0] = of_question[:n_right].max()
        scores[row, 1 : 1 + len(of.wrong)] = of_question[n_right:]
        taken.append(of.answers[int(of_question.argmax())])
    return Choices(
        taken=tuple(taken),
        is_correct=correct_choices(scores, np.zeros(len(scores), dtype=np.int64)),
        log_probabilities=conditional[starts],
        n_tokens=lengths[starts],
    )

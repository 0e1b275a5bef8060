"""How a student is judged on test questions: its answers first, metrics from these."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.answer_scoring import Verdict, pass_at_k
from equal_assets.algorithms.final_numbers import number_verdicts
from equal_assets.algorithms.metrics import (
    accuracy_interval,
    correct_choices,
    draw_distractors,
    mean_interval,
    perplexity,
    perplexity_interval,
    pmi_scores,
)
from equal_assets.progress import Progress, report
from equal_assets.records import QAPair
from equal_assets.resources.code_judge import code_verdicts
from equal_assets.resources.math_judge import math_verdicts
from equal_assets.resources.sandbox import Limits
from equal_assets.resources.student import Student, check_pairs, completion, prompt
from equal_assets.resources.targets import CodeTests
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import Evaluation, Settings, fingerprint

CONFIDENCE = 0.95

MATH_SECONDS = 10.0
MATH_MEMORY_MB = 2048
"""What comparing two expressions may take."""

ANSWER_COLUMNS = {
    "measure": pl.String,
    "position": pl.Int32,
    "sample": pl.Int32,
    "prompt": pl.String,
    "output": pl.String,
    "extracted": pl.String,
    "is_correct": pl.Boolean,
    "reason": pl.String,
    "log_probability": pl.Float64,
    "n_tokens": pl.Int32,
}
"""Columns of the table ``student_answers`` that this module fills."""


@dataclass(frozen=True)
class Choices:
    """What a student took among true answers, and how likely it holds the right one.

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


def judge(
    student: Student,
    path: Path | str,
    questions: pl.DataFrame,
    *,
    answers: str,
    evaluation: Evaluation,
    progress: Progress,
) -> pl.DataFrame:
    """Ask a student the test questions.

    Parameters
    ----------
    student : Student
    path : Path or str
        Model folder.
    questions : DataFrame
        Rows of the query ``target_pairs``, at least ``evaluation.choices``.
    answers : {"text", "number", "math", "code"}
        How generated answers are judged; with ``"text"`` none are generated.
    evaluation : Evaluation
    progress : callable
        Called with answers done and in all, of one way of asking after the other.

    Returns
    -------
    DataFrame
        Columns :data:`ANSWER_COLUMNS`, one row an answer and measure.
    """
    pairs = qa_pairs(questions)
    choices = judge_by_choice(
        student, path, pairs, choices=evaluation.choices, seed=evaluation.seed, progress=progress
    )
    rows = _choice_rows(pairs, choices)
    if answers != "text":
        rows += _generated_rows(
            student, path, questions, answers=answers, evaluation=evaluation, progress=progress
        )
    return pl.DataFrame(rows, schema=ANSWER_COLUMNS)


def answers_on_test(
    student: Student,
    path: Path | str,
    warehouse: Warehouse,
    *,
    campaign: str,
    name: str,
    identity: str,
    settings: Settings,
    log: dg.DagsterLogManager,
) -> pl.DataFrame:
    """Ask a campaign's student the test questions, and store what it answered.

    Parameters
    ----------
    student : Student
    path : Path or str
        Model folder.
    warehouse : Warehouse
    campaign, name : str
        Whose student, and which: ``base``, ``tuned`` or a milestone.
    identity : str
        Of the model. One that was asked the same questions in the same way before, for whichever
        campaign, is not asked again.
    settings : Settings
    log : DagsterLogManager

    Returns
    -------
    DataFrame
        Of :func:`judge`.
    """
    questions = warehouse.query("target_pairs", campaign=campaign, split="test")
    kind = settings.targets[settings.campaigns[campaign].target].answers
    judged_as = fingerprint(
        [identity, questions.rows(), kind, settings.evaluation.model_dump(mode="json")]
    )
    answers = warehouse.query("judged_answers", judged_as=judged_as)
    if answers.is_empty():
        answers = judge(
            student,
            path,
            questions,
            answers=kind,
            evaluation=settings.evaluation,
            progress=report(log, f"{campaign}: ask the student ({name})"),
        )
    rows = answers.with_columns(
        campaign=pl.lit(campaign), student=pl.lit(name), judged_as=pl.lit(judged_as)
    )
    with warehouse.transaction() as transaction:
        transaction.replace("student_answers", rows, campaign=campaign, student=name)
    return answers


def metrics_of(answers: pl.DataFrame) -> pl.DataFrame:
    """Return what the answers of a student come to.

    Parameters
    ----------
    answers : DataFrame
        Of :func:`judge`.

    Returns
    -------
    DataFrame
        One row a metric: ``metric`` (as in the table ``student_accuracy``), ``value``, ``low`` and
        ``high`` (95% interval), ``n_questions``.
    """
    rows = []
    for (measure,), of_measure in answers.group_by("measure", maintain_order=True):
        for metric, value, (low, high) in _metrics(str(measure), of_measure):
            n_questions = of_measure["position"].n_unique()
            rows.append((metric, value, low, high, n_questions))
    return pl.DataFrame(
        rows, schema=["metric", "value", "low", "high", "n_questions"], orient="row"
    )


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
    return Choices(
        chosen=asked[np.arange(len(pairs)), scores.argmax(axis=1)],
        is_correct=correct_choices(scores, np.zeros(len(scores), dtype=np.int64)),
        log_probabilities=conditional[:, 0],
        n_tokens=lengths,
    )


def _choice_rows(pairs: Sequence[QAPair], choices: Choices) -> list[dict]:
    rows = []
    for position, pair in enumerate(pairs):
        asked = {"position": position, "sample": 0, "prompt": prompt(pair)}
        taken = {
            "output": pairs[choices.chosen[position]].answer,
            "is_correct": bool(choices.is_correct[position]),
        }
        weighed = {
            "log_probability": float(choices.log_probabilities[position]),
            "n_tokens": int(choices.n_tokens[position]),
        }
        rows += [
            {"measure": "pmi_accuracy", **asked, **taken},
            {"measure": "perplexity", **asked, **weighed},
        ]
    return rows


def _generated_rows(
    student: Student,
    path: Path | str,
    questions: pl.DataFrame,
    *,
    answers: str,
    evaluation: Evaluation,
    progress: Progress,
) -> list[dict]:
    """Let a student write answers, and judge them; one row an answer and measure."""
    pairs = qa_pairs(questions)
    written = student.generate(
        path,
        [pair.question for pair in pairs],
        max_tokens=evaluation.max_answer_tokens,
        samples=evaluation.samples,
        temperature=evaluation.temperature,
        seed=evaluation.seed,
        progress=progress,
    )
    asked = [
        {"position": position, "sample": sample, "prompt": prompt(pair), "output": output}
        for position, (pair, outputs) in enumerate(zip(pairs, written, strict=True))
        for sample, output in enumerate(outputs)
    ]
    verdicts = _verdicts(
        [answer["output"] for answer in asked],
        questions[[answer["position"] for answer in asked]],
        answers=answers,
        evaluation=evaluation,
        progress=progress,
    )
    return [
        {"measure": measure, **answer, **asdict(verdict)}
        for measure, of_measure in verdicts.items()
        for answer, verdict in zip(asked, of_measure, strict=True)
    ]


def _verdicts(
    outputs: list[str],
    questions: pl.DataFrame,
    *,
    answers: str,
    evaluation: Evaluation,
    progress: Progress,
) -> dict[str, list[Verdict]]:
    """Judge outputs by each measure of a kind of answers; a question stands beside each output."""
    references = questions["answer"].to_list()
    if answers == "number":
        return {
            f"number_{name}": number_verdicts(outputs, references, is_strict=is_strict)
            for name, is_strict in (("strict", True), ("flexible", False))
        }
    n_workers = os.cpu_count() or 1
    if answers == "math":
        verdicts = math_verdicts(
            outputs,
            references,
            seconds=MATH_SECONDS,
            memory_mb=MATH_MEMORY_MB,
            n_workers=n_workers,
            progress=progress,
        )
        return {"math": verdicts}
    limits = Limits(seconds=evaluation.code_seconds, memory_mb=evaluation.code_memory_mb)
    tests = [CodeTests(*row) for row in questions.select("code_prefix", "code_tests").iter_rows()]
    verdicts = code_verdicts(outputs, tests, limits=limits, n_workers=n_workers, progress=progress)
    return {"code": verdicts}


def _metrics(measure: str, answers: pl.DataFrame) -> list[tuple[str, float, tuple[float, float]]]:
    """Return name, value and interval of what one measure comes to."""
    if measure == "perplexity":
        weighed = answers["log_probability"].to_numpy(), answers["n_tokens"].to_numpy()
        interval = perplexity_interval(*weighed, confidence=CONFIDENCE)
        return [(measure, perplexity(*weighed), interval)]
    of_question = answers.group_by("position").agg(pl.len(), pl.col("is_correct").sum())
    n_samples = int(of_question["len"][0])
    n_correct = of_question["is_correct"].to_numpy()
    if measure != "code":
        return [(measure, *_pass_rate(n_correct, n_samples, k=1))]
    return [
        (f"pass_at_{k}", *_pass_rate(n_correct, n_samples, k=k)) for k in sorted({1, n_samples})
    ]


def _pass_rate(
    n_correct: np.ndarray, n_samples: int, *, k: int
) -> tuple[float, tuple[float, float]]:
    """Return the share of questions that ``k`` samples answer, with its interval."""
    rates = np.array([pass_at_k(n_samples, int(n), k) for n in n_correct])
    if n_samples == k:  # each question is right or wrong
        interval = accuracy_interval(int(rates.sum()), len(rates), confidence=CONFIDENCE)
    else:
        interval = mean_interval(rates, confidence=CONFIDENCE)
    return float(rates.mean()), interval

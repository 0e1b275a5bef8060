"""How a student is judged on test questions: its answers first, metrics from these."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.judging.metrics import (
    CONFIDENCE,
    accuracy_interval,
    mean_interval,
    perplexity,
    perplexity_interval,
)
from equal_assets.algorithms.judging.numbers import decimal_mark
from equal_assets.algorithms.judging.numerals import DecimalMark
from equal_assets.algorithms.judging.verdicts import pass_at_k
from equal_assets.progress import Progress, report
from equal_assets.records import Option, QAPair
from equal_assets.resources.students.student import Student, prompt
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import EvaluationSettings, Settings, fingerprint
from equal_assets.steps.multiple_choice import Choices, judge_by_choice
from equal_assets.steps.written_answers import written_answers

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

RULES = 2
"""Rises when an answer may be judged otherwise than before: then a base model is asked again."""


def judge(
    student: Student,
    path: Path | str,
    questions: pl.DataFrame,
    *,
    answers: str,
    decimal: DecimalMark | None = None,
    evaluation: EvaluationSettings,
    progress: Progress,
    options: Sequence[Sequence[Option]] = (),
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
        How generated answers are judged; with ``"text"`` none are generated, unless the questions
        have options.
    decimal : {"point", "comma"}, optional
        The decimal mark of numbers, where the target declares one.
    evaluation : Evaluation
    progress : callable
        Called with answers done and in all, for each way of asking in turn.
    options : sequence of sequences of Option, optional
        Per question, its options, or further right answers.

    Returns
    -------
    DataFrame
        Columns :data:`ANSWER_COLUMNS`, one row per answer and measure.
    """
    pairs = qa_pairs(questions)
    choices = judge_by_choice(
        student,
        path,
        pairs,
        choices=evaluation.choices,
        seed=evaluation.seed,
        progress=progress,
        options=options,
    )
    rows = _choice_rows(pairs, choices)
    if answers == "text" and any(option.label for of in options for option in of):
        answers = "choice"
    if answers != "text":
        rows += written_answers(
            student,
            path,
            questions,
            answers=answers,
            decimal=decimal,
            evaluation=evaluation,
            progress=progress,
            options=options,
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
    target = settings.targets[settings.campaigns[campaign].target]
    test = warehouse.query("target_pairs", campaign=campaign, split="test")
    questions = drawn_questions(test, settings.evaluation)
    options = warehouse.query("target_options", campaign=campaign, split="test").join(
        questions.select("position"), on="position", how="semi", maintain_order="left"
    )
    judged_by = [target.answers, target.decimal, RULES]
    asked = [identity, questions.rows(), judged_by, settings.sections("evaluation")]
    judged_as = fingerprint(asked if options.is_empty() else [*asked, options.rows()])
    answers = warehouse.query("judged_answers", judged_as=judged_as)
    if answers.is_empty():
        answers = judge(
            student,
            path,
            questions,
            answers=target.answers,
            decimal=target.decimal or decimal_mark(test["answer"], texts=test["question"]),
            evaluation=settings.evaluation,
            progress=report(log, f"{campaign}: ask the student ({name})"),
            options=_options_of(options, questions["position"]),
        ).with_columns(pl.lit(questions["position"]).gather(pl.col("position")))
    rows = answers.with_columns(
        campaign=pl.lit(campaign), student=pl.lit(name), judged_as=pl.lit(judged_as)
    )
    with warehouse.transaction() as transaction:
        transaction.replace("student_answers", rows, campaign=campaign, student=name)
    return answers


def drawn_questions(test: pl.DataFrame, evaluation: EvaluationSettings) -> pl.DataFrame:
    """Return the test questions that are asked, in their order: all, or as many as are wanted.

    The same seed draws the same questions for every student and campaign of a target; more
    questions are those and others.
    """
    drawn = np.random.default_rng(evaluation.seed).permutation(len(test))[: evaluation.questions]
    return test[np.sort(drawn)]


def metrics_of(answers: pl.DataFrame) -> pl.DataFrame:
    """Return the metrics of a student's answers.

    Parameters
    ----------
    answers : DataFrame
        Of :func:`judge`.

    Returns
    -------
    DataFrame
        One row per metric: ``metric`` (as in the table ``student_accuracy``), ``value``, ``low``
        and ``high`` (95% interval), ``n_questions``.
    """
    rows = []
    for (measure,), of_measure in answers.group_by("measure", maintain_order=True):
        for metric, value, (low, high) in _metrics(str(measure), of_measure):
            n_questions = of_measure["position"].n_unique()
            rows.append((metric, value, low, high, n_questions))
    return pl.DataFrame(
        rows, schema=["metric", "value", "low", "high", "n_questions"], orient="row"
    )


def _options_of(rows: pl.DataFrame, positions: pl.Series) -> list[list[Option]]:
    """Return the rows of the query ``target_options`` by question; nothing if there are none."""
    if rows.is_empty():
        return []
    found: dict[int, list[Option]] = {position: [] for position in positions}
    for position, _, label, answer, is_right in rows.iter_rows():
        found[position].append(Option(label, answer, is_right))
    return list(found.values())


def _choice_rows(pairs: Sequence[QAPair], choices: Choices) -> list[dict]:
    rows = []
    for position, pair in enumerate(pairs):
        asked = {"position": position, "sample": 0, "prompt": prompt(pair)}
        taken = {
            "output": choices.taken[position],
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


def _metrics(measure: str, answers: pl.DataFrame) -> list[tuple[str, float, tuple[float, float]]]:
    """Return name, value and interval of one measure."""
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

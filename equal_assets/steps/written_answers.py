"""Judging a student by what it writes: final numbers, mathematics, code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import polars as pl

from equal_assets.algorithms.judging.choices import choice_verdicts
from equal_assets.algorithms.judging.numbers import decimal_mark, number_verdicts
from equal_assets.algorithms.judging.numerals import DecimalMark
from equal_assets.algorithms.judging.verdicts import Verdict
from equal_assets.progress import Progress
from equal_assets.records import Option
from equal_assets.resources.judges.code_judge import code_verdicts
from equal_assets.resources.judges.math_judge import MATH_MEMORY_MB, MATH_SECONDS, math_verdicts
from equal_assets.resources.judges.sandbox import Limits
from equal_assets.resources.students.student import Student, prompt
from equal_assets.resources.targets.reading import CodeTests
from equal_assets.resources.warehouse import qa_pairs
from equal_assets.settings import EvaluationSettings


def written_answers(
    student: Student,
    path: Path | str,
    questions: pl.DataFrame,
    *,
    answers: str,
    decimal: DecimalMark | None,
    evaluation: EvaluationSettings,
    progress: Progress,
    options: Sequence[Sequence[Option]] = (),
) -> list[dict]:
    """Let a student write answers, and judge them; one row per answer and measure.

    Questions may have options, or further right answers: then any right one counts.
    """
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
    positions = [position for position, outputs in enumerate(written) for _ in outputs]
    outputs = [output for of_question in written for output in of_question]
    offered = [options[position] for position in positions] if options else []
    if answers == "choice":
        verdicts = {"choice": choice_verdicts(outputs, offered)}
    else:
        verdicts = _of_any(
            outputs,
            questions[positions],
            offered,
            answers=answers,
            decimal=decimal or decimal_mark(questions["answer"], texts=questions["question"]),
            evaluation=evaluation,
            progress=progress,
        )
    return [
        {"measure": measure, **answer, **asdict(verdict)}
        for measure, of_measure in verdicts.items()
        for answer, verdict in zip(asked, of_measure, strict=True)
    ]


def _of_any(
    outputs: list[str],
    questions: pl.DataFrame,
    offered: Sequence[Sequence[Option]],
    *,
    answers: str,
    decimal: DecimalMark | None,
    evaluation: EvaluationSettings,
    progress: Progress,
) -> dict[str, list[Verdict]]:
    """Judge outputs by each right answer of their question; the first that they agree with counts.

    An output that agrees with none has the verdict by the first answer.
    """
    offered = () if answers == "code" else offered  # its tests say what is right
    more = [(row, option.text) for row, of in enumerate(offered) for option in of]
    rows, texts = [row for row, _ in more], [text for _, text in more]
    by_more = questions[rows].with_columns(answer=pl.Series(texts, dtype=pl.String))
    judged = _verdicts(
        [*outputs, *(outputs[row] for row in rows)],
        pl.concat([questions, by_more]),
        answers=answers,
        decimal=decimal,
        evaluation=evaluation,
        progress=progress,
    )
    for verdicts in judged.values():
        for row, verdict in zip(rows, verdicts[len(outputs) :], strict=True):
            if verdict.is_correct and not verdicts[row].is_correct:
                verdicts[row] = verdict
        del verdicts[len(outputs) :]
    return judged


def _verdicts(
    outputs: list[str],
    questions: pl.DataFrame,
    *,
    answers: str,
    decimal: DecimalMark | None,
    evaluation: EvaluationSettings,
    progress: Progress,
) -> dict[str, list[Verdict]]:
    """Judge outputs by each measure of a kind of answers; output and question share a row."""
    references = questions["answer"].to_list()
    if answers == "number":
        return {
            f"number_{name}": number_verdicts(
                outputs, references, is_strict=is_strict, decimal=decimal
            )
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
    columns = questions.select("code_prefix", "code_tests", "answer")
    tests = [CodeTests(*row) for row in columns.iter_rows()]
    verdicts = code_verdicts(outputs, tests, limits=limits, n_workers=n_workers, progress=progress)
    return {"code": verdicts}

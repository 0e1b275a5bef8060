"""Judging a student by what it writes: final numbers, mathematics, code."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import polars as pl

from equal_assets.algorithms.judging.numbers import decimal_mark, number_verdicts
from equal_assets.algorithms.judging.numerals import DecimalMark
from equal_assets.algorithms.judging.verdicts import Verdict
from equal_assets.progress import Progress
from equal_assets.resources.judges.code_judge import code_verdicts
from equal_assets.resources.judges.math_judge import math_verdicts
from equal_assets.resources.judges.sandbox import Limits
from equal_assets.resources.students.student import Student, prompt
from equal_assets.resources.targets.reading import CodeTests
from equal_assets.resources.warehouse import qa_pairs
from equal_assets.settings import EvaluationSettings

MATH_SECONDS = 10.0
MATH_MEMORY_MB = 2048
"""Limits of comparing two expressions."""


def written_answers(
    student: Student,
    path: Path | str,
    questions: pl.DataFrame,
    *,
    answers: str,
    decimal: DecimalMark | None,
    evaluation: EvaluationSettings,
    progress: Progress,
) -> list[dict]:
    """Let a student write answers, and judge them; one row per answer and measure."""
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
    verdicts = _verdicts(
        [output for outputs in written for output in outputs],
        questions[positions],
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
    tests = [CodeTests(*row) for row in questions.select("code_prefix", "code_tests").iter_rows()]
    verdicts = code_verdicts(outputs, tests, limits=limits, n_workers=n_workers, progress=progress)
    return {"code": verdicts}

"""What `equal check` sees of a target: all its pairs are read, and one answer is judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from equal_assets.algorithms.judging.choices import choice_verdicts
from equal_assets.algorithms.judging.numbers import number_verdicts
from equal_assets.algorithms.judging.numerals import DecimalMark
from equal_assets.algorithms.judging.verdicts import Verdict
from equal_assets.algorithms.pruning import LEAST_QUESTIONS
from equal_assets.errors import CorpusError
from equal_assets.progress import silent
from equal_assets.records import Option, QAPair
from equal_assets.resources.corpora.places import base_folder, shown_path
from equal_assets.resources.judges.code_judge import code_verdicts
from equal_assets.resources.judges.math_judge import MATH_MEMORY_MB, MATH_SECONDS, math_verdicts
from equal_assets.resources.judges.sandbox import Limits
from equal_assets.resources.targets.answers import mark_of
from equal_assets.resources.targets.pairs import readers
from equal_assets.resources.targets.reading import (
    CodeTests,
    read_code_tests,
    read_options,
    read_target,
    read_weights,
)
from equal_assets.settings import EvaluationSettings, TargetSettings

SHOWN_CHARACTERS = 60


def look_through_target(target: TargetSettings, evaluation: EvaluationSettings) -> str:
    """Read a target, judge the true answer to its first test question, and say what was found.

    Raises
    ------
    CorpusError
        If the files cannot be used, or that answer would count as wrong.
    SandboxError
        If this machine cannot run code safely, for a target whose answers are code.
    """
    reference, test = read_target(target)
    read_weights(target)
    options = read_options(target)[1]
    tests, decimal = read_code_tests(target)[:1], mark_of(test, target)
    verdict = _verdict(target, test[0], options[0], tests, decimal, evaluation)
    if verdict and not verdict.is_correct:
        raise CorpusError(
            f"{shown_path(Path(target.test), base_folder())}: the true answer to the first "
            f"question must count as right, but does not ({verdict.reason}); correct it, or answers"
        )
    read = f", numbers with a decimal {decimal}" if decimal else ""
    is_drawn = evaluation.questions is not None and evaluation.questions < len(test)
    asked = f", of which {evaluation.questions} will be asked" if is_drawn else ""
    layout = readers(target)[0].layout
    how = f"the first true answer is judged right ({verdict.extracted})" if verdict else ""
    return "; ".join(
        [
            f"{len(reference)} reference and {len(test)} test pairs{asked}{read}",
            f"read from {', '.join(layout.fields())}",
            f"the first is: {_shown(reference[0].question)} -> {_shown(reference[0].answer)}",
            _cut(how, 2 * SHOWN_CHARACTERS) or "written answers are not judged (answers: text)",
        ]
    )


def warn_of_few_pairs(target: TargetSettings) -> str:
    """Return what to say of a reference set that is too small to tell what a task is, or ""."""
    n_pairs = len(read_target(target)[0])
    if n_pairs >= LEAST_QUESTIONS:
        return ""
    pairs, them = ("pair", "it") if n_pairs == 1 else ("pairs", "them")
    return (
        f"{n_pairs} reference {pairs}: all that is known of the task, so documents are taken that "
        f"look like {them}; fewer than {LEAST_QUESTIONS} cannot be told apart from chance, 50 and "
        "more are better"
    )


def _verdict(
    target: TargetSettings,
    pair: QAPair,
    options: Sequence[Option],
    tests: Sequence[CodeTests],
    decimal: DecimalMark | None,
    evaluation: EvaluationSettings,
) -> Verdict | None:
    """Judge the true answer as a student's; None where what is written is not judged."""
    answers = [pair.answer]
    if any(option.label for option in options):
        return choice_verdicts(answers, [options])[0]
    if target.answers == "number":
        return number_verdicts(answers, answers, is_strict=False, decimal=decimal)[0]
    if target.answers == "math":
        try:
            return math_verdicts(
                answers,
                answers,
                seconds=MATH_SECONDS,
                memory_mb=MATH_MEMORY_MB,
                n_workers=1,
                progress=silent,
            )[0]
        except ValueError as error:
            raise CorpusError(f"{target.test}: {error}") from error
    if target.answers == "code":
        limits = Limits(seconds=evaluation.code_seconds, memory_mb=evaluation.code_memory_mb)
        return code_verdicts(answers, tests, limits=limits, n_workers=1, progress=silent)[0]
    return None


def _shown(text: str) -> str:
    return _cut(" ".join(text.split()), SHOWN_CHARACTERS)


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}…"

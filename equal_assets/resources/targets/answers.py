"""Test answers that no answer of a student could be compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from equal_assets.algorithms.judging.mathematics import reference_doubt as mathematics_doubt
from equal_assets.algorithms.judging.numbers import NO_NUMBER, decimal_mark
from equal_assets.algorithms.judging.numbers import reference_doubt as number_doubt
from equal_assets.algorithms.judging.numerals import DecimalMark
from equal_assets.records import QAPair
from equal_assets.settings import TargetSettings

SHOWN_CHARACTERS = 80


def answer_mistakes(file: str, pairs: Mapping[int, QAPair], target: TargetSettings) -> list[str]:
    """Return the mistakes in the answers of a test file, each with file and line.

    Parameters
    ----------
    file : str
    pairs : mapping of int to QAPair
        The test pairs by line.
    target : TargetSettings
        Says how answers are judged.
    """
    told = _numbers_told if target.answers == "number" else _mathematics_told
    if target.answers not in ("number", "math"):
        return []
    return [
        f"{file}:{line}: {mistake}"
        for line, mistake in zip(pairs, told(list(pairs.values()), target), strict=True)
        if mistake
    ]


def mark_of(pairs: Sequence[QAPair], target: TargetSettings) -> DecimalMark | None:
    """Return the decimal mark of a target's test answers: declared, or told by them."""
    if target.answers != "number":
        return None
    questions = [pair.question for pair in pairs]
    return target.decimal or decimal_mark([pair.answer for pair in pairs], texts=questions)


def _numbers_told(pairs: list[QAPair], target: TargetSettings) -> Iterator[str | None]:
    decimal = mark_of(pairs, target)
    for pair in pairs:
        doubt = number_doubt(pair.answer, decimal)
        if doubt == NO_NUMBER:
            yield f"{doubt}, which `answers: number` compares"
        else:
            yield doubt and (
                f"{_shown(pair, target)}: must be one number, but {doubt}; set the target's "
                "`decimal` to point or comma, end the answer like '#### 18', or judge it as text"
            )


def _mathematics_told(pairs: list[QAPair], target: TargetSettings) -> Iterator[str | None]:
    for pair in pairs:
        doubt = mathematics_doubt(pair.answer)
        yield doubt and (
            f"{_shown(pair, target)}: must be an answer, in a complete \\boxed{{...}} or alone, "
            f"but {doubt}; mend it, or judge the target as text"
        )


def _shown(pair: QAPair, target: TargetSettings) -> str:
    return f"{target.answer_field} = {pair.answer[-SHOWN_CHARACTERS:]!r}"

"""Test answers that no answer of a student could be compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from equal_assets.algorithms.judging.mathematics import reference_doubt as mathematics_doubt
from equal_assets.algorithms.judging.numbers import NO_NUMBER, decimal_mark
from equal_assets.algorithms.judging.numbers import reference_doubt as number_doubt
from equal_assets.algorithms.judging.numerals import DecimalMark
from equal_assets.records import Option, QAPair
from equal_assets.settings import TargetSettings

SHOWN_CHARACTERS = 80


def answer_mistakes(
    file: str,
    pairs: Mapping[int, QAPair],
    more: Mapping[int, Sequence[Option]],
    target: TargetSettings,
) -> list[str]:
    """Return the mistakes in the answers of a test file, each with file and line.

    Parameters
    ----------
    file : str
    pairs : mapping of int to QAPair
        The test pairs by line.
    more : mapping of int to sequence of Option
        Further right answers by line.
    target : TargetSettings
        Says how answers are judged.
    """
    if target.answers not in ("number", "math"):
        return []
    decimal = mark_of(list(pairs.values()), target)
    return [
        f"{file}:{line}: {mistake}"
        for line, pair in pairs.items()
        for named, answer in _right_answers(pair, more.get(line, ()))
        if (mistake := _told(named, answer, decimal, target))
    ]


def mark_of(pairs: Sequence[QAPair], target: TargetSettings) -> DecimalMark | None:
    """Return the decimal mark of a target's test answers: declared, or told by them."""
    if target.answers != "number":
        return None
    questions = [pair.question for pair in pairs]
    return target.decimal or decimal_mark([pair.answer for pair in pairs], texts=questions)


def _right_answers(pair: QAPair, more: Sequence[Option]) -> Iterator[tuple[str, str]]:
    """Yield the right answers, each with what a message calls it."""
    yield "the answer", pair.answer
    for option in more:
        yield f"the right answer {option.text!r}", option.text


def _told(
    named: str, answer: str, decimal: DecimalMark | None, target: TargetSettings
) -> str | None:
    """Return what is wrong with a true answer; None if others can be compared with it."""
    shown = f"{target.answer_field} = {answer[-SHOWN_CHARACTERS:]!r}"
    if target.answers == "math":
        doubt = mathematics_doubt(answer)
        return doubt and (
            f"{shown}: must be an answer, in a complete \\boxed{{...}} or alone, "
            f"but {doubt}; mend it, or judge the target as text"
        )
    doubt = number_doubt(answer, decimal)
    if doubt == NO_NUMBER:
        return f"{named} holds no number, which `answers: number` compares"
    return doubt and (
        f"{shown}: must be one number, but {doubt}; set the target's "
        "`decimal` to point or comma, end the answer like '#### 18', or judge it as text"
    )

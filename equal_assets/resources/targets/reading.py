"""The target task: pairs that steer, pairs that judge, and the tests of code answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from equal_assets.algorithms.judging.programs import parsed
from equal_assets.records import QAPair, RejectedRow
from equal_assets.resources.corpora.places import base_folder, shown_path
from equal_assets.resources.targets.answers import answer_mistakes
from equal_assets.resources.targets.mistakes import refuse
from equal_assets.resources.targets.pairs import Options, PairReader, readers
from equal_assets.resources.targets.presets import fetch_target
from equal_assets.resources.targets.rows import read_rows_of
from equal_assets.settings import TargetSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CodeTests:
    """How code that answers a test question is run.

    Attributes
    ----------
    prefix : str
        Comes before the code: the beginning that the question shows; mostly empty.
    tests : str
        Python statements that come after it and raise if it is wrong.
    answer : str
        A true answer, which shows what the tests use of a program; empty if unknown.
    """

    prefix: str
    tests: str
    answer: str = ""


def read_target(target: TargetSettings) -> tuple[list[QAPair], list[QAPair]]:
    """Read the QA pairs of a target.

    Parameters
    ----------
    target : TargetSettings
        Names two files and, where they are not recognized, the fields to read; missing files of a
        preset are downloaded.

    Returns
    -------
    tuple of two lists of QAPair
        The reference pairs, which steer the selection, and the test pairs, only for evaluation.

    Raises
    ------
    CorpusError
        With up to 10 mistakes, each with file and line: a bad line, a question that is twice in a
        file, a test question that is in the reference file too, a test answer that cannot be
        judged as the target says; or if a file holds no pair. Questions are compared up to case
        and white space.
    """
    fetch_target(target)
    base = base_folder()
    files = [shown_path(Path(path), base) for path in (target.reference, target.test)]
    of_reference, of_test = readers(target)
    reference, reference_mistakes = read_pairs(Path(target.reference), files[0], of_reference)
    test, test_mistakes = read_pairs(Path(target.test), files[1], of_test)
    lines = {_folded(pair.question): line for line, pair in reference.items()}
    leaks = [
        f"{files[1]}:{line}: the question is in {files[0]}:{lines[question]} too; a test "
        "question must not steer the selection"
        for line, pair in test.items()
        if (question := _folded(pair.question)) in lines
    ]
    more = {} if test_mistakes else dict(zip(test, _options(target.test, of_test), strict=True))
    unjudged = answer_mistakes(files[1], test, more, target)
    refuse([*reference_mistakes, *test_mistakes, *leaks, *unjudged])
    return list(reference.values()), list(test.values())


def read_options(target: TargetSettings) -> tuple[list[Options], list[Options]]:
    """Read the options of a target's questions, and further right answers.

    Parameters
    ----------
    target : TargetSettings
        One that :func:`read_target` accepts.

    Returns
    -------
    tuple of two lists of tuples of Option
        In the order of the reference pairs and of the test pairs. Empty for a question that has
        one right answer and no options.
    """
    reference, test = readers(target)
    return _options(target.reference, reference), _options(target.test, test)


def _options(path: str, reader: PairReader) -> list[Options]:
    return _read_rows(Path(path), lambda values: reader.read(values)[1])


def read_weights(target: TargetSettings) -> list[float]:
    """Read how much each reference pair of a target counts.

    Parameters
    ----------
    target : TargetSettings
        One that :func:`read_target` accepts.

    Returns
    -------
    list of float
        In the order of the reference pairs; 1 for all if ``weight_field`` is not set.

    Raises
    ------
    CorpusError
        With up to 10 mistakes, each with file and line: a weight that is missing, not a number,
        or not above 0.
    """
    return _read_rows(Path(target.reference), lambda values: _weight(values, target))


def read_code_tests(target: TargetSettings) -> list[CodeTests]:
    """Read how the answers to a target's test questions are run.

    Parameters
    ----------
    target : TargetSettings
        One that :func:`read_target` accepts.

    Returns
    -------
    list of CodeTests
        In the order of the test pairs; empty unless ``answers`` is ``code``.

    Raises
    ------
    CorpusError
        With up to 10 mistakes, each with file and line: a field is missing or has the wrong type.
    """
    if target.answers != "code":
        return []
    return _read_rows(Path(target.test), lambda values: _code_tests(values, target))


def _read_rows(path: Path, parse: Callable[[dict[str, Any]], T]) -> list[T]:
    """Return each row, parsed, of a file that :func:`read_target` accepts.

    A ValueError of ``parse`` is a mistake in the file, reported with the line.
    """
    file = shown_path(path, base_folder())
    found: list[T] = []
    mistakes: list[str] = []
    for item in read_rows_of(path, file):
        if isinstance(item, RejectedRow):
            continue  # read_target has refused such a file
        line, values = item
        try:
            found.append(parse(values))
        except ValueError as error:
            mistakes.append(f"{file}:{line}: {error}")
    refuse(mistakes)
    return found


def _weight(values: dict[str, Any], target: TargetSettings) -> float:
    weight = values.get(target.weight_field) if target.weight_field else 1.0
    if not (_is_number(weight) and 0 < weight < math.inf):
        raise ValueError(f"{target.weight_field} = {weight!r}: must be a number above 0")
    return float(weight)


def _code_tests(values: dict[str, Any], target: TargetSettings) -> CodeTests:
    tests = values.get(target.tests_field or "")
    statements = tests if isinstance(tests, list) else [tests]
    if not statements or not all(isinstance(s, str) and s.strip() for s in statements):
        raise ValueError(
            f"{target.tests_field} = {tests!r}: must be Python statements, one text or a list"
        )
    for statement in statements:
        if isinstance(mistake := parsed(str(statement)), SyntaxError):
            raise ValueError(f"{target.tests_field} = {statement!r}: must be Python; {mistake}")
    setup, prefix, entry_point = (
        _text(values, name)
        for name in (target.setup_field, target.prefix_field, target.entry_point_field)
    )
    if target.entry_point_field and not entry_point.isidentifier():
        raise ValueError(
            f"{target.entry_point_field} = {entry_point!r}: must be the name of a function"
        )
    calls = [f"check({entry_point})"] if entry_point else []
    before = [setup] if setup.strip() else []
    return CodeTests(prefix=prefix, tests="\n".join([*before, *statements, *calls]))


def _text(values: dict[str, Any], name: str | None) -> str:
    """Return a field as text; empty if the settings name none."""
    text = values.get(name) if name else ""
    if not isinstance(text, str):
        raise ValueError(f"{name} = {text!r}: must be text")
    return text


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_pairs(path: Path, file: str, reader: PairReader) -> tuple[dict[int, QAPair], list[str]]:
    """Return the pairs of a file by line, and its mistakes."""
    pairs: dict[int, QAPair] = {}
    mistakes: list[str] = []
    first_lines: dict[str, int] = {}
    for item in read_rows_of(path, file):
        if isinstance(item, RejectedRow):
            mistakes.append(f"{file}:{item.row}: {item.reason}: {item.excerpt}")
            continue
        line, values = item
        try:
            pair, _ = reader.read(values)
        except ValueError as error:
            mistakes.append(f"{file}:{line}: {error}")
            continue
        first = first_lines.setdefault(_folded(pair.question), line)
        if first == line:
            pairs[line] = pair
        else:
            mistakes.append(f"{file}:{line}: the question is in line {first} already")
    if not pairs and not mistakes:
        mistakes.append(f"{file}: holds no QA pair")
    return pairs, mistakes


def _folded(question: str) -> str:
    return " ".join(question.casefold().split())

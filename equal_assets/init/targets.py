"""Looking at target questions: what their fields hold, how answers read, and splitting one file."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equal_assets.errors import CorpusError
from equal_assets.records import QAPair, RejectedRow
from equal_assets.resources.targets.mistakes import refuse
from equal_assets.resources.targets.pairs import first_rows, readers
from equal_assets.resources.targets.reading import read_pairs, read_target
from equal_assets.resources.targets.rows import read_rows_of
from equal_assets.resources.targets.values import has_field
from equal_assets.settings import TargetSettings

SPLIT_SEED = 0
SHOWN_LINES, SHOWN_CHARACTERS = 8, 100
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")

Keys = dict[str, Any]


@dataclass(frozen=True)
class Targets:
    """Two files of questions, how many pairs they hold, and the first of those that steer."""

    settings: TargetSettings
    n_reference: int
    n_test: int
    example: QAPair


def guess_fields(file: Path, given: dict[str, str | None]) -> Keys:
    """Return the keys of a target that say what the fields of a file hold.

    Parameters
    ----------
    file : Path
    given : dict
        Keys that are known; those that are None are recognized.

    Raises
    ------
    CorpusError
        If the file cannot be read, lacks a field that is given or has none with a likely name, or
        has several that could hold the same.
    """
    if not file.is_file():
        raise CorpusError(f"{file}: must be a file of questions; there is no such file")
    named = {key: name for key, name in given.items() if name}
    rows, rejected = first_rows(file)
    refuse([f"{file.name}:{row.row}: {row.reason}: {row.excerpt}" for row in rejected])
    reader, _ = readers(TargetSettings(reference=str(file), test=str(file), **named))
    layout = reader.layout
    for key in ("question_field", "answer_field"):
        name: str = getattr(layout, key)
        if not any(has_field(row, name) for row in rows):
            option = f"--{key.replace('_', '-')}"
            fields = ", ".join(dict.fromkeys(str(n) for row in rows for n in row))
            raise CorpusError(
                f"{option} = {named.get(key, 'not given')}: must be a field of {file.name}, which "
                f"has: {fields or 'none'}; name it with {option}"
            )
    if layout.format == "chat":
        return {"format": "chat", "question_field": layout.question_field}
    is_shown = "choice_key" in named or reader.choice_key.startswith("from_")
    return {
        "question_field": layout.question_field,
        "answer_field": layout.answer_field,
        **layout.keys(),
        **({"choice_key": reader.choice_key} if is_shown and layout.choices_field else {}),
    }


def shared_fields(fields: Keys, test: Path, given: dict[str, str | None]) -> Keys:
    """Return the keys for two files: those of the first, or only those given if they differ."""
    if guess_fields(test, given) == fields:
        return fields
    return {key: name for key, name in given.items() if name}


def look_at_target(reference: Path, test: Path, fields: Keys) -> Targets:
    """Read both files.

    Raises
    ------
    CorpusError
        With every mistake, each with file and line.
    """
    settings = TargetSettings(reference=str(reference), test=str(test), **fields)
    steering, judging = read_target(settings)
    return Targets(settings, len(steering), len(judging), steering[0])


def guess_answers(pairs: Iterable[QAPair]) -> str:
    """Return how answers like these are judged: as numbers, mathematics, or not at all."""
    answers = [pair.answer for pair in pairs]
    if all(NUMBER.fullmatch(answer) or "\n#### " in answer for answer in answers):
        return "number"
    return "math" if all("\\boxed{" in answer for answer in answers) else "text"


def shown_pair(pair: QAPair) -> Iterator[str]:
    """Yield the first lines of a pair as it is read."""
    for said, text in (("question", pair.question), ("answer", pair.answer)):
        lines = text.splitlines()
        for place, line in enumerate(lines[:SHOWN_LINES]):
            more = "…" if len(line) > SHOWN_CHARACTERS else ""
            yield f"{said if place == 0 else '':<10}{line[:SHOWN_CHARACTERS]}{more}".rstrip()
        if len(lines) > SHOWN_LINES:
            yield f"{'':<10}… ({len(lines) - SHOWN_LINES} more lines)"


def read_file(file: Path, fields: Keys) -> dict[int, QAPair]:
    """Return the pairs of a file by row.

    Raises
    ------
    CorpusError
        With every mistake, each with file and line.
    """
    reader, _ = readers(TargetSettings(reference=str(file), test=str(file), **fields))
    pairs, mistakes = read_pairs(file, file.name, reader)
    refuse(mistakes)
    return pairs


def split_questions(file: Path, fields: Keys) -> tuple[str, str]:
    """Split the rows of a file into two halves by a seed: reference and test, each as JSONL.

    Raises
    ------
    CorpusError
        If a row holds no pair, or the file fewer than two.
    """
    pairs = read_file(file, fields)
    if len(pairs) < 2:
        raise CorpusError(f"{file.name} holds {len(pairs)} pair: must be at least 2 to be split")
    drawn = set(random.Random(SPLIT_SEED).sample(sorted(pairs), len(pairs) // 2))
    rows = [i for i in read_rows_of(file, file.name) if not isinstance(i, RejectedRow)]
    reference = [values for line, values in rows if line not in drawn]
    return _json_lines(reference), _json_lines([values for line, values in rows if line in drawn])


def _json_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False, default=_as_text)}\n" for row in rows)


def _as_text(value: Any) -> str:
    """Return a value of Parquet that JSON has no form for, such as bytes or a date."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

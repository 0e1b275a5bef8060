"""Looking at target questions: which fields hold question and answer, and splitting one file."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from equal_assets.errors import CorpusError
from equal_assets.records import RejectedRow
from equal_assets.resources.corpora.json_lines import read_json_lines
from equal_assets.resources.targets.mistakes import refuse
from equal_assets.resources.targets.reading import read_pairs, read_target
from equal_assets.settings import TargetSettings

SAMPLE_ROWS = 20
SPLIT_SEED = 0
FIELDS = {
    "question_field": ("question", "prompt", "instruction", "query", "problem", "input"),
    "answer_field": ("answer", "response", "completion", "output", "solution", "reply"),
}
"""Names of fields that are likely to hold what a key of a target asks for, the likeliest first."""


@dataclass(frozen=True)
class Targets:
    """Two files of questions, and how many pairs they hold."""

    settings: TargetSettings
    n_reference: int
    n_test: int


def guess_fields(file: Path, given: dict[str, str | None]) -> dict[str, str]:
    """Return the fields that hold question and answer: those given, else by their names.

    Raises
    ------
    CorpusError
        If the file cannot be read, has no field that is given, or none with a likely name.
    """
    if not file.is_file():
        raise CorpusError(f"{file}: must be a JSONL file of questions; there is no such file")
    items = list(islice(read_json_lines(file, file.name), SAMPLE_ROWS))
    refuse(
        [
            f"{file.name}:{i.row}: {i.reason}: {i.excerpt}"
            for i in items
            if isinstance(i, RejectedRow)
        ]
    )
    names = list(dict.fromkeys(n for i in items if not isinstance(i, RejectedRow) for n in i[1]))
    chosen = {}
    for key, likely in FIELDS.items():
        asked = given.get(key)
        found = [name for name in ([asked] if asked else likely) if name in names]
        if not found:
            option = f"--{key.replace('_', '-')}"
            raise CorpusError(
                f"{option} = {asked or 'not given'}: must be a field of {file.name}, which has: "
                f"{', '.join(names) or 'none'}; name it with {option}"
            )
        chosen[key] = found[0]
    return chosen


def look_at_target(reference: Path, test: Path, fields: dict[str, str]) -> Targets:
    """Read both files.

    Raises
    ------
    CorpusError
        With every mistake, each with file and line.
    """
    settings = TargetSettings(reference=str(reference), test=str(test), **fields)
    pairs = read_target(settings)
    return Targets(settings, len(pairs[0]), len(pairs[1]))


def split_questions(file: Path, fields: dict[str, str]) -> tuple[str, str]:
    """Split the rows of a file into two halves by a seed: reference and test, each as JSONL.

    Raises
    ------
    CorpusError
        If a row holds no pair, or the file fewer than two.
    """
    settings = TargetSettings(reference=str(file), test=str(file), **fields)
    pairs, mistakes = read_pairs(file, file.name, settings)
    refuse(mistakes)
    if len(pairs) < 2:
        raise CorpusError(f"{file.name} holds {len(pairs)} pair: must be at least 2 to be split")
    drawn = set(random.Random(SPLIT_SEED).sample(sorted(pairs), len(pairs) // 2))
    rows = [item for item in read_json_lines(file, file.name) if not isinstance(item, RejectedRow)]
    reference = [values for line, values in rows if line not in drawn]
    return _json_lines(reference), _json_lines([values for line, values in rows if line in drawn])


def _json_lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

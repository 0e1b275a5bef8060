"""The files of the paper's targets, downloaded once from the Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equal_assets.errors import CorpusError
from equal_assets.resources.publishing import publish_text
from equal_assets.settings import TargetSettings

Row = dict[str, Any]

MATH_SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)


@dataclass(frozen=True)
class HubSplit:
    """Rows of the hub: a data set, its configurations and a split; ``convert`` maps a row."""

    dataset: str
    subsets: tuple[str | None, ...]
    split: str
    convert: Callable[[Row], Row]


def _gsm8k(row: Row) -> Row:
    return {"question": row["question"], "answer": row["answer"]}


def _math(row: Row) -> Row:
    return {"question": row["problem"], "answer": row["solution"]}


def _humaneval(row: Row) -> Row:
    return {
        "question": row["prompt"],
        "answer": row["canonical_solution"],
        "prefix": row["prompt"],
        "tests": row["test"],
        "entry_point": row["entry_point"],
    }


def _mbpp(row: Row) -> Row:
    # without a test the question does not name the function
    question = f"{row['text']}\nYour code should pass this test:\n{row['test_list'][0]}"
    setup = row["test_setup_code"]
    return {"question": question, "answer": row["code"], "tests": row["test_list"], "setup": setup}


MBPP = "google-research-datasets/mbpp"
PRESETS: dict[str, tuple[HubSplit, HubSplit]] = {
    "gsm8k": (
        HubSplit("openai/gsm8k", ("main",), "train", _gsm8k),
        HubSplit("openai/gsm8k", ("main",), "test", _gsm8k),
    ),
    "math": (
        HubSplit("EleutherAI/hendrycks_math", MATH_SUBJECTS, "train", _math),
        HubSplit("EleutherAI/hendrycks_math", MATH_SUBJECTS, "test", _math),
    ),
    "humaneval": (  # which has only a test split: the training questions of MBPP steer
        HubSplit(MBPP, ("full",), "train", _mbpp),
        HubSplit("openai/openai_humaneval", (None,), "test", _humaneval),
    ),
    "mbpp": (HubSplit(MBPP, ("full",), "train", _mbpp), HubSplit(MBPP, ("full",), "test", _mbpp)),
}
"""Reference and test of each preset."""


def is_fetched(target: TargetSettings) -> bool:
    """Tell whether the files of a target exist."""
    return Path(target.reference).is_file() and Path(target.test).is_file()


def fetch_target(target: TargetSettings) -> None:
    """Write the files of a preset, unless they exist; other targets have their own.

    Repeated questions are written once, and reference questions that are also in the test split,
    up to case and white space, are left out.

    Raises
    ------
    CorpusError
        If the hub cannot be read.
    """
    if target.preset is None or is_fetched(target):
        return
    reference, test = (_unique(_rows(split)) for split in PRESETS[target.preset])
    _write(Path(target.test), test.values())
    kept = [row for question, row in reference.items() if question not in test]
    _write(Path(target.reference), kept)


def _rows(split: HubSplit) -> Iterator[Row]:
    try:
        import datasets

        for subset in split.subsets:
            rows = datasets.load_dataset(split.dataset, name=subset, split=split.split)
            yield from (split.convert(row) for row in rows)
    except Exception as error:  # `datasets` lets through whatever its many backends raise
        raise CorpusError(
            f"{split.dataset} (split {split.split}) cannot be fetched: {type(error).__name__}: "
            f"{error}. It needs a network; without one, name files of your own under targets: "
            "reference and test, in place of preset"
        ) from error


def _unique(rows: Iterable[Row]) -> dict[str, Row]:
    """Return rows by their folded question, the first of each."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(" ".join(row["question"].casefold().split()), row)
    return found


def _write(path: Path, rows: Iterable[Row]) -> None:
    publish_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), path)

"""A pretrained student tuned on each data set of a folder, and judged on its target's questions.

A folder has `questions/TARGET.jsonl` (`question, answer`) and `cells/NAME.json`: a data set with
its `target`, `strategy`, `budget`, `seed` and `pairs`. What a student answered goes to
`answers/NAME.npz`, what it took to `answers/NAME.json`; a run that was stopped goes on. Needs
neither a warehouse nor a network.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from equal_assets.progress import silent
from equal_assets.records import QAPair
from equal_assets.settings import HuggingFaceStudentSettings

SETTINGS = {
    "kind": "huggingface",
    "method": "lora",
    "learning_rate": 3e-4,
    "batch_size": 8,
    "per_device_batch_size": 8,
    "context_tokens": 512,
    "gradient_checkpointing": False,
}
CHOICES = 4


@dataclass(frozen=True)
class Cell:
    """A data set to tune a student on; without pairs, the untuned one.

    Attributes
    ----------
    target, strategy, budget, seed
        What the tables call it; the budget is a share.
    pairs : tuple of (str, str)
        Questions and answers.
    documents : int
        That the LLM was asked for.
    extraction_tokens : float
        That this took.
    """

    target: str
    strategy: str
    budget: float
    seed: int
    pairs: tuple[tuple[str, str], ...] = ()
    documents: int = 0
    extraction_tokens: float = 0.0

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.target}-{self.strategy}-{self.budget:g}-{self.seed}".replace(" ", "_")


def write_cells(folder: Path, cells: list[Cell]) -> None:
    """Write data sets to a folder, those of a seed before those of the next."""
    (folder / "cells").mkdir(parents=True, exist_ok=True)
    for cell in cells:
        path = folder / "cells" / f"{cell.name}.json"
        path.write_text(json.dumps(asdict(cell), ensure_ascii=False))


def read_cells(folder: Path) -> list[Cell]:
    """Return the data sets of a folder: untuned ones first, then seed by seed."""
    found = [json.loads(path.read_text()) for path in sorted((folder / "cells").glob("*.json"))]
    cells = [Cell(**row | {"pairs": tuple(map(tuple, row["pairs"]))}) for row in found]
    return sorted(cells, key=lambda cell: (bool(cell.pairs), cell.seed, cell.budget, cell.name))


def train(folder: Path, model: Path, *, processes: int, epochs: int, seconds: float) -> None:
    """Tune and judge the students that have no answers yet; begin none after some seconds."""
    (folder / "answers").mkdir(exist_ok=True)
    left = [
        cell
        for cell in read_cells(folder)
        if not (folder / "answers" / f"{cell.name}.json").exists()
    ]
    deadline = time.time() + seconds
    # spawned: torch does not survive a fork
    with ProcessPoolExecutor(processes, get_context("spawn")) as executor:
        work = [executor.submit(judge, folder, model, cell, epochs, deadline) for cell in left]
        for n, future in enumerate(as_completed(work), 1):
            print(f"{n} of {len(left)}: {future.result()}", flush=True)


def judge(folder: Path, model: Path, cell: Cell, epochs: int, deadline: float) -> str:
    """Tune a student on a data set, judge it, and keep what it answered."""
    if time.time() > deadline:
        return f"{cell.name}: no time left"
    from equal_assets.resources.students.build import build_student
    from equal_assets.steps.multiple_choice import judge_by_choice

    started = time.perf_counter()
    settings = HuggingFaceStudentSettings(
        **SETTINGS, model=str(model), epochs=epochs, seed=cell.seed
    )
    student = build_student(settings, "unused")
    row = {key: value for key, value in asdict(cell).items() if key != "pairs"}
    row |= {"pairs": 0, "training_flops": 0.0, "training_tokens": 0, "training_seconds": 0.0}
    with TemporaryDirectory() as place:
        path = model
        if cell.pairs:
            path = Path(place) / "student"
            pairs = [QAPair(question, answer) for question, answer in cell.pairs]
            tuned = student.fine_tune(model, pairs, out=path, progress=silent)
            row |= {
                "pairs": tuned.n_examples,
                "training_flops": tuned.flops,
                "training_tokens": tuned.n_tokens,
                "training_seconds": tuned.seconds,
            }
        asked = _questions(folder, cell.target)
        scores = judge_by_choice(student, path, asked, choices=CHOICES, seed=0, progress=silent)
    np.savez(
        folder / "answers" / f"{cell.name}.npz",
        tokens=scores.n_tokens,
        log_probability=scores.log_probabilities,
        is_correct=scores.is_correct,
    )
    row |= {"perplexity": scores.perplexity, "pmi_accuracy": scores.accuracy}
    row |= {"seconds": time.perf_counter() - started}
    (folder / "answers" / f"{cell.name}.json").write_text(json.dumps(row))
    return (
        f"{cell.name}: {row['pairs']} pairs, perplexity {scores.perplexity:.3f}, "
        f"accuracy {scores.accuracy:.3f}, {row['seconds']:.1f} s"
    )


@lru_cache
def _questions(folder: Path, target: str) -> list[QAPair]:
    lines = (folder / "questions" / f"{target}.jsonl").read_text().splitlines()
    return [QAPair(**json.loads(line)) for line in lines]

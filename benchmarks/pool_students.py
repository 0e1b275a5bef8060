"""A student tuned on each pool.

A folder has cells and questions as in `real_students.py`, and `references/TARGET.jsonl`. A process
loads the untuned student once and tunes a copy for each pool with the package's own trainer. The
log-probabilities of the true answers, of questions and of references, go to `answers/NAME.npz`.
Needs neither a warehouse nor a network.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from real_students import SETTINGS, Cell, read_cells

from equal_assets.progress import silent
from equal_assets.records import QAPair
from equal_assets.settings import HuggingFaceStudentSettings, quiet_libraries


@dataclass(frozen=True)
class Untuned:
    """The student that every process holds."""

    out: Path
    folder: Path
    model: Any
    tokenizer: Any

    def tuned(self, pairs: Sequence[QAPair], *, seed: int) -> Any:
        """Return a copy tuned on pairs with the package's trainer, adapters in place."""
        from transformers import set_seed

        from equal_assets.resources.students.fine_tuning import encode
        from equal_assets.resources.students.trainers import answer_trainer

        recipe = _student(self.folder, seed).recipe()
        examples, _ = encode(self.tokenizer, pairs, recipe.context_tokens)
        set_seed(seed)  # a process tunes many: without it the first draws the next one's adapters
        with TemporaryDirectory() as place:
            trainer = answer_trainer(
                copy.deepcopy(self.model),
                self.tokenizer,
                examples,
                recipe,
                place=Path(place),
                progress=silent,
            )
            trainer.args.save_strategy = "no"
            trainer.train()
        return trainer.accelerator.unwrap_model(trainer.model).get_base_model()

    def score(self, model: Any, pairs: Sequence[QAPair]) -> tuple[np.ndarray, np.ndarray]:
        """Return the log-probability of each answer, summed, and its tokens."""
        from equal_assets.resources.students.causal_lm import score_answers
        from equal_assets.resources.students.student import completion, prompt

        return score_answers(
            model,
            self.tokenizer,
            [prompt(pair) for pair in pairs],
            [completion(pair) for pair in pairs],
            context_tokens=int(SETTINGS["context_tokens"]),
            progress=silent,
        )


def tune_all(out: Path, model: Path, *, processes: int, seconds: float) -> None:
    """Tune the students that are not there yet; begin none after some seconds."""
    started = time.time()
    (out / "answers").mkdir(exist_ok=True)
    left = [cell for cell in read_cells(out) if not _answers(out, cell).exists()]
    with ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=_start, initargs=(out, model)
    ) as executor:
        work = [executor.submit(_tune, cell, started + seconds) for cell in left]
        n_failed = 0
        for n, future in enumerate(as_completed(work), 1):
            error = future.exception()
            n_failed += error is not None
            said = f"{type(error).__name__}: {error}" if error else future.result()
            print(f"{n} of {len(work)}, {time.time() - started:.0f} s: {said}", flush=True)
    if n_failed:
        raise SystemExit(f"{n_failed} of {len(work)} failed, as told above; run again for these")


def read_pairs(path: Path) -> list[QAPair]:
    """Read pairs, one a line."""
    return [QAPair(**json.loads(line)) for line in path.read_text().splitlines()]


_UNTUNED: list[Untuned] = []
"""Of this process."""


def _start(out: Path, folder: Path) -> None:
    quiet_libraries()
    import torch

    from equal_assets.resources.students.causal_lm import on_device

    if torch.cuda.is_available():
        torch.set_num_threads(1)
    model, tokenizer = _student(folder, 0).load(folder)
    _UNTUNED.append(Untuned(out, folder, on_device(model), tokenizer))


def _student(folder: Path, seed: int) -> Any:
    from equal_assets.resources.students.build import build_student

    settings = HuggingFaceStudentSettings(**SETTINGS, model=str(folder), epochs=1, seed=seed)
    return build_student(settings, "unused")


def _answers(out: Path, cell: Cell) -> Path:
    return out / "answers" / f"{cell.name}.npz"


def _tune(cell: Cell, deadline: float) -> str:
    """Tune a student on a pool, and keep what it finds of the true answers."""
    if time.time() > deadline:
        return f"{cell.name}: no time left"
    untuned = _UNTUNED[0]
    started = time.perf_counter()
    pairs = [QAPair(question, answer) for question, answer in cell.pairs]
    model = untuned.tuned(pairs, seed=cell.seed) if pairs else untuned.model
    tuned_seconds = time.perf_counter() - started
    kept = {}
    for name in ("questions", "references"):
        asked = read_pairs(untuned.out / name / f"{cell.target}.jsonl")
        kept[f"{name}_log_probability"], kept[f"{name}_tokens"] = untuned.score(model, asked)
    path = _answers(untuned.out, cell)
    beside = path.with_suffix(".part.npz")
    np.savez_compressed(beside, **kept, seconds=time.perf_counter() - started)
    beside.replace(path)
    _free()
    per_token = kept["questions_log_probability"].sum() / kept["questions_tokens"].sum()
    return (
        f"{cell.name}: {len(pairs)} pairs, {per_token:.4f} nats a token, tuned in "
        f"{tuned_seconds:.1f} s, judged in {time.perf_counter() - started - tuned_seconds:.1f} s"
    )


def _free() -> None:
    """Give the memory of a student that is done back to the other processes."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

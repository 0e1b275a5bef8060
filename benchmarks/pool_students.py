"""A student tuned on each pool, and what the untuned student makes of every pair.

A folder has cells and questions as in `real_students.py`, and `references/TARGET.jsonl`. A process
loads the untuned student once and tunes a copy for each pool with the package's own trainer. The
log-probabilities of the true answers go to `answers/NAME.npz`; `measures/TARGET.npz` has what
statistics of a pool can be made of: for each distinct pair of a target's pools of seed 0, then for
each reference pair, the tokens of its answer and their log-probability, to the untuned student and
to one tuned on the reference pairs. Needs neither a warehouse nor a network.
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
    """Measure pairs and tune the students that are not there yet; begin none after some seconds."""
    started = time.time()
    deadline = started + seconds
    for name in ("answers", "measures"):
        (out / name).mkdir(exist_ok=True)
    cells = read_cells(out)
    targets = sorted({cell.target for cell in cells})
    with ProcessPoolExecutor(
        processes, get_context("spawn"), initializer=_start, initargs=(out, model)
    ) as executor:
        work = [
            executor.submit(_measure, target, deadline)
            for target in targets
            if not (out / "measures" / f"{target}.npz").exists()
        ]
        left = [cell for cell in cells if not _answers(out, cell).exists()]
        work += [executor.submit(_tune, cell, deadline) for cell in left]
        n_failed = 0
        for n, future in enumerate(as_completed(work), 1):
            error = future.exception()
            n_failed += error is not None
            said = f"{type(error).__name__}: {error}" if error else future.result()
            print(f"{n} of {len(work)}, {time.time() - started:.0f} s: {said}", flush=True)
    if n_failed:
        raise SystemExit(f"{n_failed} of {len(work)} failed, as told above; run again for these")


def distinct_pairs(cells: Sequence[Cell], target: str) -> list[tuple[str, str]]:
    """Return the pairs of a target's pools of seed 0, in the order of `measures`."""
    of_target = [cell for cell in cells if (cell.target, cell.seed) == (target, 0)]
    return sorted({pair for cell in of_target for pair in cell.pairs})


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
    _save(_answers(untuned.out, cell), **kept, seconds=time.perf_counter() - started)
    _free()
    per_token = kept["questions_log_probability"].sum() / kept["questions_tokens"].sum()
    return (
        f"{cell.name}: {len(pairs)} pairs, {per_token:.4f} nats a token, tuned in "
        f"{tuned_seconds:.1f} s, judged in {time.perf_counter() - started - tuned_seconds:.1f} s"
    )


def _measure(target: str, deadline: float) -> str:
    """Keep what the student makes of each pair of a target's pools, then of its reference set."""
    if time.time() > deadline:
        return f"{target}: no time left"
    untuned = _UNTUNED[0]
    started = time.perf_counter()
    found = distinct_pairs(read_cells(untuned.out), target)
    reference = read_pairs(untuned.out / "references" / f"{target}.jsonl")
    pairs = [*(QAPair(question, answer) for question, answer in found), *reference]
    before, tokens = untuned.score(untuned.model, pairs)
    after, _ = untuned.score(untuned.tuned(reference, seed=0), pairs)
    _save(
        untuned.out / "measures" / f"{target}.npz",
        tokens=tokens.astype(np.int16),
        log_probability=before.astype(np.float32),
        log_probability_after=after.astype(np.float32),
    )
    _free()
    return f"{target}: {len(pairs):,} pairs measured in {time.perf_counter() - started:.1f} s"


def _save(path: Path, **arrays: Any) -> None:
    beside = path.with_suffix(".part.npz")
    np.savez_compressed(beside, **arrays)
    beside.replace(path)


def _free() -> None:
    """Give the memory of a student that is done back to the other processes."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

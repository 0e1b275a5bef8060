"""Students trained on what every strategy finds, told apart on the same test questions.

    python benchmarks/accuracy.py --data DIR [--out DIR] [--models DIR]

What DIR holds is written in `known_pairs.py`. Every strategy spends 1% and 5% of the documents;
the 60% of its pairs that are nearest to the reference set train the student, all of them. `all`
extracts every document, and trains on as many pairs as `equal` has, drawn from what the same filter
leaves of all. Each student is a row of `students.csv` and a file of `answers/`, written when it is
done: a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import chain, product
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from accuracy_tables import UNTUNED, print_tables
from known_pairs import load, load_target, read_questions, read_texts_and_pairs
from playing import Job, nearest, select

from equal_assets.progress import silent
from equal_assets.records import CHARACTERS_PER_TOKEN, QAPair
from equal_assets.settings import EvaluationSettings, TinyStudentSettings, quiet_libraries

BUDGETS = (0.01, 0.05)
TARGETS = ("gsm8k", "mbpp")
STRATEGIES = ("equal", "equal-paper", "random", "round-robin", "document-similarity")
ALL = "all"
TEST_SPLITS = {"gsm8k": ("test",), "mbpp": ("test", "train")}
"""Neither steers; the second makes a short test longer."""

BASE = {"context_tokens": 512, "pretrain_tokens": 4_000_000}
TUNING = {"context_tokens": 512, "learning_rate": 5e-4, "epochs": 2, "batch_size": 16}


@dataclass(frozen=True)
class Work:
    """Where the data is and results go."""

    data: Path
    models: Path
    out: Path


@dataclass(frozen=True)
class Cell:
    """A student to train, on what a strategy found; without pairs, the untuned one."""

    target: str
    strategy: str
    budget: float  # share of the documents
    seed: int
    rows: tuple[int, ...] = ()  # pairs of the data set
    documents: int = 0  # asked for
    extraction_tokens: float = 0.0  # of these documents and of all their pairs

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.target}-{self.strategy}-{self.budget}-{self.seed}"


def main() -> None:
    """Play the strategies, train a student on what each found, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmark-accuracy"))
    parser.add_argument("--models", type=Path, help="keeps the untuned student; default: in --out")
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=TARGETS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    quiet_libraries()  # through the environment, in the workers too
    work = Work(options.data, options.models or options.out / "models", options.out)
    (work.out / "answers").mkdir(parents=True, exist_ok=True)
    # spawned: torch does not survive a fork
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as executor:
        pretrained = executor.submit(pretrain, work)
        games = product([work], options.targets, range(options.seeds))
        played = chain.from_iterable(executor.map(play, *zip(*games, strict=True)))
        cells = sorted(played, key=_turn)
        pretrained.result()
        train(executor, work, cells)
    print_tables(
        pl.read_csv(work.out / "students.csv"), pl.read_parquet(work.out / "answers" / "*.parquet")
    )


def pretrain(work: Work) -> Path:
    """Return the folder of the untuned student, the same for all."""
    from equal_assets.resources.students.build import build_student

    texts, _ = read_texts_and_pairs(work.data)
    student = build_student(TinyStudentSettings(**BASE), str(work.models))
    return student.base(texts, corpus_version=str(work.data), progress=silent)


def play(work: Work, target: str, seed: int) -> list[Cell]:
    """Return the students of a target and a seed."""
    job = Job(
        folder=work.data,
        is_pages=False,
        n_clusters=100,
        documents_per_round=50,
        target=target,
        strategy=ALL,
        seed=seed,
    )
    data, reference = load(job), load_target(job, "validation")
    _, pairs = read_texts_and_pairs(work.data)
    written = np.array([len(pair.text) for pair in pairs])[data.pair_rows] / CHARACTERS_PER_TOKEN

    def cell(strategy: str, budget: float, asked: np.ndarray, kept: np.ndarray) -> Cell:
        return Cell(
            target=target,
            strategy=strategy,
            budget=budget,
            seed=seed,
            rows=tuple(data.pair_rows[kept].tolist()),
            documents=len(asked),
            extraction_tokens=data.corpus.tokens[asked].sum() + written[data.pairs_of(asked)].sum(),
        )

    cells = [] if seed else [Cell(target, UNTUNED, 0.0, seed)]
    for strategy in STRATEGIES:
        order, _ = select(replace(job, strategy=strategy), data, reference, share=max(BUDGETS))
        for budget in BUDGETS:
            asked = data.affordable(order, budget)
            pool = data.pairs_of(asked)
            kept = pool[nearest(data.pair_embeddings[pool], reference)]
            cells.append(cell(strategy, budget, asked, kept))
    everything = np.arange(data.corpus.n_documents)
    kept = nearest(data.pair_embeddings, reference)
    rng = np.random.default_rng(seed)
    for equal in [found for found in cells if found.strategy == "equal"]:
        drawn = rng.choice(kept, len(equal.rows), replace=False)
        cells.append(cell(ALL, equal.budget, everything, drawn))
    return cells


def _turn(cell: Cell) -> tuple:
    """Seeds one after the other, so that a run that is stopped has whole ones."""
    return cell.seed, cell.strategy != UNTUNED, -cell.budget, cell.name


def train(executor: Executor, work: Work, cells: list[Cell]) -> None:
    """Train and judge the students that are not in the table yet."""
    path = work.out / "students.csv"
    rows = pl.read_csv(path).to_dicts() if path.is_file() else []
    done = {Cell(row["target"], row["strategy"], row["budget"], row["seed"]).name for row in rows}
    left = [cell for cell in cells if cell.name not in done]
    for future in as_completed([executor.submit(train_student, work, cell) for cell in left]):
        rows.append(future.result())
        pl.DataFrame(rows, infer_schema_length=None).write_csv(path)
        print(f"{len(rows)} of {len(cells)} students: {rows[-1]}", flush=True)


def train_student(work: Work, cell: Cell) -> dict:
    """Fine-tune the student on the pairs of a cell, judge it, and keep what it answered."""
    from equal_assets.resources.students.build import build_student
    from equal_assets.steps.multiple_choice import judge_by_choice

    started, base = time.process_time(), pretrain(work)
    row = {
        "target": cell.target,
        "strategy": cell.strategy,
        "budget": cell.budget,
        "seed": cell.seed,
        "documents": cell.documents,
        "extraction_tokens": cell.extraction_tokens,
        "pairs": len(cell.rows),
        "training_flops": 0.0,
    }
    student = build_student(TinyStudentSettings(**TUNING, seed=cell.seed), str(work.models))
    with TemporaryDirectory(dir=work.out) as folder:
        path = base
        if cell.rows:
            path = Path(folder) / "student"
            _, pairs = read_texts_and_pairs(work.data)
            tuning = student.fine_tune(
                base, [pairs[pair] for pair in cell.rows], out=path, progress=silent
            )
            row |= {"pairs": tuning.n_examples, "training_flops": tuning.flops}
        scores = judge_by_choice(
            student,
            path,
            _test(work, cell.target),
            choices=EvaluationSettings().choices,
            seed=EvaluationSettings().seed,
            progress=silent,
        )
    answers = pl.DataFrame(
        {
            "question": np.arange(len(scores.n_tokens)),
            "tokens": scores.n_tokens,
            "log_probability": scores.log_probabilities,
            "is_correct": scores.is_correct,
        }
    )
    keys = {key: row[key] for key in ("target", "strategy", "budget", "seed")}
    answers.with_columns(**{key: pl.lit(value) for key, value in keys.items()}).write_parquet(
        work.out / "answers" / f"{cell.name}.parquet"
    )
    return row | {
        "perplexity": scores.perplexity,
        "pmi_accuracy": scores.accuracy,
        "cpu_seconds": time.process_time() - started,
    }


def _test(work: Work, target: str) -> list[QAPair]:
    return [
        pair for split in TEST_SPLITS[target] for pair in read_questions(work.data, target, split)
    ]


if __name__ == "__main__":
    main()

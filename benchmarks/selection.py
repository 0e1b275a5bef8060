"""Every selection strategy on documents whose true QA pairs and embeddings are known.

    python benchmarks/selection.py --data DIR                documents; budget in documents
    python benchmarks/selection.py --data DIR --pages        long pages; budget in tokens
    python benchmarks/selection.py --data DIR --student      fine-tunes a tiny student as well
    python benchmarks/selection.py --data DIR --ablations    `equal` without each of its parts
    python benchmarks/selection.py --data DIR --pruned       pools are pruned as data sets are

What DIR holds is written in `known_pairs.py`. Pools are judged after the same filter for all
strategies: the 40% of the pairs farthest from the reference set are dropped, or with `--pruned`
what `dataset.prune` leaves out.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
from known_pairs import load, load_target, read_questions, read_texts_and_pairs
from markdown import markdown
from playing import Data, Job, nearest, pruned, select

from equal_assets.algorithms.judging.metrics import coverage
from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost
from equal_assets.algorithms.strategies.strategy import Target
from equal_assets.algorithms.strategies.table import STRATEGIES
from equal_assets.progress import silent
from equal_assets.settings import EvaluationSettings, TinyStudentSettings, quiet_libraries

BUDGETS = (0.0025, 0.005, 0.01, 0.02, 0.05)
GRID = tuple(np.geomspace(0.0005, 0.05, 21))
"""Shares at which a strategy is looked at to see when it reaches what another one has at 5%."""

NEAR_SHARE = 0.03
STUDENT_BUDGETS = (0.01, 0.05)
STUDENT_PAIRS = 600
"""Every student trains on at most so many pairs, drawn evenly from the kept ones."""

STUDENT = {"learning_rate": 5e-4, "epochs": 2, "batch_size": 16}
STUDENT_QUESTIONS = 400
COMPARED = tuple(row.name for row in STRATEGIES.values() if not (row.score or row.counts_words))
"""Strategies that ask no model."""

STUDENT_STRATEGIES = (
    "equal",
    "equal-paper",
    "round-robin",
    "document-similarity",
    "tsds",
    "random",
)
DEBIASED = "equal-paper, debiased"
ORACLE = "oracle"
"""Round-robin over the target on the true pairs: what no strategy can know."""

NEAR_ORACLE = "oracle, near pairs"
"""Most true pairs near the reference set for the budget, whichever questions they serve."""

ORACLES = (ORACLE, NEAR_ORACLE)

ABLATIONS: dict[str, dict[str, float]] = {
    "equal": {},
    "without learning": {"prior_strength": 1e9},
    "without sharing": {"sharing": 0.0},
    "without exploration": {"exploration": 0.0},
    "without coverage": {"coverage": 0.0},
    "without answer length": {"answer_length": 0.0},
}


def play(job: Job) -> tuple[list[dict], dict[float, list[int]]]:
    """Play one strategy to 5%; return a row per budget, and the pools of the student."""
    data, reference, test = load(job), load_target(job, "validation"), load_target(job, "test")
    order, seconds_per_round = _select(job, data, reference)
    near = near_pairs(data, test)
    rows, pools = [], {}
    for share in sorted({*BUDGETS, *GRID}):
        asked = data.affordable(order, share)
        pool = data.pairs_of(asked)
        kept = _kept(job, data, pool, reference)
        rows.append(
            {
                "target": job.target,
                "strategy": job.name,
                "seed": job.seed,
                "budget": share,
                "documents": len(asked),
                "tokens": float(data.corpus.tokens[asked].sum()),
                "pairs": len(pool),
                **judge(data.pair_embeddings[pool][kept], test),
                "near_pairs": int(near[pool].sum()),
                "near_share": float(near[pool].mean()) if len(pool) else 0.0,
                "seconds_per_round": seconds_per_round,
            }
        )
        if share in STUDENT_BUDGETS:
            pools[share] = data.pair_rows[pool][kept].tolist()
    return rows, pools


def _kept(job: Job, data: Data, pool: np.ndarray, reference: Target) -> np.ndarray:
    vectors = data.pair_embeddings[pool]
    if job.is_pruned:
        return pruned(vectors, data.pair_lengths[pool], reference)
    return nearest(vectors, reference)


def _select(job: Job, data: Data, reference: Target) -> tuple[np.ndarray, float]:
    """Return documents in the order asked for, and CPU seconds per round of selection."""
    budget = max(BUDGETS) * data.corpus.costs.sum()
    if job.strategy == ORACLE:
        return oracle_order(data, reference, budget), 0.0
    if job.strategy == NEAR_ORACLE:
        return near_oracle_order(data, reference), 0.0
    return select(job, data, reference, share=max(BUDGETS))


def oracle_order(data: Data, reference: Target, budget: float) -> np.ndarray:
    """Let each question in turn take the document with the nearest unread true pair."""
    best = np.full((data.corpus.n_documents, len(reference.embeddings)), -1.0, dtype=np.float32)
    np.maximum.at(best, data.owners, data.pair_embeddings @ reference.embeddings.T)
    ranking = np.argsort(-best, axis=0, kind="stable")
    taken = np.zeros(len(best), dtype=bool)
    order: list[int] = []
    spent = 0.0
    position = np.zeros(ranking.shape[1], dtype=np.int64)
    while spent < budget:
        for question in range(ranking.shape[1]):
            while taken[row := ranking[position[question], question]]:
                position[question] += 1
            taken[row] = True
            order.append(int(row))
            spent += float(data.corpus.costs[row])
    return np.array(order)


def near_oracle_order(data: Data, reference: Target) -> np.ndarray:
    """Order documents by their near true pairs per cost, until none is left that has any."""
    near = np.bincount(data.owners[near_pairs(data, reference)], minlength=data.corpus.n_documents)
    order = np.argsort(-near / data.corpus.costs, kind="stable")
    return order[: np.count_nonzero(near)]


def near_pairs(data: Data, target: Target) -> np.ndarray:
    """Return which of all pairs are in the share nearest to a target."""
    best = (data.pair_embeddings @ target.embeddings.T).max(axis=1)
    return best >= np.quantile(best, 1 - NEAR_SHARE)


def judge(pool: np.ndarray, test: Target) -> dict[str, float | None]:
    """Measure a pool against the test questions."""
    if not len(pool):
        return {"ot": None, "coverage": None}
    return {
        "ot": ot_cost(cosine_cost(pool, test.embeddings)),
        "coverage": coverage(pool @ test.embeddings.T),
    }


def train_student(job: Job, budget: float, pool: list[int], folder: Path) -> dict:
    """Fine-tune the tiny student on a pool, and judge it on the test questions."""
    from equal_assets.resources.students.build import build_student
    from equal_assets.steps.multiple_choice import judge_by_choice

    texts, pairs = read_texts_and_pairs(job.folder)
    rows = np.array(pool)[np.linspace(0, len(pool) - 1, min(len(pool), STUDENT_PAIRS)).astype(int)]
    test = read_questions(job.folder, job.target, "test")[:STUDENT_QUESTIONS]
    student = build_student(TinyStudentSettings(seed=job.seed, **STUDENT), str(folder))
    judged = build_student(TinyStudentSettings(), str(folder))
    evaluation = EvaluationSettings()
    base = judged.base(texts, corpus_version=str(job.folder), progress=silent)
    out = folder / f"{job.target}-{job.name}-{job.seed}-{budget}".replace(" ", "-")
    tuning = student.fine_tune(base, [pairs[row] for row in rows], out=out, progress=silent)
    scores = judge_by_choice(
        judged,
        out,
        test,
        choices=evaluation.choices,
        seed=evaluation.seed,
        progress=silent,
    )
    shutil.rmtree(out)
    return {
        "target": job.target,
        "strategy": job.name,
        "seed": job.seed,
        "budget": budget,
        "examples": tuning.n_examples,
        "perplexity": scores.perplexity,
        "pmi_accuracy": scores.accuracy,
        "seconds": tuning.seconds,
    }


def documents_to_reach(results: pl.DataFrame) -> pl.DataFrame:
    """Return, for each target, the share each strategy needs to reach what the other has at 5%.

    Mean over seeds; one row per target and strategy, one column per strategy that is reached.
    """
    curves = results.group_by("target", "strategy", "budget").agg(pl.col("ot").mean())
    rows = []
    for (target,), curve in curves.group_by("target", maintain_order=True):
        ends = curve.filter(pl.col("budget") == max(BUDGETS))
        for strategy in curve["strategy"].unique(maintain_order=True).sort():
            own = curve.filter(pl.col("strategy") == strategy).sort("budget")
            reached = {
                end["strategy"]: own.filter(pl.col("ot") <= end["ot"])["budget"].min()
                for end in ends.sort("strategy").iter_rows(named=True)
            }
            rows.append({"target": target, "strategy": strategy, **reached})
    return pl.DataFrame(rows, infer_schema_length=None).sort("target", "strategy")


def table(results: pl.DataFrame, measure: str, *, digits: int) -> str:
    """Return a Markdown table: a strategy a line, a column per target and budget."""
    means = (
        results.filter(pl.col("budget").is_in(BUDGETS))
        .with_columns(
            column=pl.col("target") + " " + (pl.col("budget") * 100).round(2).cast(pl.String)
        )
        .group_by("strategy", "column", maintain_order=True)
        .agg(pl.col(measure).mean())
        .pivot(on="column", index="strategy", values=measure)
        .with_columns(geometric_mean=pl.concat_list(pl.exclude("strategy").log()).list.mean().exp())
        .sort("geometric_mean")
    )
    return markdown(means.with_columns(pl.exclude("strategy").round(digits)))


def gap_closed(results: pl.DataFrame) -> pl.DataFrame:
    """Return the share of the OT gap between `random` and the oracle that each strategy closes."""
    means = (
        results.filter(pl.col("budget").is_in(BUDGETS))
        .group_by("target", "strategy", "budget", maintain_order=True)
        .agg(pl.col("ot").mean())
    )
    ends = means.filter(pl.col("strategy") == "random").join(
        means.filter(pl.col("strategy") == ORACLE), on=["target", "budget"], suffix="_oracle"
    )
    return means.join(ends, on=["target", "budget"], suffix="_random").with_columns(
        gap_closed=(pl.col("ot_random") - pl.col("ot"))
        / (pl.col("ot_random") - pl.col("ot_oracle"))
    )


def plot(results: pl.DataFrame, path: Path) -> None:
    """Draw OT, coverage and near pairs over the budget, one line a strategy."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    targets = results["target"].unique(maintain_order=True).to_list()
    measures = {"ot": "OT cost to the test set", "coverage": "coverage", "near_pairs": "near pairs"}
    figure, axes = plt.subplots(
        len(measures), len(targets), figsize=(5 * len(targets), 10), squeeze=False
    )
    means = results.group_by("target", "strategy", "budget", maintain_order=True).agg(
        pl.col(*measures).mean()
    )
    names = means["strategy"].unique(maintain_order=True).to_list()
    colors = {name: plt.get_cmap("tab20")(index) for index, name in enumerate(names)}
    for (row, (measure, title)), (column, target) in product(
        enumerate(measures.items()), enumerate(targets)
    ):
        axis = axes[row][column]
        for (strategy,), line in means.filter(pl.col("target") == target).group_by(
            "strategy", maintain_order=True
        ):
            line = line.sort("budget")
            axis.plot(
                line["budget"] * 100,
                line[measure],
                label=strategy,
                color="black" if strategy == "equal" else colors[strategy],
                linestyle="--" if strategy in ORACLES else "-",
                linewidth=2.5 if strategy == "equal" else 1.0,
            )
        axis.set(xscale="log", xlabel="budget, %", title=f"{target}: {title}")
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="lower center", ncols=7)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Play all jobs, and write the tables, a CSV and a plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmark-selection"))
    parser.add_argument("--pages", action="store_true")
    parser.add_argument("--student", action="store_true")
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--pruned", action="store_true")
    parser.add_argument("--targets", nargs="+")
    parser.add_argument("--strategies", nargs="+", choices=[*COMPARED, *ORACLES])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--documents-per-round", type=int, default=50)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    quiet_libraries()
    jobs = _jobs(options)
    with ProcessPoolExecutor(options.processes) as pool:
        played = list(pool.map(play, jobs))
    results = pl.DataFrame([row for rows, _ in played for row in rows], infer_schema_length=None)
    options.out.mkdir(parents=True, exist_ok=True)
    results.write_csv(options.out / "selection.csv")
    plot(results, options.out / "selection.png")
    _print(results)
    if options.student:
        _print_students(_train(jobs, [pools for _, pools in played], options))


def _train(jobs: list[Job], pools: list[dict], options: argparse.Namespace) -> pl.DataFrame:
    """Train a student for each job and budget; the first makes the base model for all."""
    rows: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        work = [
            (job, budget, pool[budget], Path(folder))
            for job, pool in zip(jobs, pools, strict=True)
            for budget in STUDENT_BUDGETS
            if job.name in STUDENT_STRATEGIES
        ]
        # spawned: torch does not survive a fork
        with ProcessPoolExecutor(options.processes, get_context("spawn")) as executor:
            rows.append(executor.submit(train_student, *work[0]).result())
            for row in executor.map(train_student, *zip(*work[1:], strict=True)):
                rows.append(row)
                pl.DataFrame(rows).write_csv(options.out / "students.csv")
    return pl.DataFrame(rows)


def _print_students(students: pl.DataFrame) -> None:
    for measure, digits in (("perplexity", 1), ("pmi_accuracy", 3)):
        print(f"\nStudent: {measure}, mean over seeds\n")
        print(table(students, measure, digits=digits))
    noise = students.group_by("target", "strategy", "budget").agg(pl.col("perplexity").std())
    if students["seed"].n_unique() > 1:
        print(
            f"\nStandard deviation of the perplexity over seeds: {noise['perplexity'].mean():.2f}"
        )


def _jobs(options: argparse.Namespace) -> list[Job]:
    targets = options.targets or sorted(
        file.name.removesuffix("-test.jsonl")
        for file in (options.data / "targets").glob("*-test.jsonl")
    )
    names = options.strategies or [*COMPARED, *ORACLES]
    variants: list[dict] = [{"strategy": name} for name in names]
    if "equal-paper" in names:
        variants.append({"strategy": "equal-paper", "debias": True, "label": DEBIASED})
    if options.ablations:
        variants = [
            {"strategy": "equal", "changes": tuple(changes.items()), "label": label}
            for label, changes in ABLATIONS.items()
        ]
    return [
        Job(
            folder=options.data,
            is_pages=options.pages,
            is_pruned=options.pruned,
            n_clusters=options.clusters,
            documents_per_round=options.documents_per_round,
            target=target,
            seed=seed,
            **variant,
        )
        for target, seed, variant in product(targets, range(options.seeds), variants)
    ]


def _print(results: pl.DataFrame) -> None:
    print("OT cost of the kept pairs to the test set, at the budget in %\n")
    print(table(results, "ot", digits=4))
    for measure, digits in (("coverage", 3), ("near_pairs", 1), ("near_share", 3)):
        print(f"\n{measure}\n")
        print(table(results, measure, digits=digits))
    print("\nCPU seconds of selection per round\n")
    print(
        markdown(
            results.group_by("strategy", maintain_order=True).agg(
                pl.col("seconds_per_round").mean().round(3)
            )
        )
    )
    print("\nShare of the corpus needed to reach what the strategy of the column has at 5%\n")
    print(markdown(documents_to_reach(results)))
    if {"random", ORACLE} <= set(results["strategy"]):
        print("\nShare of the OT gap between random and oracle that is closed\n")
        print(table(gap_closed(results), "gap_closed", digits=2))


if __name__ == "__main__":
    main()

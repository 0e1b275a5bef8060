"""Every selection strategy on documents whose true QA pairs and embeddings are known.

    python benchmarks/selection.py --data DIR                documents; budget in documents
    python benchmarks/selection.py --data DIR --pages        long pages; budget in tokens
    python benchmarks/selection.py --data DIR --student      fine-tunes a tiny student as well
    python benchmarks/selection.py --data DIR --ablations    `equal` without each of its parts

DIR holds `corpus.parquet` (`text, source, url, qa_pairs`), `targets/<task>-{validation,test}.jsonl`
and `embeddings/` with `documents.npy`, `qa_pairs.npy`, `qa_document.npy` (document row of each
pair) and `target_<task>-<split>.npy`. Extraction is a replay of the true pairs; nothing else is
simulated: the strategies are those of the package. `validation` steers, `test` judges. Pools are
judged after the same filter for all strategies: the 40% of the pairs farthest from the reference
set are dropped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

from equal_assets.algorithms.cluster_geometry import assign_clusters
from equal_assets.algorithms.equal_strategy import EqualParameters
from equal_assets.algorithms.metrics import coverage
from equal_assets.algorithms.optimal_transport import cosine_cost, measure_bias, ot_cost
from equal_assets.algorithms.selection import (
    SCORED_STRATEGIES,
    STRATEGIES,
    Plan,
    make_strategy,
)
from equal_assets.algorithms.strategy import Corpus, ExtractedPairs, Strategy, Target
from equal_assets.progress import silent
from equal_assets.records import CHARACTERS_PER_TOKEN, QAPair
from equal_assets.settings import Equal, Evaluation, TinyStudent, quiet_libraries

BUDGETS = (0.0025, 0.005, 0.01, 0.02, 0.05)
GRID = tuple(np.geomspace(0.0005, 0.05, 21))
"""Shares at which a strategy is looked at to see when it reaches what another one has at 5%."""

KEPT_SHARE = 0.6
NEAR_SHARE = 0.03
PAGE_CHUNKS = 12
DOCUMENTS_PER_PULL = 10
STUDENT_BUDGETS = (0.01, 0.05)
STUDENT_PAIRS = 600
"""Every student trains on at most so many pairs, drawn evenly from the kept ones."""

STUDENT = {"learning_rate": 5e-4, "epochs": 2, "batch_size": 16}
STUDENT_QUESTIONS = 400
COMPARED = tuple(name for name in STRATEGIES if name not in SCORED_STRATEGIES)
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


@dataclass(frozen=True)
class Data:
    """Documents (or pages), their true pairs, and the targets."""

    corpus: Corpus
    pair_embeddings: np.ndarray  # (n_pairs, n_dimensions), sorted by document
    pair_lengths: np.ndarray  # characters of each answer
    pair_rows: np.ndarray  # index into the pairs of the data set
    owners: np.ndarray  # document of each pair
    first_pair: np.ndarray  # (n_documents + 1,)

    def pairs_of(self, rows: Iterable[int]) -> np.ndarray:
        """Return the indices of the pairs of documents, in the order of the documents."""
        spans = [np.arange(self.first_pair[row], self.first_pair[row + 1]) for row in rows]
        return np.concatenate(spans) if spans else np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Job:
    """One strategy on one target with one seed."""

    folder: Path
    is_pages: bool
    n_clusters: int
    documents_per_round: int
    target: str
    strategy: str
    seed: int
    changes: tuple[tuple[str, float], ...] = ()
    debias: bool = False
    label: str = ""

    @property
    def name(self) -> str:
        """What the tables call it."""
        return self.label or self.strategy


def load(job: Job) -> Data:
    """Read documents and pairs, and cluster the documents."""
    embeddings = _unit(np.load(job.folder / "embeddings" / "documents.npy"))
    pairs = _unit(np.load(job.folder / "embeddings" / "qa_pairs.npy"))
    owners = np.load(job.folder / "embeddings" / "qa_document.npy").astype(np.int64)
    table = pl.read_parquet(job.folder / "corpus.parquet")
    answers = table["qa_pairs"].explode().drop_nulls().struct.field("answer")
    tokens = np.maximum(1.0, table["text"].str.len_chars().to_numpy() / CHARACTERS_PER_TOKEN)
    if job.is_pages:
        pages = _pages(table)
        owners = pages[owners]
        pooled = np.zeros((pages.max() + 1, embeddings.shape[1]), dtype=np.float32)
        np.add.at(pooled, pages, embeddings * tokens[:, None].astype(np.float32))
        embeddings, tokens = _unit(pooled), np.bincount(pages, weights=tokens)
    order = np.argsort(owners, kind="stable")
    return Data(
        corpus=Corpus(
            embeddings=embeddings,
            arms=_arms(embeddings, n_clusters=job.n_clusters, seed=job.seed),
            tokens=tokens,
            costs=tokens if job.is_pages else np.ones(len(embeddings)),
        ),
        pair_embeddings=pairs[order],
        pair_lengths=answers.str.len_chars().to_numpy().astype(float)[order],
        pair_rows=order,
        owners=owners[order],
        first_pair=np.searchsorted(owners[order], np.arange(len(embeddings) + 1)),
    )


def _arms(embeddings: np.ndarray, *, n_clusters: int, seed: int) -> np.ndarray:
    """Cluster once per corpus and seed: all jobs of a run share the file."""
    key = f"equal-arms-{len(embeddings)}-{embeddings[:9].sum():.4f}-{n_clusters}-{seed}.npy"
    path = Path(tempfile.gettempdir()) / key
    if not path.exists():
        labels = assign_clusters(embeddings, n_clusters=n_clusters, seed=seed)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npy", delete=False) as file:
            np.save(file, labels)
        Path(file.name).replace(path)
    return np.load(path)


def _pages(table: pl.DataFrame) -> np.ndarray:
    """Return the page of each chunk: up to 12 chunks of one source path, in file order."""
    numbered = table.select(pl.struct("source", "url").rank("dense").alias("path")).with_columns(
        page=pl.int_range(pl.len()).over("path") // PAGE_CHUNKS
    )
    return numbered.select(pl.struct("path", "page").rank("dense") - 1).to_series().to_numpy()


def load_target(job: Job, split: str) -> Target:
    """Read a split of a target."""
    embeddings = _unit(np.load(job.folder / "embeddings" / f"target_{job.target}-{split}.npy"))
    lines = (job.folder / "targets" / f"{job.target}-{split}.jsonl").read_text().splitlines()
    lengths = np.array([len(json.loads(line)["answer"]) for line in lines], dtype=float)
    return Target(
        embeddings=embeddings,
        answer_lengths=lengths,
        weights=np.full(len(embeddings), 1.0 / len(embeddings)),
    )


def play(job: Job) -> tuple[list[dict], dict[float, list[int]]]:
    """Play one strategy to 5%; return a row per budget, and the pools of the student."""
    data, reference, test = load(job), load_target(job, "validation"), load_target(job, "test")
    order, seconds_per_round = _select(job, data, reference)
    near = _near(data, test)
    spent = np.cumsum(data.corpus.costs[order])
    rows, pools = [], {}
    for share in sorted({*BUDGETS, *GRID}):
        asked = order[: np.searchsorted(spent, share * data.corpus.costs.sum(), side="right")]
        pool = data.pairs_of(asked)
        kept = _nearest(data.pair_embeddings[pool], reference)
        rows.append(
            {
                "target": job.target,
                "strategy": job.name,
                "seed": job.seed,
                "budget": share,
                "documents": len(asked),
                "tokens": float(data.corpus.tokens[asked].sum()),
                "pairs": len(pool),
                **_judge(data.pair_embeddings[pool][kept], test),
                "near_pairs": int(near[pool].sum()),
                "near_share": float(near[pool].mean()) if len(pool) else 0.0,
                "seconds_per_round": seconds_per_round,
            }
        )
        if share in STUDENT_BUDGETS:
            pools[share] = data.pair_rows[pool][kept].tolist()
    return rows, pools


def _select(job: Job, data: Data, reference: Target) -> tuple[np.ndarray, float]:
    """Return documents in the order asked for, and CPU seconds per round of selection."""
    corpus = data.corpus
    rng = np.random.default_rng(job.seed)
    budget = max(BUDGETS) * corpus.costs.sum()
    if job.strategy == ORACLE:
        return _oracle_order(data, reference, budget), 0.0
    if job.strategy == NEAR_ORACLE:
        return _near_oracle_order(data, reference), 0.0
    most = int(np.searchsorted(np.cumsum(np.sort(corpus.costs)), budget, side="right"))
    if job.debias:
        reference = replace(reference, bias=measure_bias(reference.embeddings))
    parameters = replace(_default_parameters(), **dict(job.changes))
    plan = Plan(n_documents=most, documents_per_pull=DOCUMENTS_PER_PULL, equal=parameters)
    strategy = make_strategy(job.strategy, corpus, reference, plan, rng=rng)
    order: list[int] = []
    seconds, n_rounds, spent = 0.0, 0, 0.0
    while spent < budget and len(order) < most:
        started = time.process_time()
        wanted = min(job.documents_per_round, most - len(order))
        pulls = strategy.plan(wanted, np.random.default_rng([job.seed, n_rounds]))
        rows = [row for pull in pulls for row in pull.documents]
        order += rows
        _observe(strategy, data, pulls, order)
        seconds += time.process_time() - started
        spent += float(corpus.costs[rows].sum())
        n_rounds += 1
    return np.array(order), seconds / n_rounds


def _observe(strategy: Strategy, data: Data, pulls: list, order: list[int]) -> None:
    pool = data.pairs_of([row for pull in pulls for row in pull.documents])
    extracted = ExtractedPairs(
        documents=data.owners[pool],
        embeddings=data.pair_embeddings[pool],
        answer_lengths=data.pair_lengths[pool],
    )
    asked = np.array(order)
    arms = data.corpus.arms[asked]
    rewards = (
        [
            strategy.reward(data.pair_embeddings[data.pairs_of(asked[arms == pull.arm])])
            for pull in pulls
        ]
        if strategy.learns_from_rewards
        else [0.0] * len(pulls)
    )
    strategy.observe(pulls, extracted, rewards)


def _oracle_order(data: Data, reference: Target, budget: float) -> np.ndarray:
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


def _near_oracle_order(data: Data, reference: Target) -> np.ndarray:
    """Order documents by their near true pairs per cost, until none is left that has any."""
    near = np.bincount(data.owners[_near(data, reference)], minlength=data.corpus.n_documents)
    order = np.argsort(-near / data.corpus.costs, kind="stable")
    return order[: np.count_nonzero(near)]


def _near(data: Data, target: Target) -> np.ndarray:
    """Return which of all pairs are in the share nearest to a target."""
    best = (data.pair_embeddings @ target.embeddings.T).max(axis=1)
    return best >= np.quantile(best, 1 - NEAR_SHARE)


def _nearest(pool: np.ndarray, reference: Target) -> np.ndarray:
    """Return the rows of a pool that the filter keeps, nearest to the reference set first."""
    if not len(pool):
        return np.zeros(0, dtype=np.int64)
    best = (pool @ reference.embeddings.T).max(axis=1)
    return np.argsort(-best, kind="stable")[: max(1, round(KEPT_SHARE * len(pool)))]


def _judge(pool: np.ndarray, test: Target) -> dict[str, float | None]:
    if not len(pool):
        return {"ot": None, "coverage": None}
    return {
        "ot": ot_cost(cosine_cost(pool, test.embeddings)),
        "coverage": coverage(pool @ test.embeddings.T),
    }


def _default_parameters() -> EqualParameters:
    return EqualParameters(**Equal().model_dump())


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def train_student(job: Job, budget: float, pool: list[int], folder: Path) -> dict:
    """Fine-tune the tiny student on a pool, and judge it on the test questions."""
    from equal_assets.assets.judging import judge_by_choice
    from equal_assets.resources.student import build_student

    table = pl.read_parquet(job.folder / "corpus.parquet", columns=["text", "qa_pairs"])
    pairs = table["qa_pairs"].explode().drop_nulls().to_list()
    rows = np.array(pool)[np.linspace(0, len(pool) - 1, min(len(pool), STUDENT_PAIRS)).astype(int)]
    lines = (job.folder / "targets" / f"{job.target}-test.jsonl").read_text().splitlines()
    test = [json.loads(line) for line in lines[:STUDENT_QUESTIONS]]
    student = build_student(TinyStudent(seed=job.seed, **STUDENT), str(folder))
    judged = build_student(TinyStudent(), str(folder))
    evaluation = Evaluation()
    base = judged.base(table["text"].to_list(), corpus_version=str(job.folder), progress=silent)
    out = folder / f"{job.target}-{job.name}-{job.seed}-{budget}".replace(" ", "-")
    tuning = student.fine_tune(
        base, [QAPair(**pairs[row]) for row in rows], out=out, progress=silent
    )
    scores = judge_by_choice(
        judged,
        out,
        [QAPair(question=row["question"], answer=row["answer"]) for row in test],
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
    return _markdown(means.with_columns(pl.exclude("strategy").round(digits)))


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


def _markdown(frame: pl.DataFrame) -> str:
    with pl.Config(
        tbl_formatting="ASCII_MARKDOWN",
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=400,
    ):
        return str(frame)


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
        _markdown(
            results.group_by("strategy", maintain_order=True).agg(
                pl.col("seconds_per_round").mean().round(3)
            )
        )
    )
    print("\nShare of the corpus needed to reach what the strategy of the column has at 5%\n")
    print(_markdown(documents_to_reach(results)))
    if {"random", ORACLE} <= set(results["strategy"]):
        print("\nShare of the OT gap between random and oracle that is closed\n")
        print(table(gap_closed(results), "gap_closed", digits=2))


if __name__ == "__main__":
    main()

"""Strategies on targets, embedders and corpora that nobody tuned them to.

    python benchmarks/unseen.py --data DIR --out FOLDER                play what is missing, report
    python benchmarks/unseen.py --data DIR --out FOLDER --as NAME      `equal` as it is now, by name
    python benchmarks/unseen.py --data DIR --out FOLDER --judge-again  after a change of the pruning
    python benchmarks/unseen.py --data DIR --out FOLDER --ablations    `equal` without its parts too

What DIR holds is written in `known_pairs.py`; `corpus.parquet` needs a `domain` as well. A cell is
a target, an embedder and a corpus. Targets are the tasks of DIR, and one per domain: reference and
test pairs drawn from it leave the pools, and with them the documents that held nothing else. One
half of the targets chooses defaults, the other reports. Each seed draws other reference and test
pairs, so intervals over seeds hold both. A cell's results are a file per strategy: what is there is
not played again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs
from known_pairs import load, load_target, read_questions, read_texts_and_pairs
from markdown import markdown
from playing import Data, Job, Served, nearest, nearest_per_question, pruned, select, unit
from selection import ABLATIONS, BUDGETS, ORACLE, judge, near_pairs, oracle_order

from equal_assets.algorithms.strategies import hedge
from equal_assets.algorithms.strategies.bm25 import bm25_scores
from equal_assets.algorithms.strategies.hedge import AUDIT
from equal_assets.algorithms.strategies.strategy import Corpus, Target
from equal_assets.algorithms.strategies.table import STRATEGIES
from equal_assets.progress import silent
from equal_assets.settings import (
    EmbedderSettings,
    quiet_libraries,
)

TASKS = ("gsm8k", "mbpp", "math")
CHOOSE = (
    "gsm8k",
    "math-textbook",
    "biomedical",
    "code-qa",
    "legal",
    "recipes",
    "wikipedia",
    "social-science",
)
REPORT = (
    "mbpp",
    "math",
    "math-competition",
    "math-word-problem",
    "science-textbook",
    "personal-narrative",
    "hobby-qa",
    "finance",
)
HALVES = dict.fromkeys(CHOOSE, "choose") | dict.fromkeys(REPORT, "report")
"""Fixed before anything was measured; nothing of the second half may pick a default."""

GIVEN, STATIC, LSA = "all-MiniLM", "static-minilm", "lsa"
EMBEDDERS = (GIVEN, STATIC, LSA)
LSA_DIMENSIONS = 128
CORPORA = ("all", "without easiest", "third", "pages")
BASELINES = ("round-robin", "document-similarity", "tsds", "random")
MORE = ("bm25", "target-classifier")
"""Played and shown beside the others; the best of the baselines is without them."""
PRUNINGS: dict[str, Callable[[np.ndarray, np.ndarray, Target], np.ndarray]] = {
    "60%": lambda pool, lengths, reference: nearest(pool, reference),
    "4 per question": lambda pool, lengths, reference: nearest_per_question(pool, reference),
    "as data sets are": pruned,
}
WITHOUT_AUDITS = "without audits"
PARTS = (*(name for name in ABLATIONS if name.startswith("without")), WITHOUT_AUDITS)
N_CLUSTERS = 100
N_TEST = 300
JUDGED_PAIRS = 2000
"""Of a larger pool, so many are transported, evenly by rank: the simplex takes too long for all."""

LARGEST_HELD_SHARE = 0.5
"""Of a domain's pairs, at most so many become reference and test pairs."""

WITHOUT_PAIRS = 1.0
"""OT cost of a pool without pairs: that of pairs orthogonal to the whole target."""

TOLERANCE = 1.02
N_BOOTSTRAPS = 2000


@dataclass(frozen=True)
class Cell:
    """A target, an embedder, a corpus, and the draw of the reference and test pairs."""

    target: str
    embedder: str
    corpus: str
    n_references: int
    seed: int

    @property
    def folder(self) -> str:
        """Where its results are."""
        parts = (self.target, self.embedder, self.corpus.replace(" ", "-"))
        return "_".join((*parts, str(self.n_references), str(self.seed)))


@dataclass(frozen=True)
class World:
    """What a strategy meets in a cell, and what it is judged by."""

    data: Data
    reference: Target
    test: Target
    reference_texts: list[str]

    def with_words(self) -> World:
        """Return the same with what the words of its documents say."""
        scores = bm25_scores(self.reference_texts, self.reference.weights, [self.data.texts])
        corpus = replace(self.data.corpus, scores=scores)
        return replace(self, data=replace(self.data, corpus=corpus))


def build(cell: Cell, spaces: Path) -> World:
    """Hold out a target, and take from the corpus what the cell is without."""
    job = _job(cell, spaces, "")
    data = load(replace(job, seed=0))  # clusters are the corpus's, not the draw's
    rng = np.random.default_rng([cell.seed, *cell.target.encode()])
    domains = pl.read_parquet(job.folder / "corpus.parquet", columns=["domain", "qa_pairs"])
    pair_domains = domains.explode("qa_pairs").drop_nulls()["domain"].to_numpy()[data.pair_rows]
    if cell.target in TASKS:
        asked = read_questions(job.folder, cell.target, "validation")
        drawn = rng.permutation(len(asked))[: cell.n_references]
        reference = _rows(load_target(job, "validation"), drawn)
        texts = [asked[row].text for row in drawn]
        judged = load_target(job, "test")
        test = _rows(judged, rng.permutation(len(judged.embeddings))[:N_TEST])
    else:
        own = rng.permutation(np.flatnonzero(pair_domains == cell.target))
        n_held = min(cell.n_references + N_TEST, int(LARGEST_HELD_SHARE * len(own)))
        held = own[:n_held]
        reference, test = (
            _uniform(data.pair_embeddings[rows], data.pair_lengths[rows])
            for rows in (held[: cell.n_references], held[cell.n_references :])
        )
        pairs = read_texts_and_pairs(job.folder)[1]
        texts = [pairs[row].text for row in data.pair_rows[held[: cell.n_references]]]
        data = _without_pairs(data, held)
        pair_domains = np.delete(pair_domains, held)
    if cell.corpus == "without easiest":
        names, near = np.unique(pair_domains[near_pairs(data, test)], return_counts=True)
        data = _only(data, domains["domain"].to_numpy() != names[near.argmax()])
    if cell.corpus == "third":
        data = _only(data, rng.random(data.corpus.n_documents) < 1 / 3)
    return World(data, reference, test, texts)


def _job(cell: Cell, spaces: Path, strategy: str) -> Job:
    return Job(
        folder=spaces / cell.embedder,
        is_pages=cell.corpus == "pages",
        n_clusters=N_CLUSTERS,
        documents_per_round=50,
        target=cell.target,
        strategy=strategy,
        seed=cell.seed,
    )


def _rows(target: Target, rows: np.ndarray) -> Target:
    return _uniform(target.embeddings[rows], target.answer_lengths[rows])


def _uniform(embeddings: np.ndarray, answer_lengths: np.ndarray) -> Target:
    weights = np.full(len(embeddings), 1.0 / len(embeddings))
    return Target(embeddings=embeddings, answer_lengths=answer_lengths, weights=weights)


def _only(data: Data, is_kept: np.ndarray, without: np.ndarray | None = None) -> Data:
    """Return some of the documents and their pairs, less the pairs `without`."""
    corpus = data.corpus
    has_left = is_kept[data.owners]
    if without is not None:
        has_left[without] = False
    place = np.cumsum(is_kept) - 1
    owners = place[data.owners[has_left]]
    return Data(
        corpus=Corpus(
            embeddings=corpus.embeddings[is_kept],
            arms=np.unique(corpus.arms[is_kept], return_inverse=True)[1],
            tokens=corpus.tokens[is_kept],
            costs=corpus.costs[is_kept],
        ),
        pair_embeddings=data.pair_embeddings[has_left],
        pair_lengths=data.pair_lengths[has_left],
        pair_rows=data.pair_rows[has_left],
        owners=owners,
        first_pair=np.searchsorted(owners, np.arange(is_kept.sum() + 1)),
        texts=[data.texts[row] for row in np.flatnonzero(is_kept)],
    )


def _without_pairs(data: Data, held: np.ndarray) -> Data:
    """Return the data without pairs, and without the documents that held nothing else."""
    n_documents = data.corpus.n_documents
    before = np.bincount(data.owners, minlength=n_documents)
    after = before - np.bincount(data.owners[held], minlength=n_documents)
    return _only(data, (before == 0) | (after > 0), held)


def play(cell: Cell, *, spaces: Path, out: Path, strategies: dict[str, str], again: bool) -> None:
    """Play in a cell the strategies whose files it lacks; keys are names of files and tables."""
    folder = out / cell.folder
    missing = {
        name: strategy
        for name, strategy in strategies.items()
        if again or not (folder / f"{name}.json").exists()
    }
    if not missing:
        return
    world = build(cell, spaces)
    if any(STRATEGIES[name].counts_words for name in missing.values() if name in STRATEGIES):
        world = world.with_words()
    served = Served(world.data, world.reference, world.test)
    is_near = near_pairs(world.data, world.test)
    folder.mkdir(parents=True, exist_ok=True)
    for name, strategy in missing.items():
        path = folder / f"{name}.npz"
        if path.exists():
            played = np.load(path)
            order, seconds = played["order"], float(played["seconds"])
        else:
            order, seconds = _order(_job(cell, spaces, strategy), world, without=name)
            np.savez(path, order=order, seconds=seconds)
        rows = [
            {**asdict(cell), "strategy": name, "budget": budget, "seconds_per_round": seconds}
            | _judged(world, order, budget, is_near, served)
            for budget in BUDGETS
        ]
        (folder / f"{name}.json").write_text(json.dumps(rows))


def _order(job: Job, world: World, *, without: str) -> tuple[np.ndarray, float]:
    """Play a strategy; `without` is the name of an ablation, or says nothing."""
    job = replace(job, changes=tuple(ABLATIONS.get(without, {}).items()))
    hedge.AUDIT = 0.0 if without == WITHOUT_AUDITS else AUDIT
    if job.strategy == ORACLE:
        budget = max(BUDGETS) * world.data.corpus.costs.sum()
        return oracle_order(world.data, world.reference, budget), 0.0
    return select(job, world.data, world.reference, share=max(BUDGETS))


def _judged(
    world: World, order: np.ndarray, budget: float, is_near: np.ndarray, served: Served
) -> dict:
    """Return the measures of the pool that a budget pays for, after each pruning."""
    pool = world.data.pairs_of(world.data.affordable(order, budget))
    embeddings, lengths = world.data.pair_embeddings[pool], world.data.pair_lengths[pool]
    measures = {"pairs": len(pool), "near_pairs": int(is_near[pool].sum()), **served.of(pool)}
    for name, prune in PRUNINGS.items():
        kept = prune(embeddings, lengths, world.reference)
        spread = np.linspace(0, len(kept) - 1, min(len(kept), JUDGED_PAIRS)).astype(np.int64)
        judged = judge(embeddings[kept[spread]], world.test)
        measures |= {
            f"kept, {name}": len(kept),
            f"OT, {name}": WITHOUT_PAIRS if judged["ot"] is None else judged["ot"],
            f"coverage, {name}": judged["coverage"],
        }
    return measures


def make_space(embedder: str, data: Path, spaces: Path) -> None:
    """Lay out a folder as `known_pairs.py` wants it, with the vectors of an embedder."""
    folder = spaces / embedder
    if folder.exists():
        return
    unfinished = spaces / f"{embedder}.unfinished"
    (unfinished / "embeddings").mkdir(parents=True, exist_ok=True)
    for name in ("corpus.parquet", "targets"):
        if not (unfinished / name).exists():
            (unfinished / name).symlink_to((data / name).resolve())
    owners = data / "embeddings" / "qa_document.npy"
    if embedder == GIVEN:
        vectors = {file.stem: np.load(file) for file in owners.parent.glob("*.npy")}
    else:
        texts = _texts(data)
        embed = _static(texts, spaces) if embedder == STATIC else _lsa(texts)
        vectors = {name: embed(part) for name, part in texts.items()}
        vectors["qa_document"] = np.load(owners)
    for name, array in vectors.items():
        np.save(unfinished / "embeddings" / f"{name}.npy", array)
    unfinished.rename(folder)


def _texts(data: Path) -> dict[str, list[str]]:
    documents, pairs = read_texts_and_pairs(data)
    targets = {
        f"target_{task}-{split}": [pair.text for pair in read_questions(data, task, split)]
        for task, split in product(TASKS, ("validation", "test"))
    }
    return {"documents": documents, "qa_pairs": [pair.text for pair in pairs], **targets}


def _static(texts: dict[str, list[str]], spaces: Path) -> Callable[[list[str]], np.ndarray]:
    from equal_assets.resources.embedding.embedder import STATIC_MODEL, build_embedder

    embedder = build_embedder(EmbedderSettings(model=STATIC_MODEL), spaces / "models")
    return partial(embedder.encode, path=embedder.base_path(progress=silent), progress=silent)


def _lsa(texts: dict[str, list[str]]) -> Callable[[list[str]], np.ndarray]:
    """Fit latent semantic analysis on the documents: no model has seen other texts."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    lsa = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, min_df=3, max_df=0.5, max_features=50_000),
        TruncatedSVD(LSA_DIMENSIONS, random_state=0),
    ).fit(texts["documents"])
    return lambda part: unit(lsa.transform(part))


def compare(results: pl.DataFrame, own: str, measure: str) -> pl.DataFrame:
    """Return per cell and budget what `own` is over the best baseline, each one, and the oracle.

    Means over seeds are compared.
    """
    index = ["half", "embedder", "target", "corpus", "n_references", "budget"]
    means = results.group_by(*index, "strategy").agg(pl.col(measure).mean())
    wide = means.pivot(on="strategy", index=index, values=measure).drop_nulls([own, *BASELINES])
    return wide.with_columns(
        (pl.col(ORACLE) / pl.min_horizontal(BASELINES)).alias("oracle_over_best"),
        (pl.col(own) / pl.min_horizontal(BASELINES)).alias("over_best"),
        *((pl.col(own) / pl.col(name)).alias(f"over {name}") for name in BASELINES),
    ).sort(index)


def summary(compared: pl.DataFrame) -> pl.DataFrame:
    """Return geometric means over cells and budgets, per half and embedder.

    The interval draws targets, with all their cells.
    """
    ratios = ["over_best", "oracle_over_best", *(f"over {name}" for name in BASELINES)]
    groups = [(half, name) for half in ("choose", "report") for name in (*EMBEDDERS, "each")]
    rows = []
    for half, embedder in groups:
        is_in = pl.col("half") == half
        cells = compared.filter(is_in & ((pl.col("embedder") == embedder) | (embedder == "each")))
        if cells.is_empty():
            continue
        low, high = _interval(cells)
        rows.append(
            {
                "half": half,
                "embedder": embedder,
                "cells": len(cells),
                **{name: np.exp(cells[name].log().mean()) for name in ratios},
                "low": low,
                "high": high,
                "worst": cells["over_best"].max(),
                "above 1.02": (cells["over_best"] > TOLERANCE).mean(),
            }
        )
    return pl.DataFrame(rows)


def _interval(cells: pl.DataFrame) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the geometric mean over targets of `over_best`."""
    means = cells.group_by("target").agg(pl.col("over_best").log().mean())["over_best"].to_numpy()
    draws = np.random.default_rng(0).choice(means, size=(N_BOOTSTRAPS, len(means)))
    low, high = np.exp(np.quantile(draws.mean(axis=1), (0.025, 0.975)))
    return float(low), float(high)


def report(results: pl.DataFrame, own: str) -> None:
    """Print the summary, and each cell, after each pruning."""
    for name in PRUNINGS:
        compared = compare(results, own, f"OT, {name}")
        print(f"\n{own} over the baselines: OT to the test set after the pruning {name!r}\n")
        print(markdown(summary(compared).with_columns(cs.float().round(3))))
        print(f"\n{own} over the best baseline, per cell and budget; pruning {name!r}\n")
        by_budget = compared.with_columns((pl.col("budget") * 100).round(2).cast(pl.String))
        index = ["half", "embedder", "target", "corpus", "n_references"]
        wide = by_budget.pivot(on="budget", index=index, values="over_best")
        oracle = compared.group_by(index).agg(pl.col("oracle_over_best").log().mean().exp())
        print(markdown(wide.join(oracle, on=index).with_columns(cs.float().round(3)).sort(index)))
    print("\nOver round-robin, geometric mean over cells and budgets (F: mean over mean)\n")
    print(markdown(beside(results)))
    counted = results.group_by("half", "strategy").agg(
        pl.col("near_pairs", "pairs", "seconds_per_round").mean().round(3),
        *(pl.col(f"coverage, {name}").mean().round(4) for name in PRUNINGS),
    )
    print("\nMeans over cells and budgets\n")
    print(markdown(counted.sort("half", "strategy")))


def beside(results: pl.DataFrame) -> pl.DataFrame:
    """Return every strategy over round-robin, per half, embedder and corpus."""
    cell = ["half", "embedder", "target", "corpus", "n_references", "seed", "budget"]
    results = results.with_columns(gain=pl.col("F") * pl.col("share_long_enough"))
    measures = ["F", "gain", *(f"OT, {name}" for name in PRUNINGS)]
    first = results.filter(strategy="round-robin").select(*cell, pl.col(measures).name.suffix("_0"))
    found = (
        results.join(first, on=cell)
        .group_by("half", "embedder", "corpus", "strategy")
        .agg(
            pl.len().alias("cells"),
            (pl.col("F").sum() / pl.col("F_0").sum()).alias("F, long enough"),
            (pl.col("gain").sum() / pl.col("gain_0").sum()).alias("F x share"),
            *((pl.col(m) / pl.col(f"{m}_0")).log().mean().exp().alias(m) for m in measures[2:]),
        )
    )
    order = ["half", "embedder", "corpus", "F, long enough"]
    return found.with_columns(cs.float().round(3)).sort(
        order, descending=[False, False, False, True]
    )


def read(out: Path) -> pl.DataFrame:
    """Read all results that there are, one row per cell, strategy and budget."""
    rows = [row for path in sorted(out.glob("*/*.json")) for row in json.loads(path.read_text())]
    half = pl.col("target").replace_strict(HALVES)
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(half=half)


def main() -> None:
    """Play what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--targets", nargs="+", choices=HALVES, default=list(HALVES))
    parser.add_argument("--embedders", nargs="+", choices=EMBEDDERS, default=EMBEDDERS)
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=CORPORA)
    parser.add_argument("--references", nargs="+", type=int, default=[100])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--slow", action="store_true", help="play the paper's bandits too")
    parser.add_argument("--as", dest="own", default="equal", help="name for `equal` as it is now")
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--judge-again", action="store_true")
    parser.add_argument("--report-only", action="store_true")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    quiet_libraries()
    spaces = options.out / "spaces"
    cells = [
        Cell(*axes)
        for axes in product(
            options.targets, options.embedders, options.corpora, options.references, options.seeds
        )
    ]
    names = (*BASELINES, *MORE, ORACLE, *(("equal-paper", "equal-authors") if options.slow else ()))
    if not options.report_only:
        for embedder in options.embedders:
            make_space(embedder, options.data, spaces)
        playing = partial(
            play,
            spaces=spaces,
            out=options.out / "cells",
            strategies={name: name for name in names}
            | {options.own: "equal"}
            | dict.fromkeys(PARTS if options.ablations else (), "equal"),
            again=options.judge_again,
        )
        # spawned: torch, which embeds, does not survive a fork
        with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
            for number, _ in enumerate(pool.map(playing, cells), 1):
                print(f"\r{number} of {len(cells)} cells", end="", file=sys.stderr, flush=True)
    wanted = pl.DataFrame([asdict(cell) for cell in cells])
    report(read(options.out / "cells").join(wanted, on=wanted.columns, how="semi"), options.own)


if __name__ == "__main__":
    main()

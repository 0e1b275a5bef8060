"""What pruning is worth: OT to the test set of pools pruned in several ways.

    python benchmarks/pruning.py --data DIR --out OUT [--references 30 100 300]

What DIR holds is written in `known_pairs.py`; `corpus.parquet` needs a `domain` as well. Targets
are the tasks of DIR and pairs held out of three domains. A part of each reference set steers the
strategies and prunes; OUT gets a file for each of these cells, and what is there is not played
again. The first half of the targets chose the defaults, the other only reports.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from known_pairs import load, load_target
from markdown import markdown
from playing import Data, Job, nearest, select

from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost
from equal_assets.algorithms.pruning import prune
from equal_assets.algorithms.strategies.strategy import Target
from equal_assets.settings import DatasetSettings

BUDGETS = (0.0025, 0.01, 0.05)
STRATEGIES = ("equal", "round-robin", "document-similarity")
CHOSE = ("gsm8k", "biomedical", "social-science")
REPORT = ("mbpp", "math", "science-textbook")
DOMAINS = {"biomedical", "social-science", "science-textbook"}
N_HELD_OUT, N_TEST = 300, 500
NUMBERS = (1, 2, 4, 8, 16)
AUTO, ALL, SHARE = "auto", "all", "nearest 60%"


def world(job: Job) -> tuple[Data, Target, Target]:
    """Return what strategies choose from, and the reference and test pairs."""
    data = load(job)
    if job.target not in DOMAINS:
        reference, test = (load_target(job, split) for split in ("validation", "test"))
    else:
        table = pl.read_parquet(job.folder / "corpus.parquet", columns=["domain", "qa_pairs"])
        domains = table.explode("qa_pairs").drop_nulls()["domain"].to_numpy()[data.pair_rows]
        own = np.random.default_rng(7).permutation(np.flatnonzero(domains == job.target))
        n_reference = min(N_HELD_OUT, len(own) // 4)
        held = own[: min(n_reference + N_TEST, len(own) // 2)]
        reference, test = (_target(data, held[:n_reference]), _target(data, held[n_reference:]))
        data = data.without(held)
    drawn = np.random.default_rng(1).permutation(len(test.embeddings))[:N_TEST]
    return data, reference, replace(test, embeddings=test.embeddings[drawn])


def _target(data: Data, rows: np.ndarray) -> Target:
    return _uniform(data.pair_embeddings[rows], data.pair_lengths[rows])


def _uniform(embeddings: np.ndarray, answer_lengths: np.ndarray) -> Target:
    return Target(embeddings, answer_lengths, np.full(len(embeddings), 1 / len(embeddings)))


def play(job: Job, n_references: int) -> list[dict]:
    """Play a strategy and judge its pools after each pruning: a row per budget and pruning."""
    data, whole, test = world(job)
    drawn = np.random.default_rng(n_references).permutation(len(whole.embeddings))[:n_references]
    reference = _uniform(whole.embeddings[drawn], whole.answer_lengths[drawn])
    order, _ = select(job, data, reference, share=max(BUDGETS))
    rows = []
    for budget in BUDGETS:
        pool = data.pairs_of(data.affordable(order, budget))
        vectors, lengths = data.pair_embeddings[pool], data.pair_lengths[pool]
        for name, kept in prunings(vectors, lengths, reference).items():
            rows.append(
                {"target": job.target, "strategy": job.strategy, "references": len(drawn)}
                | {"asked": n_references, "budget": budget, "pruning": name, "kept": len(kept)}
                | {"share": len(kept) / len(pool), "answer": float(lengths[kept].mean())}
                | {"ot": ot_cost(cosine_cost(vectors[kept], test.embeddings))}
            )
    return rows


def prunings(vectors: np.ndarray, lengths: np.ndarray, reference: Target) -> dict[str, np.ndarray]:
    """Return the rows that each way of pruning keeps."""
    how = DatasetSettings(min_examples=0, prune="auto").pruning
    ways = {AUTO: how} | {
        f"{number} a question": {**how, "per_question": number} for number in NUMBERS
    }
    ways |= {f"{AUTO}, any answers": {**how, "shortest": 0.0}}
    kept = {name: prune(vectors, lengths, reference, **way).is_kept for name, way in ways.items()}
    return {
        ALL: np.arange(len(vectors)),
        SHARE: nearest(vectors, reference),
        **{name: np.flatnonzero(is_kept) for name, is_kept in kept.items()},
    }


def table(results: pl.DataFrame) -> str:
    """Return a Markdown table: a pruning a line; OT over that of the whole pool."""
    cell = ["target", "strategy", "asked", "budget"]
    whole = results.filter(pruning=ALL).select(*cell, pl.col("ot", "answer").name.suffix("_all"))
    ratio = pl.col("ot") / pl.col("ot_all")
    rows = (
        results.join(whole, on=cell)
        .group_by("asked", "pruning", maintain_order=True)
        .agg(
            pl.len().alias("cells"),
            ratio.log().mean().exp().round(4).alias("OT over whole pool"),
            ratio.max().round(4).alias("worst"),
            (ratio > 1.002).sum().alias("cells worse by .2%"),
            pl.col("share").mean().round(2).alias("pairs kept"),
            (pl.col("answer") / pl.col("answer_all")).mean().round(2).alias("answer length"),
        )
        .rename({"asked": "reference questions, at most"})
    )
    return markdown(rows)


def main() -> None:
    """Play what is missing, and print a table for each half of the targets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmark-pruning"))
    parser.add_argument("--references", type=int, nargs="+", default=[30, 100, 300])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for target, n_references, strategy in product(
        (*CHOSE, *REPORT), options.references, STRATEGIES
    ):
        file = options.out / f"{target}-{n_references}-{strategy}.json"
        if not file.exists():
            job = Job(options.data, False, 100, 50, target, strategy, seed=0)
            file.write_text(json.dumps(play(job, n_references)))
        rows += json.loads(file.read_text())
    results = pl.DataFrame(rows)
    for half, targets in (("chose the defaults", CHOSE), ("only report", REPORT)):
        print(f"\nTargets that {half}: {', '.join(targets)}\n")
        print(table(results.filter(pl.col("target").is_in(targets))))


if __name__ == "__main__":
    main()

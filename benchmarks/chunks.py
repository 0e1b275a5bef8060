"""Near pairs per token: long pages bought whole, against chunks of them, at the same tokens.

    OMP_NUM_THREADS=1 python benchmarks/chunks.py --data DIR [--targets NAME ...] [--ot]

What DIR holds is written in `known_pairs.py`. Targets are those of DIR, and 300 pairs of one source
each (100 steer, 200 judge) that are taken out of the data; the other pairs of their documents stay.
`equal` learns what texts yield from 5% of the units, drawn at random: the warm-up of every
campaign; pairs of a held-out target count there as the others do. The figures are near pairs, F of
the test pairs by long enough pairs, and that times their share, at .25, .5, 1, 2 and 5% of all
tokens: geometric means over the best baseline's that buys pages, that buys chunks, or the same.
`--ot` adds the OT cost to the test set after the filter; `--calibration` shows expected beside real
pairs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from known_pairs import load, load_target
from markdown import markdown
from playing import Data, Job, Served, draw_warm_up, nearest, select
from selection import BUDGETS, near_oracle_order, near_pairs

from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost
from equal_assets.algorithms.strategies.strategy import Target

HELD_OUT = {
    "medicine": "abachaa/MedQuAD",
    "physics": "openstax/osbooks-college-physics-bundle",
    "accounting": "openstax/osbooks-principles-accounting-bundle",
    "statistics": "openstax/osbooks-introductory-statistics-bundle",
    "policies": "wasiahmad/PolicyQA",
    "microbiology": "openstax/osbooks-microbiology",
}
"""Targets made of the pairs of a source."""

CHOOSING = ("gsm8k", "medicine", "physics", "accounting")
"""Targets that decided what is predicted, and how."""

REPORTED = ("mbpp", "math", "statistics", "policies", "microbiology")

N_STEERING, N_HELD_OUT = 100, 300
BASELINES = ("round-robin", "document-similarity", "tsds", "random")
COST_EXPONENTS = (0.1, 0.2, 1.0)
"""Of the cost that similarity is divided by: fair baselines where cost is in tokens."""

EQUAL: dict[str, dict] = {
    "equal": {},
    "equal, without yields": {"learns_yields": False},
    "equal, pairs of any length": {"changes": (("answer_length", 0.0),)},
    "equal, nearness alone": {"changes": (("answer_length", 0.0), ("coverage", 0.0))},
}

GAIN = "F x share"
MEASURES = ("near_pairs", "F", GAIN)
UNITS = ("pages", "chunks")


@dataclass(frozen=True)
class Cell:
    """A target on pages or chunks."""

    job: Job
    data: Data
    reference: Target
    test: Target


def make_cell(folder: Path, target: str, *, by_chunk: bool, seed: int, learns: bool) -> Cell:
    """Read the data; a held-out target is taken out of it."""
    is_given = target not in HELD_OUT
    job = Job(
        folder=folder,
        is_pages=not by_chunk,
        is_by_chunk=by_chunk,
        n_clusters=100,
        documents_per_round=50,
        target=target,
        strategy="equal",
        seed=seed,
        learns_yields=learns,
    )
    data = load(job)
    if is_given:
        return Cell(job, data, load_target(job, "validation"), load_target(job, "test"))
    of_source = pl.scan_parquet(folder / "corpus.parquet").select(
        (pl.col("source") == HELD_OUT[target]).repeat_by(pl.col("qa_pairs").list.len()).explode()
    )
    is_own = of_source.collect().to_series().drop_nulls().to_numpy()
    own = np.random.default_rng(seed).permutation(np.flatnonzero(is_own))[:N_HELD_OUT]
    position = np.argsort(data.pair_rows)[own]  # same pairs, whatever the unit
    return Cell(
        job,
        data.without(position),
        _target(data, position[:N_STEERING]),
        _target(data, position[N_STEERING:]),
    )


def _target(data: Data, pairs: np.ndarray) -> Target:
    return Target(
        embeddings=data.pair_embeddings[pairs],
        answer_lengths=data.pair_lengths[pairs],
        weights=np.full(len(pairs), 1.0 / len(pairs)),
    )


def _similarity_per_cost(cell: Cell, exponent: float) -> np.ndarray:
    corpus, reference = cell.data.corpus, cell.reference
    center = (reference.weights @ reference.embeddings).astype(np.float32)
    worth = (corpus.embeddings @ center) / corpus.costs**exponent
    return np.argsort(-worth, kind="stable")


def _orders(cell: Cell) -> dict[str, np.ndarray]:
    """Return what each baseline and oracle buys, in order."""
    most = max(BUDGETS)
    orders = {
        name: select(replace(cell.job, strategy=name), cell.data, cell.reference, share=most)[0]
        for name in BASELINES
    }
    orders |= {
        f"similarity / tokens^{exponent}": _similarity_per_cost(cell, exponent)
        for exponent in COST_EXPONENTS
    }
    return orders | {
        "oracle, reference": near_oracle_order(cell.data, cell.reference),
        "oracle, test": near_oracle_order(cell.data, cell.test),
    }


def measure(folder: Path, target: str, *, by_chunk: bool, seed: int, with_ot: bool) -> list[dict]:
    """Return a row for each strategy and budget."""
    learned, plain = (
        make_cell(folder, target, by_chunk=by_chunk, seed=seed, learns=learns)
        for learns in (True, False)
    )
    orders = _orders(plain)
    for name, changes in EQUAL.items():
        cell = learned if changes.get("learns_yields", True) else plain
        job = replace(cell.job, **changes)
        orders[name] = select(job, cell.data, cell.reference, share=max(BUDGETS))[0]
    near = near_pairs(plain.data, plain.test)
    served = Served(plain.data, plain.reference, plain.test)
    unit = "chunks" if by_chunk else "pages"
    rows = []
    for (name, order), share in ((item, share) for item in orders.items() for share in BUDGETS):
        pool = plain.data.pairs_of(plain.data.affordable(order, share))
        row = {"target": target, "unit": unit, "strategy": name, "budget": share}
        row |= {"near_pairs": int(near[pool].sum()), "pairs": len(pool), **served.of(pool)}
        if with_ot and len(pool) and name.startswith(("equal", *BASELINES)):
            vectors = plain.data.pair_embeddings[pool]
            kept = vectors[nearest(vectors, plain.reference)]
            row["ot"] = ot_cost(cosine_cost(kept, plain.test.embeddings))
        rows.append(row)
    return rows


def calibrate(folder: Path, target: str, *, seed: int) -> pl.DataFrame:
    """Return expected and real pairs of the chunks that `equal` buys, by tenths of expectation.

    Those of the warm-up sample, which was learned from, are left out.
    """
    cell = make_cell(folder, target, by_chunk=True, seed=seed, learns=True)
    order = select(cell.job, cell.data, cell.reference, share=max(BUDGETS))[0]
    corpus = cell.data.corpus
    new = np.setdiff1d(order, draw_warm_up(corpus.n_documents, seed=seed))
    real = np.bincount(cell.data.owners, minlength=corpus.n_documents)
    rows = pl.DataFrame({"expected": corpus.yields.pairs[new], "real": real[new]})
    decile = (pl.int_range(pl.len()) * 10 // pl.len() + 1).alias("decile")
    means = rows.sort("expected").with_columns(decile).group_by("decile", maintain_order=True)
    return means.agg(pl.len().alias("chunks"), pl.col("expected", "real").mean().round(2))


def summarize(results: pl.DataFrame) -> pl.DataFrame:
    """Return per target, unit and strategy the geometric means, over those of the baselines."""
    results = results.with_columns((pl.col("F") * pl.col("share_long_enough")).alias(GAIN))
    columns = [pl.col("near_pairs").clip(1), pl.col("F", GAIN).clip(0.01)]
    if "ot" in results.columns:
        columns.append(pl.col("ot"))
    means = results.group_by("target", "unit", "strategy", maintain_order=True).agg(
        *(column.log().mean().exp() for column in columns)
    )
    is_baseline = ~pl.col("strategy").str.contains("^(?:equal|oracle)")
    best = means.filter(is_baseline).group_by("target", "unit").agg(pl.col(MEASURES).max())
    for unit in UNITS:
        own = best.filter(pl.col("unit") == unit).select(
            "target", pl.col("near_pairs").alias("best")
        )
        means = means.join(own, on="target", maintain_order="left")
        means = means.with_columns((pl.col("near_pairs") / pl.col("best")).alias(f"near / {unit}"))
        means = means.drop("best")
    # what is near depends on the units, so F is compared among strategies of the same ones
    means = means.join(best, on=("target", "unit"), suffix="_best", maintain_order="left")
    return means.with_columns(
        (pl.col(name) / pl.col(f"{name}_best")).alias(f"{name} / own unit") for name in ("F", GAIN)
    ).drop(f"{name}_best" for name in MEASURES)


def show(means: pl.DataFrame) -> None:
    """Print a table per half of the targets, and one per target."""
    for half, targets in (("choosing", CHOOSING), ("reported", REPORTED)):
        own = means.filter(pl.col("target").is_in(targets))
        if own.is_empty():
            continue
        measures = [name for name in own.columns if "/" in name or name == "ot"]
        table = own.group_by("unit", "strategy", maintain_order=True).agg(
            pl.col(measures).log().mean().exp()
        )
        print(f"\nGeometric mean over the {half} targets: {', '.join(own['target'].unique())}\n")
        print(markdown(table.with_columns(pl.col(measures).round(4))))
    print("\nEach target\n")
    print(markdown(means.with_columns(pl.selectors.float().round(3))))


def main() -> None:
    """Measure, and write a file of results a target, which is not measured again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmark-chunks"))
    parser.add_argument("--targets", nargs="+", default=[*CHOOSING, *REPORTED])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ot", action="store_true")
    parser.add_argument("--calibration", action="store_true", help="nothing else is printed")
    options = parser.parse_args()
    if options.calibration:
        for target in options.targets:
            print(f"\nPairs a chunk, {target}\n")
            print(markdown(calibrate(options.data, target, seed=options.seed)))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    found = []
    for target in options.targets:
        file = options.out / f"{target}-{options.seed}{'-ot' if options.ot else ''}.parquet"
        if not file.exists():
            rows = [
                row
                for by_chunk in (False, True)
                for row in measure(
                    options.data,
                    target,
                    by_chunk=by_chunk,
                    seed=options.seed,
                    with_ot=options.ot,
                )
            ]
            pl.DataFrame(rows, infer_schema_length=None).write_parquet(file)
        found.append(pl.read_parquet(file))
    show(summarize(pl.concat(found)))


if __name__ == "__main__":
    main()

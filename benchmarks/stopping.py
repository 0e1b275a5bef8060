"""When `stop: auto` ends a campaign, what it misses, and what random documents should give.

    python benchmarks/stopping.py --out FOLDER --targets gsm8k recipes --share 0.3
    python benchmarks/stopping.py --out FOLDER --tables

The worlds are those of `unseen.py`, whose `--out` is this one's: documents whose pairs are known,
with held-out targets. `equal` is played far beyond where it pays, steered by all reference
questions or by a part of them while the others judge. Wherever its rule would end it, the same
rule tells from 300 test questions, which steer nothing, whether that was right.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from markdown import markdown
from playing import WARM_UP_SHARE, draw_warm_up, select
from unseen import Cell, World, _job, _uniform, build

from equal_assets.algorithms.chance import Chance
from equal_assets.algorithms.coverage import TargetCoverage, kernel_of
from equal_assets.algorithms.stopping import Added, ended_since, evidence
from equal_assets.algorithms.strategies.strategy import ExtractedPairs, Target
from equal_assets.settings import DatasetSettings, EqualSettings, quiet_libraries

HELD = (0.0, 0.2, 0.5)
"""Shares of the reference questions that judge and do not steer; 0: all do both."""

AT = (0.01, 0.02, 0.05)
"""Shares of the cost at which the coverage of the test questions is compared."""

CHANCE_AT = (0.5, 1.0, 2.0)
"""Costs of random documents, as multiples of the sample's, at which the expectation is tried."""

N_RANDOM = 100
"""Pairs of a sample and other random documents."""

TOLD = ("expected over real", "held")


def played(cell: Cell, spaces: Path, *, share: float) -> list[dict]:
    """Return a row per way to hold questions out: where it ends, and what the test says then."""
    world = build(cell, spaces)
    return [
        {**_cell(cell), "held": held, **_ended(cell, world, spaces, held=held, share=share)}
        for held in HELD
    ] + [{**_cell(cell), "held": None, **_of_chance(world, cell)}]


def _cell(cell: Cell) -> dict:
    return {"target": cell.target, "embedder": cell.embedder, "corpus": cell.corpus}


def first_end(pays: list[bool | None]) -> int | None:
    """Return the round, from 1, after which `stop: auto` would have ended a campaign."""
    return next((n for n in range(1, len(pays) + 1) if ended_since(pays[:n])), None)


def _ended(cell: Cell, world: World, spaces: Path, *, held: float, share: float) -> dict:
    reference, corpus = world.reference, world.data.corpus
    order = np.random.default_rng(cell.seed).permutation(len(reference.weights))
    n_held = round(held * len(order))
    steers, judges = order[n_held:], order[:n_held] if n_held else order
    per_round = max(50, round(corpus.n_documents / 130))
    job = replace(_job(cell, spaces, "equal"), documents_per_round=per_round)
    asked, _ = select(job, world.data, _part(reference, steers), share=share)
    rounds = [asked[start : start + per_round] for start in range(0, len(asked), per_round)]
    spent = np.cumsum([corpus.costs[rows].sum() for rows in rounds]) / corpus.costs.sum()
    own = _judged(world, _part(reference, judges), rounds, cell)
    test = _judged(world, world.test, rounds, cell)
    ends, test_ends = first_end(own["pays"]), first_end(test["pays"])
    last = (ends or len(rounds)) - 1
    return {
        "ends at": spent[last] if ends else None,
        "test ends at": spent[test_ends - 1] if test_ends else None,
        "test gain over random": test["ratios"][last],
        "test coverage of the rest": test["values"][last] / test["values"][-1],
        "stops while test pays": bool(ends) and test["pays"][last] is True,
        **{f"test coverage at {at:.0%}": float(np.interp(at, spent, test["values"])) for at in AT},
    }


def _part(target: Target, rows: np.ndarray) -> Target:
    return _uniform(target.embeddings[rows], target.answer_lengths[rows])


def _coverage(world: World, target: Target) -> TargetCoverage:
    kernel = kernel_of(
        world.data.corpus.embeddings, target.embeddings, temperature=EqualSettings().temperature
    )
    return TargetCoverage(kernel, target, shortest=DatasetSettings().shortest_answer or 0.0)


def _given(
    world: World, coverage: TargetCoverage, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    pool = world.data.pairs_of(rows)
    pairs = ExtractedPairs(
        world.data.owners[pool], world.data.pair_embeddings[pool], world.data.pair_lengths[pool]
    )
    return coverage.given(pairs, rows)


def _judged(world: World, target: Target, rounds: Sequence[np.ndarray], cell: Cell) -> dict:
    """Return after each round if it pays, the gain over random, and the coverage."""
    coverage, costs = _coverage(world, target), world.data.corpus.costs
    sample = draw_warm_up(len(costs), seed=cell.seed + 1)
    chance = Chance(coverage, *_given(world, coverage, sample), costs[sample])
    masses, spent, added = np.zeros(len(target.weights)), 0.0, []
    found: dict[str, list] = {"pays": [], "ratios": [], "values": []}
    for rows in rounds:
        given, _ = _given(world, coverage, rows)
        so_far = masses + np.cumsum(np.vstack([np.zeros_like(masses), given]), axis=0)
        masses, spent = so_far[-1], spent + float(costs[rows].sum())
        values = coverage.value(so_far)
        added.append(Added(np.diff(values), costs[rows]))
        said = evidence(added, chance.gains(spent), chance.costs)
        found["pays"].append(said and said.pays)
        found["ratios"].append(said and said.gain.value / said.chance.value)
        found["values"].append(float(values[-1]))
    return found


def _of_chance(world: World, cell: Cell) -> dict:
    """Return how often the interval of a warm-up holds what other random documents cover."""
    coverage, costs = _coverage(world, world.reference), world.data.corpus.costs
    masses, n_near = _given(world, coverage, np.arange(len(costs)))
    rng = np.random.default_rng(cell.seed)
    n_sample = round(WARM_UP_SHARE * len(costs))
    found: dict[str, list] = {f"{what}, {times:g} x": [] for times in CHANCE_AT for what in TOLD}
    for _ in range(N_RANDOM):
        order = rng.permutation(len(costs))
        sample, others = order[:n_sample], order[n_sample:]
        chance = Chance(coverage, masses[sample], n_near[sample], costs[sample])
        spent = np.cumsum(costs[others])
        for times in CHANCE_AT:
            cost = times * chance.costs.sum()
            drawn = others[: np.searchsorted(spent, cost, side="right")]
            expected, value = chance.covers(cost), float(coverage.value(masses[drawn].sum(axis=0)))
            told = (expected.value / value, expected.low <= value <= expected.high)
            for what, said in zip(TOLD, told, strict=True):
                found[f"{what}, {times:g} x"].append(said)
    return {
        name: float(np.median(said) if "over" in name else np.mean(said))
        for name, said in found.items()
    }


def tables(folder: Path) -> str:
    """Return what was found, as Markdown."""
    rows = [row for file in sorted(folder.glob("*.json")) for row in json.loads(file.read_text())]
    table = pl.DataFrame(rows, infer_schema_length=None)
    key = ["target", "embedder", "corpus"]
    ended = table.filter(pl.col("held").is_not_null()).drop(
        [name for name in table.columns if name.endswith(" x")]
    )
    by_chance = table.filter(pl.col("held").is_null()).select(
        *key, *(name for name in table.columns if name.endswith(" x"))
    )
    return f"{markdown(ended.sort('held', *key))}\n{markdown(by_chance)}"


def main() -> None:
    """Play cells or print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of unseen.py")
    parser.add_argument("--targets", nargs="+", default=["gsm8k"])
    parser.add_argument("--embedder", default="static-minilm")
    parser.add_argument("--corpus", default="all")
    parser.add_argument("--share", type=float, default=0.3, help="of the cost that is played")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tables", action="store_true")
    options = parser.parse_args()
    quiet_libraries()
    folder = options.out / "stopping"
    folder.mkdir(parents=True, exist_ok=True)
    for target in () if options.tables else options.targets:
        cell = Cell(target, options.embedder, options.corpus, 100, options.seed)
        rows = played(cell, options.out / "spaces", share=options.share)
        (folder / f"{cell.folder}.json").write_text(json.dumps(rows))
    print(tables(folder))


if __name__ == "__main__":
    main()

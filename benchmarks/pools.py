"""Pools of true pairs that differ in one thing at a time: what a student is tuned on.

Every pool is a list of rows of the pairs of documents whose pairs are known. Nearness, coverage of
the reference questions, answer length, worked steps and the number of pairs are moved apart from
each other as far as the data allow; one pool has wrong answers, and others are what strategies buy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from known_pairs import load, load_target, read_questions, read_texts_and_pairs
from playing import Data, Job, nearest, select

from equal_assets.algorithms.strategies.strategy import Target
from equal_assets.records import QAPair

TASKS = ("gsm8k", "mbpp", "math")
DOMAINS = ("biomedical", "legal", "math-textbook")
"""Targets made of pairs of the data, one of a document; they leave the pools."""

N_REFERENCE, N_TEST = 100, 300
N_CLUSTERS, N_PAIRS = 100, 240
BUDGET = 0.01
BANDS = (0.02, 0.08, 0.25, 0.6, 1.0)
"""Shares of all pairs by nearness, between which a pool is drawn."""
NUMBERS = (60, 120, 240, 480, 800)
PER_QUESTION = (1, 2, 4, 8)
FEW_QUESTIONS = 12
CANDIDATES = 10
"""Pairs of almost the same nearness, of which one is taken for its length."""
FAR_RANK = 0.08
LEAST_RATIO = 1.5
"""Of steps, between pools of many and of few."""
LARGEST = 800
"""Pairs of a pool that a strategy bought, drawn from more."""
SHORTEST = 0.1
"""Quantile of the reference's answer lengths that `long enough` asks for."""
STRATEGIES = ("equal", "round-robin", "document-similarity", "random")
KEPT_AGAIN = ("60%", "4", "4, long enough")
BOUGHT = {
    ("equal", 0): ("60%", "all", "all, long enough", "1", "2", "4", "8", "4, long enough"),
    ("round-robin", 0): ("60%", "all", "4", "4, long enough"),
    ("document-similarity", 0): ("60%", "4, long enough"),
    ("random", 0): ("60%",),
    **{(strategy, 1): KEPT_AGAIN for strategy in STRATEGIES},
}
"""What is kept of the pairs that a strategy buys with a seed; a number is of each question."""


@dataclass(frozen=True)
class Ground:
    """What the pools of a target are drawn from, and what they are judged by."""

    target: str
    data: Data
    pairs: Sequence[QAPair]  # of `data.pair_rows`
    reference: Target
    reference_pairs: Sequence[QAPair]
    test_pairs: Sequence[QAPair]

    def texts(self, rows: np.ndarray) -> list[QAPair]:
        """Return the pairs of rows."""
        return [self.pairs[row] for row in self.data.pair_rows[rows]]


def read_grounds(folder: Path) -> list[Ground]:
    """Return the targets, each with 100 reference and 300 test pairs drawn once."""
    data = load(Job(folder, False, N_CLUSTERS, 50, TASKS[0], "", 0))
    _, pairs = read_texts_and_pairs(folder)
    return [
        *(_task(folder, task, data, pairs) for task in TASKS),
        *(_domain(folder, domain, data, pairs) for domain in DOMAINS),
    ]


def _task(folder: Path, task: str, data: Data, pairs: Sequence[QAPair]) -> Ground:
    drawn = {}
    for split, n in (("validation", N_REFERENCE), ("test", N_TEST)):
        asked = read_questions(folder, task, split)
        rows = np.random.default_rng(0).permutation(len(asked))[:n]
        target = load_target(Job(folder, False, N_CLUSTERS, 50, task, "", 0), split)
        drawn[split] = [asked[row] for row in rows], target.embeddings[rows]
    return _ground(task, data, pairs, *drawn["validation"], drawn["test"][0])


def _domain(folder: Path, domain: str, data: Data, pairs: Sequence[QAPair]) -> Ground:
    import polars as pl

    domains = pl.read_parquet(folder / "corpus.parquet", columns=["domain"])["domain"].to_numpy()
    rng = np.random.default_rng(0)
    of_domain = np.flatnonzero(domains[data.owners] == domain)
    _, firsts = np.unique(data.owners[rng.permutation(of_domain)], return_index=True)
    # a random pair of each document
    rng = np.random.default_rng(0)
    one_each = rng.permutation(of_domain)[firsts]
    held = rng.permutation(one_each)[: N_REFERENCE + N_TEST]
    texts = [pairs[row] for row in data.pair_rows[held]]
    n = N_REFERENCE
    return _ground(
        domain, data.without(held), pairs, texts[:n], data.pair_embeddings[held[:n]], texts[n:]
    )


def _ground(
    target: str,
    data: Data,
    pairs: Sequence[QAPair],
    reference_pairs: Sequence[QAPair],
    reference_embeddings: np.ndarray,
    test_pairs: Sequence[QAPair],
) -> Ground:
    n = len(reference_pairs)
    reference = Target(
        embeddings=reference_embeddings,
        answer_lengths=np.array([len(pair.answer) for pair in reference_pairs], dtype=float),
        weights=np.full(n, 1.0 / n),
    )
    return Ground(target, data, pairs, reference, reference_pairs, test_pairs)


def long_enough(lengths: np.ndarray, reference: Target) -> np.ndarray:
    """Tell of each answer whether most of the reference's are as long or longer."""
    return lengths >= np.quantile(reference.answer_lengths, SHORTEST)


def n_steps(answer: str) -> int:
    """Return how many steps an answer shows: lines, equations, or threes of numbers."""
    lines = [line for line in answer.splitlines() if line.strip()]
    return max(len(lines), answer.count("="), len(re.findall(r"\d+", answer)) // 3)


def draw_pools(ground: Ground) -> dict[tuple[str, float, int], np.ndarray]:
    """Return the rows of every pool by what it is called, its budget (0: of all pairs) and seed."""
    similarity = ground.data.pair_embeddings @ ground.reference.embeddings.T
    order = np.argsort(-similarity.max(axis=1), kind="stable")
    rng = np.random.default_rng(1)
    drawn = {
        **_bands(order, rng),
        **_numbers(order, rng),
        **_covering(similarity, order, rng),
        **_lengths(ground, order, rng),
        **_worked(ground, order),
    }
    bought = {
        (f"{strategy} {kept}", BUDGET, seed): rows
        for (strategy, seed), ways in BOUGHT.items()
        for kept, rows in _bought(ground, strategy, seed, ways).items()
    }
    return {(label, 0.0, 0): rows for label, rows in drawn.items()} | bought


def _bands(order: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    ends = [round(share * len(order)) for share in BANDS]
    return {
        f"nearest {low:.0%} to {high:.0%}": rng.choice(order[start:end], N_PAIRS, replace=False)
        for low, high, start, end in zip(BANDS, BANDS[1:], ends, ends[1:], strict=False)
    }


def _numbers(order: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    drawn = rng.permutation(order[: 2 * NUMBERS[-1]])
    return {f"near {n}": drawn[:n] for n in NUMBERS}


def _covering(
    similarity: np.ndarray, order: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    ranked = np.argsort(-similarity, axis=0, kind="stable")  # (n_pairs, n_questions)
    found = {f"nearest {n} a question": np.unique(ranked[:n]) for n in PER_QUESTION}
    sizes = {n: len(found[f"nearest {n} a question"]) for n in PER_QUESTION}
    few = rng.choice(similarity.shape[1], FEW_QUESTIONS, replace=False)
    around_few = list(dict.fromkeys(ranked[: sizes[4], few].ravel().tolist()))
    return found | {
        "nearest of all, as 1 a question": order[: sizes[1]],
        "nearest of all, as 4 a question": order[: sizes[4]],
        "around few questions, as 4": np.array(around_few[: sizes[4]]),
    }


def _lengths(ground: Ground, order: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Take of every 10 pairs of almost the same nearness the shortest, the longest, the likest."""
    wanted = np.log(rng.choice(ground.reference.answer_lengths, N_PAIRS))[:, None]
    found = {}
    for label, first in (("near", 0), ("farther", round(FAR_RANK * len(order)))):
        alike = order[first : first + CANDIDATES * N_PAIRS].reshape(N_PAIRS, CANDIDATES)
        lengths = np.log(ground.data.pair_lengths[alike])
        ways = {"short": lengths, "long": -lengths, "as long": abs(lengths - wanted)}
        for way, losses in ways.items():
            found[f"{label}, {way}"] = alike[np.arange(N_PAIRS), losses.argmin(axis=1)]
    return found


def _worked(ground: Ground, order: np.ndarray) -> dict[str, np.ndarray]:
    """Take of pairs of almost the same nearness, as long as the target's, many steps, or few."""
    lengths = ground.data.pair_lengths[order]
    low, high = np.quantile(ground.reference.answer_lengths, (0.25, 0.75))
    as_long = order[(lengths >= low) & (lengths <= high)]
    n = min(N_PAIRS, len(as_long) // CANDIDATES)
    alike = as_long[: CANDIDATES * n].reshape(n, CANDIDATES)
    steps = np.array(
        [[n_steps(pair.answer) for pair in ground.texts(rows)] for rows in alike], dtype=float
    )
    if steps.max(axis=1).mean() < LEAST_RATIO * steps.min(axis=1).mean():
        return {}  # answers of this kind show none
    rows = np.arange(n)
    return {
        "near, many steps": alike[rows, steps.argmax(axis=1)],
        "near, few steps": alike[rows, steps.argmin(axis=1)],
    }


def _bought(ground: Ground, strategy: str, seed: int, ways: Sequence[str]) -> dict[str, np.ndarray]:
    """Return what is kept, in several ways, of the pairs of the documents that a strategy buys."""
    job = Job(Path(), False, N_CLUSTERS, 50, ground.target, strategy, seed)
    order, _ = select(job, ground.data, ground.reference, share=BUDGET)
    pool = ground.data.pairs_of(ground.data.affordable(order, BUDGET))
    return {way: _at_most(_kept(ground, pool, way)) for way in ways}


def _kept(ground: Ground, pool: np.ndarray, way: str) -> np.ndarray:
    rows = pool
    if "long enough" in way:
        rows = pool[long_enough(ground.data.pair_lengths[pool], ground.reference)]
    vectors = ground.data.pair_embeddings[rows]
    if way.startswith("all"):
        return rows
    if way.startswith("60%"):
        return rows[nearest(vectors, ground.reference)]
    similarity = vectors @ ground.reference.embeddings.T
    best = np.argsort(-similarity, axis=0, kind="stable")[: int(way.split(",")[0])]
    return rows[np.unique(best)]


def _at_most(rows: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).permutation(rows)[:LARGEST]

"""Selection on a synthetic corpus of any size: seconds of CPU and memory per round.

    python benchmarks/selection_scale.py --documents 2000000

Documents are drawn around 1,000 centers, one arm each; their pairs lie near them; the target's
questions lie around ten of the centers. 50 pulls of 10 documents a round.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from equal_assets.algorithms.strategies.equal import EqualParameters
from equal_assets.algorithms.strategies.strategy import Corpus, ExtractedPairs, Target
from equal_assets.algorithms.strategies.table import STRATEGIES, Plan, make_strategy
from equal_assets.settings import EqualSettings, quiet_libraries

N_ARMS, N_TARGET_ARMS, N_QUESTIONS = 1000, 10, 100
DOCUMENTS_PER_ROUND, DOCUMENTS_PER_PULL = 500, 10


def world(
    n_documents: int, n_dimensions: int, rng: np.random.Generator
) -> tuple[Corpus, Target, np.ndarray]:
    """Return corpus, target and the arms that the target lies in."""
    centers = _unit(rng.normal(size=(N_ARMS, n_dimensions)).astype(np.float32))
    arms = rng.permutation(np.arange(n_documents) % N_ARMS)
    embeddings = np.empty((n_documents, n_dimensions), dtype=np.float32)
    for rows in np.array_split(np.arange(n_documents), max(1, n_documents // 100_000)):
        embeddings[rows] = _near(centers[arms[rows]], rng)
    good = rng.choice(N_ARMS, size=N_TARGET_ARMS, replace=False)
    questions = _near(centers[rng.choice(good, size=N_QUESTIONS)], rng)
    tokens = rng.lognormal(6.0, 0.7, size=n_documents)
    corpus = Corpus(embeddings=embeddings, arms=arms, tokens=tokens, costs=np.ones(n_documents))
    weights = np.full(N_QUESTIONS, 1.0 / N_QUESTIONS)
    lengths = np.full(N_QUESTIONS, 300.0)
    return corpus, Target(embeddings=questions, answer_lengths=lengths, weights=weights), good


def play(name: str, corpus: Corpus, target: Target, n_rounds: int) -> tuple[float, float, list]:
    """Return CPU seconds of making the strategy and of a round, and the documents asked for."""
    started = time.process_time()
    plan = Plan(
        n_documents=n_rounds * DOCUMENTS_PER_ROUND,
        documents_per_pull=DOCUMENTS_PER_PULL,
        equal=EqualParameters(**EqualSettings().model_dump()),
    )
    strategy = make_strategy(name, corpus, target, plan, rng=np.random.default_rng(0))
    made, asked = time.process_time() - started, []
    started = time.process_time()
    for number in range(n_rounds):
        pulls = strategy.plan(DOCUMENTS_PER_ROUND, np.random.default_rng(number))
        rows = np.array([row for pull in pulls for row in pull.documents])
        pairs = _near(corpus.embeddings[rows], np.random.default_rng(number))
        lengths = np.full(len(rows), 300.0)
        rewards = [
            strategy.reward(pairs[corpus.arms[rows] == pull.arm])
            if strategy.learns_from_rewards
            else 0.0
            for pull in pulls
        ]
        strategy.observe(
            pulls, ExtractedPairs(documents=rows, embeddings=pairs, answer_lengths=lengths), rewards
        )
        asked += rows.tolist()
    return made, (time.process_time() - started) / n_rounds, asked


def _near(centers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal(size=centers.shape, dtype=np.float32)
    return _unit(centers + noise * (0.8 / np.sqrt(centers.shape[1])))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def main() -> None:
    """Play each strategy, and print a row for it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=2_000_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument(
        "--strategies",
        nargs="+",
        choices=sorted(
            row.name for row in STRATEGIES.values() if not (row.score or row.counts_words)
        ),
        default=["equal", "equal-paper", "round-robin", "random"],
    )
    options = parser.parse_args()
    quiet_libraries()
    corpus, target, good = world(options.documents, options.dimensions, np.random.default_rng(0))
    print("| strategy | start, CPU s | round, CPU s | asked in the target's arms | peak GiB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in options.strategies:
        made, each, asked = play(name, corpus, target, options.rounds)
        share = np.isin(corpus.arms[asked], good).mean()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"| {name} | {made:.1f} | {each:.2f} | {share:.0%} | {peak:.1f} |", flush=True)


if __name__ == "__main__":
    main()

"""How well a cluster's reward is known from a few of its QA pairs.

    python benchmarks/reward_bias.py --data DIR [--sizes 5 10 20 50 100]

DIR holds embeddings/documents.npy, qa_pairs.npy, qa_document.npy (row of each pair's document) and
target_<task>-validation.npy. Documents are clustered; n pairs are drawn from each large cluster,
and four estimates of its OT cost are compared with the cost of all its pairs:

raw        OT cost of the n pairs, as in the paper
offset     raw minus the bias of n pairs of the reference set itself
matched    mean OT cost over draws of as many pairs from every cluster (the fewest)
debiased   as in the package: the reference's bias, scaled by what the pairs themselves show

For each n: the mean error, the mean absolute error and the rank correlation over clusters. "mixed":
the rank correlation where every cluster has another n, drawn at random, as a bandit sees them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from equal_assets.algorithms.clusters.geometry import assign_clusters
from equal_assets.algorithms.optimal_transport import (
    SamplingBias,
    cosine_cost,
    debiased_ot_reward,
    ot_cost,
    sampling_bias,
)

TASKS = ("gsm8k", "mbpp", "math")
ESTIMATES = ("raw", "offset", "matched", "debiased")
MIN_PAIRS = 150  # of a cluster
BIAS_DRAWS = 30
MATCHED_DRAWS = 10
MIXED_DRAWS = 400
SEED = 0


def main() -> None:
    """Measure and print one Markdown table for each target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5, 10, 20, 50, 100])
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    embeddings = arguments.data / "embeddings"
    clusters = _clusters(embeddings, arguments.clusters)
    print(f"{len(clusters)} clusters of at least {MIN_PAIRS} pairs, {arguments.repeats} repeats\n")
    for task in TASKS:
        reference = _unit_rows(embeddings / f"target_{task}-validation.npy")
        print(_table(task, clusters, reference, arguments.sizes, arguments.repeats))


def _unit_rows(path: Path) -> np.ndarray:
    rows = np.load(path).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _clusters(embeddings: Path, n_clusters: int) -> list[np.ndarray]:
    """Return the embedded pairs of every cluster of documents that has enough of them."""
    labels = assign_clusters(
        _unit_rows(embeddings / "documents.npy"), n_clusters=n_clusters, seed=SEED
    )
    labels = labels[np.load(embeddings / "qa_document.npy")]
    pairs = _unit_rows(embeddings / "qa_pairs.npy")
    sizes = np.bincount(labels)
    return [pairs[labels == cluster] for cluster in np.flatnonzero(sizes >= MIN_PAIRS)]


def _table(
    task: str, clusters: list[np.ndarray], reference: np.ndarray, sizes: list[int], repeats: int
) -> str:
    rng = np.random.default_rng(SEED)
    truth = np.array([ot_cost(cosine_cost(pairs, reference)) for pairs in clusters])
    bias = sampling_bias(reference, [n for n in sizes if n > 1], n_draws=BIAS_DRAWS, rng=rng)
    estimates = np.array(
        [
            [
                [_estimates(pairs, reference, n, min(sizes), bias, rng) for pairs in clusters]
                for n in sizes
            ]
            for _ in range(repeats)
        ]
    )  # (repeats, n_sizes, n_clusters, n_estimates)
    shares = ", ".join(
        f"{n}: {b / bias.biases[0]:.2f}" for n, b in zip(bias.sizes, bias.biases, strict=True)
    )
    header = " | ".join(f"n = {n}" for n in sizes)
    lines = [
        f"{task}, {len(reference)} reference pairs; reference bias of one pair "
        f"{bias.biases[0]:.3f}, share of it left at n = {shares}\n",
        f"| mean error / mean absolute error / rank correlation | {header} | mixed |",
        "| --- |" + " ---: |" * (len(sizes) + 1),
    ]
    for index, name in enumerate(ESTIMATES):
        errors = estimates[..., index] - truth  # (repeats, n_sizes, n_clusters)
        cells = [
            f"{errors[:, i].mean():+.3f} / {abs(errors[:, i]).mean():.3f} / "
            f"{np.mean([_rank_correlation(run, truth) for run in estimates[:, i, :, index]]):.3f}"
            for i in range(len(sizes))
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {_mixed(estimates[..., index], truth)} |")
    return "\n".join(lines) + "\n"


def _estimates(
    pairs: np.ndarray,
    reference: np.ndarray,
    n: int,
    matched_size: int,
    bias: SamplingBias,
    rng: np.random.Generator,
) -> list[float]:
    """Return the cluster's OT cost estimated from n pairs, in the order of ESTIMATES."""
    drawn = pairs[rng.choice(len(pairs), n, replace=False)]
    cost = cosine_cost(drawn, reference)
    raw = ot_cost(cost)
    matched = [
        ot_cost(cost[rng.choice(n, matched_size, replace=False)]) for _ in range(MATCHED_DRAWS)
    ]
    offset = raw - bias.biases[bias.sizes == n].item()
    return [raw, offset, float(np.mean(matched)), -debiased_ot_reward(drawn, reference, bias)]


def _rank_correlation(estimate: np.ndarray, truth: np.ndarray) -> float:
    return spearmanr(estimate, truth).statistic


def _mixed(estimates: np.ndarray, truth: np.ndarray) -> str:
    """Return the rank correlation where every cluster's number of pairs is drawn at random."""
    repeats, n_sizes, n_clusters = estimates.shape
    rng = np.random.default_rng(SEED)
    found = [
        _rank_correlation(
            estimates[
                rng.integers(repeats, size=n_clusters),
                rng.integers(n_sizes, size=n_clusters),
                np.arange(n_clusters),
            ],
            truth,
        )
        for _ in range(MIXED_DRAWS)
    ]
    return f"{np.mean(found):.3f} ± {np.std(found):.3f}"


if __name__ == "__main__":
    main()

"""Compares strategies: pools of one target at the same points, judged by its test split."""

from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.judging.metrics import coverage, top_share_threshold
from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost
from equal_assets.algorithms.pruning import prune
from equal_assets.algorithms.strategies.strategy import Target
from equal_assets.comparison.points import shared_points
from equal_assets.progress import report, silent
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.embedding.pair_vectors import embed_target
from equal_assets.resources.warehouse import Warehouse, qa_pairs, read_embedder, stack_vectors
from equal_assets.settings import Settings

NEAR_SHARE = 0.03
"""Share of all pairs extracted for a target that count as near its test split."""

JUDGMENTS = ("ot_cost_reference", "ot_cost_test", "ot_cost_test_nearest", "coverage_test")


@dataclass(frozen=True)
class _Pool:
    """All pairs of a campaign, in the order of its rounds."""

    qa_ids: np.ndarray
    rounds: np.ndarray  # (n_pairs,)
    vectors: np.ndarray  # (n_pairs, n_dimensions)
    answer_lengths: np.ndarray  # (n_pairs,), characters
    to_test: np.ndarray  # (n_pairs,), best similarity to a test pair

    def until(self, number: int) -> int:
        """Return how many pairs there were after a round."""
        return int(np.searchsorted(self.rounds, number, side="right"))


def by_target(names: list[str], settings: Settings) -> list[list[str]]:
    """Group campaigns by target, in the order in which the targets appear."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(settings.campaigns[name].target, []).append(name)
    return list(groups.values())


def compare_target(
    names: list[str],
    settings: Settings,
    warehouse: Warehouse,
    embedder: Embedder,
    costs: pl.DataFrame,
    log: dg.DagsterLogManager,
) -> pl.DataFrame:
    """Compare the campaigns of one target at the same budget points, and at their own ends.

    The student's results and ``costs`` (one row per campaign) are only at the ends.
    """
    model = read_embedder(warehouse)
    reference = embed_target(warehouse, embedder, names[0], progress=silent)
    test = _embed_test(warehouse, embedder, names[0], model["path"])
    pools = {name: _read_pool(warehouse, name, model, test) for name in names}
    near = _near_threshold(list(pools.values()))
    shared_budget = min(settings.campaigns[name].budget_documents for name in names)
    progress = report(log, f"compare {', '.join(names)}")
    points = [
        (name, point)
        for name in names
        for point in _compared_rounds(warehouse.query("reward_curve", campaign=name), shared_budget)
    ]
    rows = []
    for done, (name, point) in enumerate(points, 1):
        pool = pools[name]
        n_pairs = pool.until(point["round"])
        rows.append(
            {
                "campaign": name,
                "strategy": settings.campaigns[name].strategy,
                "target": settings.campaigns[name].target,
                "shared_budget": shared_budget,
                "documents": point["documents"],
                "n_pairs": n_pairs,
                "tokens": point["tokens"],
                "seconds_per_round": point["seconds_per_round"],
                **_judge(pool, n_pairs, reference, test, settings.dataset.pruning),
                "near_pairs": int((pool.to_test[:n_pairs] >= near).sum()),
                "is_last": point["is_last"],
            }
        )
        progress(done, len(points))
    results = warehouse.query("student_results", campaigns=names)
    at_ends = results.join(costs, on="campaign", how="right").with_columns(is_last=pl.lit(True))
    return pl.DataFrame(rows, infer_schema_length=None).join(
        at_ends, on=["campaign", "is_last"], how="left", maintain_order="left"
    )


def _embed_test(warehouse: Warehouse, embedder: Embedder, campaign: str, path: str) -> np.ndarray:
    pairs = qa_pairs(warehouse.query("target_pairs", campaign=campaign, split="test"))
    return embedder.encode([pair.text for pair in pairs], path=path, progress=silent)


def _read_pool(warehouse: Warehouse, campaign: str, model: dict, test: np.ndarray) -> _Pool:
    pairs = warehouse.query(
        "compared_pairs", campaign=campaign, embedder_version=model["embedder_version"]
    )
    vectors = stack_vectors(pairs["embedding"], n_dimensions=model["n_dimensions"])
    expected = warehouse.query("reward_curve", campaign=campaign)["pool_pairs"][-1]
    if len(vectors) < expected:  # there are more if `equal retry` has recovered documents since
        raise dg.Failure(
            f"campaign {campaign} has {expected} pairs, of which {len(vectors)} are embedded by "
            f"the current embedder; start it over with `equal run --restart {campaign}`",
            allow_retries=False,
        )
    return _Pool(
        qa_ids=pairs["qa_id"].to_numpy(),
        rounds=pairs["round"].to_numpy(),
        vectors=vectors,
        answer_lengths=pairs["n_answer_characters"].to_numpy(),
        to_test=(vectors @ test.T).max(axis=1),
    )


def _near_threshold(pools: list[_Pool]) -> float:
    """Return the similarity to the test split that makes a pair near; infinite without pairs."""
    _, first = np.unique(np.concatenate([pool.qa_ids for pool in pools]), return_index=True)
    similarity = np.concatenate([pool.to_test for pool in pools])[first]
    return top_share_threshold(similarity, share=NEAR_SHARE) if len(similarity) else np.inf


def _compared_rounds(curve: pl.DataFrame, shared_budget: int) -> list[dict]:
    """Return the last round within each point of the shared budget, and the last round of all."""
    rounds = {curve["round"][-1]}
    for point in shared_points(shared_budget):
        rounds |= set(curve.filter(pl.col("documents") <= point)["round"][-1:])
    return (
        curve.with_columns(
            seconds_per_round=pl.col("seconds").cum_sum() / pl.col("round"),
            is_last=pl.col("round") == curve["round"][-1],
        )
        .filter(pl.col("round").is_in(sorted(rounds)))
        .rows(named=True)
    )


def _judge(
    pool: _Pool,
    n_pairs: int,
    reference: Target,
    test: np.ndarray,
    pruning: dict[str, Any] | None,
) -> dict[str, float | None]:
    """Return the metrics of the first pairs of a pool, whole and pruned as data sets are."""
    if not n_pairs:
        return dict.fromkeys(JUDGMENTS)
    vectors, lengths = pool.vectors[:n_pairs], pool.answer_lengths[:n_pairs]
    to_reference, to_test = (cosine_cost(vectors, rows) for rows in (reference.embeddings, test))
    pruned = to_test
    if pruning is not None:
        pruned = to_test[prune(vectors, lengths, reference, **pruning).is_kept]
    values = (ot_cost(to_reference), ot_cost(to_test), ot_cost(pruned))
    return dict(zip(JUDGMENTS, (*values, coverage(1 - to_test)), strict=True))

"""Group `evaluation`: what the students learned, and strategies side by side."""

import time
from dataclasses import dataclass

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.metrics import coverage, top_share_threshold
from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost
from equal_assets.assets.rounds import stack_vectors
from equal_assets.assets.selection import campaign_run
from equal_assets.comparison import (
    compared_campaigns,
    matches,
    shared_points,
)
from equal_assets.partitions import CAMPAIGNS
from equal_assets.progress import report, silent
from equal_assets.reporting import comparison_figure, markdown
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedder import Embedder
from equal_assets.resources.student import Student
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import Settings
from equal_assets.versions import expected_inputs, stored_versions

NEAR_SHARE = 0.03
"""Share of all pairs extracted for a target, nearest to its test split, that count as near it."""

KEPT_SHARE = 0.6
"""Share of a pool, nearest to the reference split, that ``ot_cost_test_nearest`` judges."""

JUDGMENTS = ("ot_cost_reference", "ot_cost_test", "ot_cost_test_nearest", "coverage_test")


@dg.asset(
    group_name="evaluation",
    kinds={"torch", "mlflow", "duckdb"},
    partitions_def=CAMPAIGNS,
    deps=["fine_tuned_student", "target_qa"],
)
def student_accuracy(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    student: Student,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is a metric of a campaign's student on the test split, beside the untuned base."""
    settings, campaign = campaigns.load(), context.partition_key
    started = time.monotonic()
    stored = stored_versions(warehouse)
    inputs = expected_inputs("student_accuracy", settings, stored, campaign=campaign)
    models = warehouse.query("fine_tuned_student", campaign=campaign).row(0, named=True)
    test = warehouse.query("target_pairs", campaign=campaign, split="test")
    pairs = qa_pairs(test)
    base, tuned = (
        student.evaluate(
            models[column],
            pairs,
            progress=report(context.log, f"{campaign}: evaluate the {name} student"),
        )
        for column, name in (("base_path", "untuned"), ("path", "tuned"))
    )
    interval = {"tuned_low": tuned.accuracy_low, "tuned_high": tuned.accuracy_high}
    metrics = {
        "pmi_accuracy": {"base": base.accuracy, "tuned": tuned.accuracy, **interval},
        "perplexity": {"base": base.perplexity, "tuned": tuned.perplexity},
    }
    shared = {"campaign": campaign, "n_questions": tuned.n_questions}
    rows = pl.DataFrame([{**shared, "metric": name, **values} for name, values in metrics.items()])
    with warehouse.transaction() as transaction:
        transaction.replace("student_accuracy", rows, campaign=campaign)
        version = transaction.record(
            "student_accuracy",
            partition=campaign,
            inputs=inputs,
            seconds=time.monotonic() - started,
        )
    run_id = campaign_run(warehouse, tracker, campaign)
    tracker.log_result(run_id, {f"base_{m}": v for m, v in rows.select("metric", "base").rows()})
    tracker.log_result(run_id, dict(rows.select("metric", "tuned").rows()))
    tracker.finish(run_id)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "student on the test split": markdown(rows.drop("campaign")),
            "PMI accuracy": tuned.accuracy,
            "PMI accuracy before": base.accuracy,
            "perplexity": tuned.perplexity,
            "perplexity before": base.perplexity,
            "seconds": round(time.monotonic() - started, 1),
        },
    )


@dg.asset(
    group_name="evaluation",
    kinds={"duckdb", "numpy", "mlflow"},
    deps=["bandit_round", "student_accuracy"],
)
def strategy_comparison(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is a campaign at a budget point: what its pool is worth on the test split.

    Every campaign that has rounds takes part, with or without a student.
    """
    settings = campaigns.load()
    started = time.monotonic()
    stored = stored_versions(warehouse)
    inputs = expected_inputs("strategy_comparison", settings, stored)
    groups = _by_target(compared_campaigns(settings, stored), settings)
    if not groups:
        raise dg.Failure(
            "no campaign has rounds yet: materialize bandit_round of a campaign first",
            allow_retries=False,
        )
    rows = pl.concat(
        [_compare_target(names, settings, warehouse, embedder, context.log) for names in groups],
        how="vertical_relaxed",
    )
    with warehouse.transaction() as transaction:
        transaction.recreate("strategy_comparison", rows)
        transaction.insert("strategy_comparison", rows)
        version = transaction.record(
            "strategy_comparison",
            inputs=inputs,
            seconds=time.monotonic() - started,
        )
    for names in groups:
        figure = comparison_figure(rows.filter(pl.col("campaign").is_in(names)))
        for name in names:
            run_id = campaign_run(warehouse, tracker, name)
            tracker.log_figure(run_id, figure, "strategy_comparison.png")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(rows),
            "comparison": markdown(comparison_figure(rows)),
            "table": markdown(rows),
            "documents to match": markdown(matches(rows)),
            "seconds": round(time.monotonic() - started, 1),
        },
    )


@dataclass(frozen=True)
class _Pool:
    """All pairs of a campaign, in the order of its rounds."""

    qa_ids: np.ndarray
    rounds: np.ndarray  # (n_pairs,)
    vectors: np.ndarray  # (n_pairs, n_dimensions)
    to_test: np.ndarray  # (n_pairs,), best similarity to a test pair

    def until(self, number: int) -> int:
        """Return how many pairs there were after a round."""
        return int(np.searchsorted(self.rounds, number, side="right"))


def _by_target(names: list[str], settings: Settings) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(settings.campaigns[name].target, []).append(name)
    return list(groups.values())


def _compare_target(
    names: list[str],
    settings: Settings,
    warehouse: Warehouse,
    embedder: Embedder,
    log: dg.DagsterLogManager,
) -> pl.DataFrame:
    """Compare the campaigns of one target at the same budget points, and at their own ends."""
    model = warehouse.query("embedder").row(0, named=True)
    reference, test = (
        _embed_split(warehouse, embedder, names[0], split, model["path"])
        for split in ("reference", "test")
    )
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
                **_judge(pool.vectors[:n_pairs], reference, test),
                "near_pairs": int((pool.to_test[:n_pairs] >= near).sum()),
                "is_last": point["is_last"],
            }
        )
        progress(done, len(points))
    results = warehouse.query("student_results", campaigns=names)
    return pl.DataFrame(rows, infer_schema_length=None).join(
        results.with_columns(is_last=pl.lit(True)),
        on=["campaign", "is_last"],
        how="left",
        maintain_order="left",
    )


def _embed_split(
    warehouse: Warehouse, embedder: Embedder, campaign: str, split: str, path: str
) -> np.ndarray:
    pairs = qa_pairs(warehouse.query("target_pairs", campaign=campaign, split=split))
    return embedder.encode([pair.text for pair in pairs], path=path, progress=silent)


def _read_pool(warehouse: Warehouse, campaign: str, model: dict, test: np.ndarray) -> _Pool:
    pairs = warehouse.query(
        "compared_pairs", campaign=campaign, embedder_version=model["embedder_version"]
    )
    vectors = stack_vectors(pairs["embedding"], n_dimensions=model["n_dimensions"])
    expected = warehouse.query("reward_curve", campaign=campaign)["pool_pairs"][-1]
    if len(vectors) != expected:
        raise dg.Failure(
            f"campaign {campaign} has {expected} pairs, of which {len(vectors)} are embedded by "
            f"the present embedder: start it over with `equal run --restart {campaign}`",
            allow_retries=False,
        )
    return _Pool(
        qa_ids=pairs["qa_id"].to_numpy(),
        rounds=pairs["round"].to_numpy(),
        vectors=vectors,
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


def _judge(pool: np.ndarray, reference: np.ndarray, test: np.ndarray) -> dict[str, float | None]:
    """Return what a pool is worth, whole and without the pairs farthest from the reference."""
    if not len(pool):
        return dict.fromkeys(JUDGMENTS)
    to_reference, to_test = cosine_cost(pool, reference), cosine_cost(pool, test)
    similarity = 1 - to_reference.min(axis=1)
    is_kept = similarity >= top_share_threshold(similarity, share=KEPT_SHARE)
    values = (ot_cost(to_reference), ot_cost(to_test), ot_cost(to_test[is_kept]))
    return dict(zip(JUDGMENTS, (*values, coverage(1 - to_test)), strict=True))

"""Group `evaluation`: what the students learned, and strategies side by side."""

import time

import dagster as dg
import numpy as np
import polars as pl

from equal_assets.algorithms.metrics import coverage
from equal_assets.algorithms.optimal_transport import cosine_cost, ot_cost
from equal_assets.assets.rounds import stack_vectors
from equal_assets.assets.selection import campaign_run
from equal_assets.partitions import CAMPAIGNS
from equal_assets.progress import report, silent
from equal_assets.reporting import comparison_figure, markdown
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedder import Embedder
from equal_assets.resources.extractors import Extractor
from equal_assets.resources.student import Student
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse, qa_pairs
from equal_assets.settings import Settings
from equal_assets.versions import expected_inputs, stored_versions

BUDGET_SHARES = (0.25, 0.5, 0.75, 1.0)
"""Points of the smallest budget spent at which campaigns are compared."""


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
    kinds={"duckdb", "numpy"},
    deps=["reward_curve", "student_accuracy"],
)
def strategy_comparison(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    embedder: Embedder,
    extractor: Extractor,
) -> dg.MaterializeResult:
    """One row is a campaign at a budget point: OT cost, coverage and accuracy on the test split."""
    settings = campaigns.load()
    started = time.monotonic()
    stored = stored_versions(warehouse)
    inputs = expected_inputs("strategy_comparison", settings, stored)
    names = sorted(name for name in settings.campaigns if ("student_accuracy", name) in stored)
    if not names:
        raise dg.Failure(
            "no campaign has a student yet: materialize student_accuracy of a campaign first",
            allow_retries=False,
        )
    rows = pl.concat(
        [
            _compare_target(group, settings, warehouse, embedder, extractor)
            for group in _by_target(names, settings)
        ]
    )
    with warehouse.transaction() as transaction:
        transaction.replace("strategy_comparison", rows)
        version = transaction.record(
            "strategy_comparison", inputs=inputs, seconds=time.monotonic() - started
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/row_count": len(rows),
            "comparison": markdown(comparison_figure(rows)),
            "table": markdown(rows),
            "seconds": round(time.monotonic() - started, 1),
        },
    )


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
    extractor: Extractor,
) -> pl.DataFrame:
    """Compare the campaigns of one target at the same budget points, and at their own ends."""
    curves = {name: warehouse.query("reward_curve", campaign=name) for name in names}
    smallest = min(curve["documents"][-1] for curve in curves.values())
    shared_points = [int(share * smallest) for share in BUDGET_SHARES]
    model = warehouse.query("embedder").row(0, named=True)
    splits = {
        split: embedder.encode(
            [
                pair.text
                for pair in qa_pairs(
                    warehouse.query("target_pairs", campaign=names[0], split=split)
                )
            ],
            path=model["path"],
            progress=silent,
        )
        for split in ("reference", "test")
    }
    rows = []
    for name in names:
        pool = warehouse.query(
            "pool_embeddings",
            campaign=name,
            round=2**30,
            clusters=[],
            hashes=[],
            extractor=extractor.fingerprint,
            embedder_version=model["embedder_version"],
        )
        for point in _budget_points(curves[name], shared_points):
            until = pool.filter(pl.col("round") <= point["round"])
            vectors = stack_vectors(until["embedding"], n_dimensions=model["n_dimensions"])
            rows.append(
                {
                    "campaign": name,
                    "strategy": settings.campaigns[name].strategy,
                    "target": settings.campaigns[name].target,
                    "documents": point["documents"],
                    "n_pairs": len(vectors),
                    "tokens": point["tokens"],
                    **_judge(vectors, splits["reference"], splits["test"]),
                    "is_last": point["round"] == curves[name]["round"][-1],
                }
            )
    compared = pl.DataFrame(rows, infer_schema_length=None)
    results = warehouse.query("student_results", campaigns=names)
    return compared.join(
        results.with_columns(is_last=pl.lit(True)), on=["campaign", "is_last"], how="left"
    )


def _budget_points(curve: pl.DataFrame, points: list[int]) -> list[dict]:
    """Return the last round within each budget point, and the last round of all."""
    rounds = {curve["round"][-1]}
    for point in points:
        within = curve.filter(pl.col("documents") <= point)["round"]
        rounds |= {within[-1]} if len(within) else set()
    return curve.filter(pl.col("round").is_in(sorted(rounds))).rows(named=True)


def _judge(pool: np.ndarray, reference: np.ndarray, test: np.ndarray) -> dict[str, float | None]:
    if not len(pool):
        return {"ot_cost_reference": None, "ot_cost_test": None, "coverage_test": None}
    return {
        "ot_cost_reference": ot_cost(cosine_cost(pool, reference)),
        "ot_cost_test": ot_cost(cosine_cost(pool, test)),
        "coverage_test": coverage(pool @ test.T),
    }

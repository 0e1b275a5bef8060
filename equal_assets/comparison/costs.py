"""What campaigns cost, part by part, and what their students gained in return."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse

COUNTED_PARTS = ("extraction", "embedding", "scoring", "training")
"""Parts whose model operations are counted."""

TIMED_PARTS = ("extraction", "embedding", "scoring", "selection", "training")


def campaign_costs(
    warehouse: Warehouse, extractor: Extractor, campaigns: Sequence[str]
) -> pl.DataFrame:
    """Return the rows of ``campaign_costs``: parts of campaigns, then the shared ones."""
    return warehouse.query(
        "campaign_costs",
        campaigns=list(campaigns),
        extractor=extractor.fingerprint,
        embedder_version=warehouse.query("embedder")["embedder_version"].item(),
        flops_per_llm_token=extractor.flops_per_token(),
    )


def cost_columns(costs: pl.DataFrame) -> pl.DataFrame:
    """Put the parts of each campaign side by side.

    Parameters
    ----------
    costs : DataFrame
        Rows of :func:`campaign_costs`.

    Returns
    -------
    DataFrame
        One row per campaign: ``<part>_flops`` of the counted parts, ``<part>_seconds`` of all, and
        their totals, which are null if one of the parts is: unknown, or without a student yet.
    """
    own = costs.filter(pl.col("campaign").is_not_null())

    def column(part: str, measure: str) -> pl.Expr:
        return pl.col(measure).filter(pl.col("part") == part).first().alias(f"{part}_{measure}")

    rows = own.group_by("campaign", maintain_order=True).agg(
        *(column(part, "flops") for part in COUNTED_PARTS),
        *(column(part, "seconds") for part in TIMED_PARTS),
    )
    totals = [
        pl.sum_horizontal(*(f"{part}_{measure}" for part in parts), ignore_nulls=False).alias(
            f"total_{measure}"
        )
        for measure, parts in (("flops", COUNTED_PARTS), ("seconds", TIMED_PARTS))
    ]
    return rows.with_columns(totals)


def gains(comparison: pl.DataFrame) -> pl.DataFrame:
    """Return what each student gained over the untuned one, relative to the campaign's cost.

    Parameters
    ----------
    comparison : DataFrame
        Rows of ``strategy_comparison``.

    Returns
    -------
    DataFrame
        One row per campaign, at its last point: ``accuracy_gain`` (tuned - base, PMI accuracy) and
        ``perplexity_gain`` (ln(base / tuned), nats per token), higher is better; and of both
        ``_per_million_tokens`` (of the LLM; null without one), ``_per_1000_documents`` and
        ``_per_petaflop`` (10^15 operations of :data:`COUNTED_PARTS`; null if unknown).
    """
    costs = {
        "per_million_tokens": pl.when(pl.col("tokens") > 0).then(pl.col("tokens") / 1e6),
        "per_1000_documents": pl.col("documents") / 1e3,
        "per_petaflop": pl.when(pl.col("total_flops") > 0).then(pl.col("total_flops") / 1e15),
    }
    rows = comparison.filter("is_last").select(
        "campaign",
        accuracy_gain=pl.col("pmi_accuracy") - pl.col("base_pmi_accuracy"),
        perplexity_gain=(pl.col("base_perplexity") / pl.col("perplexity")).log(),
        **costs,
    )
    return rows.select(
        "campaign",
        *(
            expression
            for gain in ("accuracy_gain", "perplexity_gain")
            for expression in (
                pl.col(gain),
                *((pl.col(gain) / pl.col(cost)).alias(f"{gain}_{cost}") for cost in costs),
            )
        ),
    )

"""What the pages of group `warmup` show."""

from typing import Any

import dagster as dg
import polars as pl

from equal_assets.pages.metadata import facts, first_words, in_place, markdown, warned, with_bars

SAMPLE_PAIRS, LISTED_FAILURES = 5, 20

MEASURES = {
    "recall_at_1": "held-out pairs that find their own at once; higher is better",
    "recall_at_10": "the same, among the ten nearest",
    "qa_spread": "spread of pairs within clusters, 1 as overall; lower is better",
}

TOOK = {
    "prompt tokens": "prompt_tokens",
    "completion tokens": "completion_tokens",
    "cost": "cost",
    "requests": "n_requests",
    "tries": "n_tries",
}
"""What extraction with an LLM takes: name and column."""


def warmup_page(
    extractions: pl.DataFrame,
    pairs: pl.DataFrame,
    failures: pl.DataFrame,
    *,
    warning: str | None = None,
) -> dict[str, Any]:
    """Return the page of the warm-up sample: outcomes, samples, failures, what it took.

    Parameters
    ----------
    extractions : DataFrame
        One row per document of the sample.
    pairs : DataFrame
        Rows of ``warmup_qa``.
    failures : DataFrame
        Rows of the query ``warmup_failures``.
    warning : str, optional
        That next to no document gave pairs.
    """
    samples = (
        pairs.sort("qa_id")
        .head(SAMPLE_PAIRS)
        .select(
            question=first_words(pl.col("question"), 90), answer=first_words(pl.col("answer"), 90)
        )
    )
    failed = {"failed documents": markdown(failures.head(LISTED_FAILURES))}
    took = {name: extractions[column].sum() for name, column in TOOK.items()}
    return {
        **warned(warning),
        "what came of it": f"{len(extractions):,} documents, drawn at random, gave {len(pairs):,} "
        f"pairs; {int(extractions['n_rejected'].sum()):,} more were not kept",
        "documents by outcome": markdown(
            with_bars(extractions["status"].value_counts(sort=True), "count")
        ),
        "sample pairs": in_place(samples),
        **(failed if len(failures) else {}),
        **({"what the LLM took": facts(took)} if took["requests"] else {}),
    }


def embedder_page(row: dict[str, Any], flops: float) -> dict[str, Any]:
    """Return the page of the tuned embedder.

    Parameters
    ----------
    row : dict
        Of ``contrastive_embedder``.
    flops : float
        Floating-point operations of the tuning.
    """
    return {
        "before and after tuning": markdown(_before_and_after(row)),
        "how": f"{row['base_model']}, tuned by the method {row['method']} on "
        f"{row['n_train_pairs']:,} pairs and measured on {row['n_held_out_pairs']:,} others; "
        f"vectors have {row['n_dimensions']:,} dimensions",
        "model": dg.MetadataValue.path(row["path"]),
        "FLOPs of tuning": f"{flops:.3g}",
    }


def _before_and_after(row: dict[str, Any]) -> pl.DataFrame:
    """Return the measures of the embedder side by side."""
    return pl.DataFrame(
        {
            "measure": [*MEASURES.values(), "loss, first and last; lower is better"],
            "before": [row[f"{measure}_before"] for measure in MEASURES] + [row["loss_first"]],
            "after": [row[f"{measure}_after"] for measure in MEASURES] + [row["loss_last"]],
        },
        schema_overrides={"before": pl.Float64, "after": pl.Float64},
    )


def yields_page(sample: pl.DataFrame, rows: pl.DataFrame) -> dict[str, Any]:
    """Return the page of ``document_yields``: what was learned from, and what is expected.

    Parameters
    ----------
    sample : DataFrame
        Rows of the query ``sample_yields``.
    rows : DataFrame
        Rows of ``document_yields``.
    """
    expected = rows["expected_pairs"]
    deciles = [0.1 * step for step in range(11)]
    return {
        "learned from": f"the {len(sample):,} documents of the warm-up sample, which gave "
        f"{int(sample['n_pairs'].sum()):,} pairs",
        "expected pairs per document": markdown(
            pl.DataFrame(
                {
                    "share of the documents": [f"{share:.0%}" for share in deciles],
                    "have at most": [round(expected.quantile(s) or 0.0, 2) for s in deciles],
                }
            )
        ),
    }

"""What the pages of group `warmup` show."""

from typing import Any

import polars as pl

from equal_assets.pages.figures.corpus import recall_figure
from equal_assets.pages.metadata import first_words, markdown, readable, warned, with_bars

SAMPLE_PAIRS, LISTED_FAILURES = 5, 20

MEASURES = ("recall_at_1", "recall_at_10", "qa_spread")

SHOWN_OF_EMBEDDER = (
    "base_model",
    "method",
    "n_train_pairs",
    "n_held_out_pairs",
    "n_dimensions",
    "path",
    "seconds",
    *(f"{measure}_{when}" for when in ("before", "after") for measure in MEASURES),
)


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
    return {
        **warned(warning),
        "documents used": len(extractions),
        "documents by outcome": markdown(
            with_bars(extractions["status"].value_counts(sort=True), "count")
        ),
        "sample pairs": markdown(samples),
        "failed documents": markdown(failures.head(LISTED_FAILURES)),
        "pairs not kept": int(extractions["n_rejected"].sum()),
        "prompt tokens": int(extractions["prompt_tokens"].sum()),
        "completion tokens": int(extractions["completion_tokens"].sum()),
        "cost": float(extractions["cost"].sum()),
        "requests": int(extractions["n_requests"].sum()),
        "tries": int(extractions["n_tries"].sum()),
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
        "recall": markdown(recall_figure(row)),
        **readable({name: row[name] for name in SHOWN_OF_EMBEDDER}),
        "FLOPs of tuning": flops,
    }


def _before_and_after(row: dict[str, Any]) -> pl.DataFrame:
    """Return the measures of the embedder side by side."""
    return pl.DataFrame(
        {
            "measure": [measure.replace("_", " ") for measure in MEASURES] + ["loss, first/last"],
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
        "documents of the sample": len(sample),
        "pairs of the sample": int(sample["n_pairs"].sum()),
        "expected pairs per document": markdown(
            pl.DataFrame(
                {
                    "share of the documents": [f"{share:.0%}" for share in deciles],
                    "have at most": [round(expected.quantile(s) or 0.0, 2) for s in deciles],
                }
            )
        ),
    }

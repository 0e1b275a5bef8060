"""What the page of group `target` shows."""

from typing import Any

import polars as pl

from equal_assets.pages.metadata import first_words, in_place

SAMPLE_QUESTIONS = 4
"""What a page has room for at a glance."""


def target_page(name: str, rows: pl.DataFrame) -> dict[str, Any]:
    """Return the page of a target: the first reference pairs; nobody is shown the test split.

    Parameters
    ----------
    name : str
    rows : DataFrame
        Of the table ``target_qa``.
    """
    reference = rows.filter(split="reference")
    shown = reference.head(SAMPLE_QUESTIONS).select(
        question=first_words(pl.col("question"), 100), answer=first_words(pl.col("answer"), 80)
    )
    return {
        "target": f"{name}: {len(reference):,} reference pairs steer the choice of documents, "
        f"{len(rows) - len(reference):,} test pairs only judge what came of it",
        "sample questions": in_place(shown),
    }

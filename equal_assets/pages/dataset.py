"""What the page of group `dataset` shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from equal_assets.algorithms.pruning import ALL, Pruning
from equal_assets.pages.metadata import in_place, in_short, opened, pairs_in_place, with_bars
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import DatasetSettings, portable

LARGEST, LISTED = 6, 100
"""Sources and clusters at a glance, and in a table that is opened."""


def dataset_page(
    warehouse: Warehouse,
    campaign: str,
    settings: DatasetSettings,
    removed: pl.DataFrame,
    path: Path,
    *,
    review: str,
    pruning: Pruning | None,
    languages: str | None,
) -> dict[str, Any]:
    """Return the page of a data set that is stored: where its pairs come from, what was removed.

    Parameters
    ----------
    warehouse : Warehouse
    campaign : str
    settings : DatasetSettings
        The thresholds of the removal.
    removed : DataFrame
        Rows of ``removed_qa``.
    path : Path
        Of the published file.
    review : str
        What reviewers said, in a sentence; empty: nothing.
    pruning : Pruning or None
        What pruning did with the pairs that the other rules had left; None if it is off.
    languages : str or None
        Which questions were not compared by meaning.
    """
    sources = warehouse.query("examples_by_source", campaign=campaign)
    clusters = warehouse.query("examples_by_cluster", campaign=campaign)
    examples, left_out = (
        in_short(warehouse.query(name, campaign=campaign))
        for name in ("sample_examples", "sample_removed")
    )
    largest_sources = sources.select("source", "pairs").head(LARGEST)
    largest_clusters = clusters.select(pl.col("terms").list.head(3), "pairs").head(LARGEST)
    kept, n_kept = _pruned(pruning, settings), sources["pairs"].sum()
    said = [f"{n_kept:,} pairs to train on; {len(removed):,} others were removed.", *kept.said]
    return {
        "what was kept": " ".join([*said, *filter(None, (review, languages))]),
        "take it away": dg.MetadataValue.md(
            f"`equal export {campaign}` writes it for trainers, with a card. The file itself: "
            f"`{portable(str(path))}`"
        ),
        "sample pairs": pairs_in_place(examples),
        f"pairs of the largest of {len(sources):,} sources": in_place(
            with_bars(largest_sources, "pairs")
        ),
        f"pairs of the largest of {len(clusters):,} clusters": in_place(
            with_bars(largest_clusters, "pairs")
        ),
        "removed pairs and all tables": opened(
            {
                "removed by reason": removed["reason"].value_counts(sort=True),
                "some removed pairs": left_out,
                "thresholds of the removal": _thresholds(settings),
                "how many pairs each reference question keeps": kept.judged,
                "sample pairs": examples,
                "pairs by source": sources.head(LISTED),
                "pairs by cluster": clusters.head(LISTED),
            }
        ),
    }


def _thresholds(settings: DatasetSettings) -> pl.DataFrame:
    stated = settings.model_dump(mode="json", exclude={"protected_field"}, exclude_none=True)
    rows = [(f"dataset.{name}", str(value)) for name, value in stated.items()]
    return pl.DataFrame(rows, schema=["setting", "value"], orient="row")


@dataclass(frozen=True)
class _Kept:
    """What pruning did: in sentences, and what decided it."""

    said: list[str]
    judged: pl.DataFrame


def _pruned(pruning: Pruning | None, settings: DatasetSettings) -> _Kept:
    """Return how many pairs each reference question keeps, and what decided that."""
    if pruning is None:
        return _Kept([], pl.DataFrame())
    kept = f"Pruning kept {pruning.is_kept.sum():,} of {len(pruning.is_kept):,}: "
    number = pruning.per_question
    kept += "all" if number == ALL else f"the {number:,} nearest of each reference question"
    if pruning.is_raised:
        kept += f", more than it would keep without min_examples = {settings.min_examples:,}"
    judged = pl.DataFrame(pruning.judgments)
    if pruning.judgments:
        judged = judged.select(
            pl.when(pl.col("per_question") == ALL)
            .then(pl.lit("all"))
            .otherwise(pl.col("per_question").cast(pl.String))
            .alias("pairs per question"),
            pl.col("cost").round(4).alias("OT cost to held-out questions"),
            pl.col("error").round(4).alias("standard error of what it is above the lowest"),
        )
    return _Kept([f"{kept}."], judged)

"""Group `dataset`: the training examples of a campaign, with their provenance."""

import time
from pathlib import Path

import dagster as dg
import polars as pl

from equal_assets.errors import CorpusError
from equal_assets.pages.metadata import in_short, markdown, with_bars
from equal_assets.partitions import CAMPAIGNS, campaign_of_round
from equal_assets.progress import report
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.warehouse import Warehouse
from equal_assets.steps.pair_removal import split_pairs
from equal_assets.versions import expected_inputs, stored_versions

LARGEST, LISTED = 6, 100
"""Sources and clusters at a glance, and in a table that is opened."""


@dg.asset(
    group_name="dataset",
    kinds={"duckdb", "parquet"},
    partitions_def=CAMPAIGNS,
    deps=[dg.AssetDep("bandit_round", partition_mapping=campaign_of_round()), "target_qa"],
)
def qa_dataset(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a training example, traceable to document, cluster, pull and round.

    Pairs that give away a test question, and repeats, are set aside in `removed_qa`. Published as
    Parquet, so that it can be read without the warehouse.
    """
    settings, campaign = campaigns.load(), context.partition_key
    started = time.monotonic()
    inputs = expected_inputs("qa_dataset", settings, stored_versions(warehouse), campaign=campaign)
    progress = report(context.log, f"{campaign}: embed the questions")
    try:
        kept, removed = split_pairs(warehouse, settings, campaign=campaign, progress=progress)
    except CorpusError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    path = campaigns.exports_folder / campaign / "qa_dataset.parquet"
    with warehouse.transaction() as transaction:
        transaction.replace("qa_dataset", kept, campaign=campaign)
        transaction.replace("removed_qa", removed, campaign=campaign)
        version = transaction.record(
            "qa_dataset", partition=campaign, inputs=inputs, seconds=time.monotonic() - started
        )
    _publish(kept, path)
    sources = warehouse.query("examples_by_source", campaign=campaign)
    clusters = warehouse.query("examples_by_cluster", campaign=campaign)
    examples, left_out = (
        in_short(warehouse.query(name, campaign=campaign))
        for name in ("sample_examples", "sample_removed")
    )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/partition_row_count": len(kept),
            "removed by reason": markdown(removed["reason"].value_counts(sort=True)),
            "thresholds": settings.dataset.model_dump(mode="json", exclude={"protected_field"}),
            "removed pairs": markdown(left_out),
            f"pairs of the largest of {len(sources):,} sources": markdown(
                with_bars(sources.select("source", "pairs").head(LARGEST), "pairs")
            ),
            f"pairs of the largest of {len(clusters):,} clusters": markdown(
                with_bars(
                    clusters.select(pl.col("terms").list.head(3), "pairs").head(LARGEST), "pairs"
                )
            ),
            "sample pairs": markdown(examples),
            "pairs by source": markdown(sources.head(LISTED)),
            "pairs by cluster": markdown(clusters.head(LISTED)),
            "parquet": dg.MetadataValue.path(str(path)),
        },
    )


def _publish(rows: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_suffix(".parquet.tmp")
    rows.write_parquet(staging)
    staging.replace(path)

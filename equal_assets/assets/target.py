"""Group `target`: the task that a campaign selects for."""

import time

import dagster as dg
import polars as pl

from equal_assets.pages.metadata import first_words, markdown
from equal_assets.partitions import CAMPAIGNS
from equal_assets.records import QAPair
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.targets.reading import (
    CodeTests,
    read_code_tests,
    read_target,
    read_weights,
)
from equal_assets.resources.warehouse import Warehouse
from equal_assets.versions import expected_inputs, stored_versions

SAMPLE_QUESTIONS = 4
"""What a page has room for at a glance."""


@dg.asset(group_name="target", kinds={"duckdb"}, partitions_def=CAMPAIGNS)
def target_qa(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a QA pair of a campaign's target: `reference` steers, `test` only judges."""
    settings, campaign = campaigns.load(), context.partition_key
    started = time.monotonic()
    inputs = expected_inputs("target_qa", settings, stored_versions(warehouse), campaign=campaign)
    target = settings.targets[settings.campaigns[campaign].target]
    reference, test = read_target(target)
    rows = pl.concat(
        [
            _target_rows("reference", reference, read_weights(target), []),
            _target_rows("test", test, [1.0] * len(test), read_code_tests(target)),
        ]
    ).with_columns(campaign=pl.lit(campaign))
    with warehouse.transaction() as transaction:
        transaction.replace("target_qa", rows, campaign=campaign)
        version = transaction.record(
            "target_qa", partition=campaign, inputs=inputs, seconds=time.monotonic() - started
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "reference pairs": len(reference),
            "test pairs": len(test),
            "target": settings.campaigns[campaign].target,
            "sample questions": markdown(_sample_questions(rows)),
            "dagster/partition_row_count": len(rows),
        },
    )


def _sample_questions(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the first reference pairs; those of the test split are shown to nobody."""
    shown = rows.filter(split="reference").head(SAMPLE_QUESTIONS)
    return shown.select(
        question=first_words(pl.col("question"), 100), answer=first_words(pl.col("answer"), 80)
    )


def _target_rows(
    split: str, pairs: list[QAPair], weights: list[float], tests: list[CodeTests]
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "split": split,
            "position": range(len(pairs)),
            "question": [pair.question for pair in pairs],
            "answer": [pair.answer for pair in pairs],
            "weight": weights,
            "code_prefix": [test.prefix for test in tests] or None,
            "code_tests": [test.tests for test in tests] or None,
        },
        schema_overrides={"code_prefix": pl.String, "code_tests": pl.String},
    )

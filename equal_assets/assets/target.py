"""Group `target`: the task that a campaign selects for."""

import dagster as dg
import polars as pl

from equal_assets.pages.target import target_page
from equal_assets.partitions import declared
from equal_assets.records import QAPair
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.targets.reading import (
    CodeTests,
    read_code_tests,
    read_target,
    read_weights,
)
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import TargetSettings
from equal_assets.steps.making import making


@dg.asset(**declared("target_qa"), kinds={"duckdb"})
def target_qa(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a QA pair of a campaign's target: `test` is for evaluation only."""
    settings, campaign = campaigns.load(), context.partition_key
    target = settings.campaigns[campaign].target
    with making("target_qa", warehouse, settings, campaign=campaign) as made:
        rows = _target_rows(settings.targets[target])
        with made.transaction() as transaction:
            of_campaign = rows.with_columns(campaign=pl.lit(campaign))
            transaction.replace("target_qa", of_campaign, campaign=campaign)
        return made.result(target_page(target, rows), n_rows=len(rows))


def _target_rows(target: TargetSettings) -> pl.DataFrame:
    reference, test = read_target(target)
    return pl.concat(
        [
            _split_rows("reference", reference, read_weights(target), []),
            _split_rows("test", test, [1.0] * len(test), read_code_tests(target)),
        ]
    )


def _split_rows(
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

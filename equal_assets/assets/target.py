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
    read_options,
    read_target,
    read_weights,
)
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import TargetSettings
from equal_assets.steps.making import making

OPTION_COLUMNS = {
    "split": pl.String,
    "position": pl.Int32,
    "place": pl.Int32,
    "label": pl.String,
    "answer": pl.String,
    "is_right": pl.Boolean,
}
"""Columns of the table ``target_options`` that this module fills."""


@dg.asset(**declared("target_qa"), kinds={"duckdb"})
def target_qa(
    context: dg.AssetExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.MaterializeResult:
    """One row is a QA pair of a campaign's target: `test` is for evaluation only."""
    settings, campaign = campaigns.load(), context.partition_key
    target = settings.campaigns[campaign].target
    with making("target_qa", warehouse, settings, campaign=campaign) as made:
        rows = _target_rows(settings.targets[target])
        of_campaign = pl.lit(campaign)
        options = _option_rows(settings.targets[target]).with_columns(campaign=of_campaign)
        with made.transaction() as transaction:
            pairs = rows.with_columns(campaign=of_campaign)
            transaction.replace("target_qa", pairs, campaign=campaign)
            transaction.replace("target_options", options, campaign=campaign)
        return made.result(target_page(target, rows), n_rows=len(rows))


def _target_rows(target: TargetSettings) -> pl.DataFrame:
    reference, test = read_target(target)
    return pl.concat(
        [
            _split_rows("reference", reference, read_weights(target), []),
            _split_rows("test", test, [1.0] * len(test), read_code_tests(target)),
        ]
    )


def _option_rows(target: TargetSettings) -> pl.DataFrame:
    rows = [
        (split, position, place, option.label, option.text, option.is_right)
        for split, questions in zip(("reference", "test"), read_options(target), strict=True)
        for position, options in enumerate(questions)
        for place, option in enumerate(options)
    ]
    return pl.DataFrame(rows, schema=OPTION_COLUMNS, orient="row")


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

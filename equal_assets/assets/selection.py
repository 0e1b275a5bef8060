"""Group `selection`: the rounds of the bandit, and what they gained."""

import json
import time
from collections.abc import Iterable
from contextlib import closing

import dagster as dg
import polars as pl

from equal_assets.assets.round_player import RoundPlayer, prepare_campaign
from equal_assets.assets.rounds import play_round
from equal_assets.errors import CampaignError, ExtractionError
from equal_assets.killed_runs import run_name
from equal_assets.partitions import (
    CAMPAIGNS,
    ROUNDS,
    campaign_of_round,
    parse_round_key,
    previous_round,
    round_key,
)
from equal_assets.reporting import markdown, reward_curve_figure
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedder import Embedder
from equal_assets.resources.extractors import Extractor
from equal_assets.resources.student import Student
from equal_assets.resources.tracking import ROUND_METRICS, Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import fingerprint
from equal_assets.versions import expected_inputs, stored_versions


@dg.asset(
    group_name="selection",
    kinds={"duckdb", "torch", "mlflow"},
    partitions_def=ROUNDS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    deps=[
        dg.AssetDep("documents"),
        dg.AssetDep("contrastive_embedder"),
        dg.AssetDep("cluster_geometry"),
        dg.AssetDep("target_qa", partition_mapping=campaign_of_round()),
        dg.AssetDep("bandit_round", partition_mapping=previous_round()),
    ],
)
def bandit_round(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
    embedder: Embedder,
    student: Student,
    tracker: Tracker,
) -> None:
    """One row is a pull: a cluster, the documents asked for, what came out and the reward.

    Each round is stored before the next one starts. A round that is stored is not played again.
    """
    keys = sorted(parse_round_key(key) for key in context.partition_keys)
    player: RoundPlayer | None = None
    try:
        with closing(extractor):
            version = _data_version({campaign for campaign, _ in keys}, campaigns, warehouse)
            context.set_data_version(context.asset_key, version)
            for campaign, number in keys:
                if player is None or player.name != campaign:
                    player = prepare_campaign(
                        campaign,
                        warehouse,
                        campaigns,
                        extractor,
                        embedder,
                        student,
                        run=run_name(context.run),
                        log=context.log,
                    )
                is_new = play_round(player, number)
                curve = warehouse.query("reward_curve", campaign=campaign)
                if len(curve):
                    tracker.log_rounds(campaign_run(warehouse, tracker, campaign), curve)
                _report_round(context, player, number, curve, version, is_new=is_new)
    except (CampaignError, ExtractionError) as error:
        raise dg.Failure(str(error), allow_retries=False) from error


@dg.asset(
    group_name="selection",
    kinds={"duckdb", "mlflow"},
    partitions_def=CAMPAIGNS,
    deps=[dg.AssetDep("bandit_round", partition_mapping=campaign_of_round())],
)
def reward_curve(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    tracker: Tracker,
) -> dg.MaterializeResult:
    """One row is a round of a campaign: its rewards, the pool's OT cost, and what was spent."""
    settings, campaign = campaigns.load(), context.partition_key
    started = time.monotonic()
    stored = stored_versions(warehouse)
    inputs = expected_inputs("reward_curve", settings, stored, campaign=campaign)
    with warehouse.transaction() as transaction:
        curve = transaction.query("reward_curve", campaign=campaign)
        transaction.replace("reward_curve", curve, campaign=campaign)
        version = transaction.record(
            "reward_curve", partition=campaign, inputs=inputs, seconds=time.monotonic() - started
        )
    figure = reward_curve_figure(curve, campaign)
    run_id = campaign_run(warehouse, tracker, campaign)
    tracker.log_rounds(run_id, curve)
    tracker.log_figure(run_id, figure, "reward_curve.png")
    last = curve.row(-1, named=True)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            "dagster/partition_row_count": len(curve),
            "reward curve": markdown(figure),
            "rounds": markdown(curve.drop("campaign")),
            "documents asked for": last["documents"],
            "OT cost of the pool": last["pool_ot_cost"] if last["pool_pairs"] else "no pairs",
            "MLflow run": run_id,
        },
    )


def campaign_run(warehouse: Warehouse, tracker: Tracker, campaign: str) -> str:
    """Return the MLflow run id of a campaign that has started."""
    start = warehouse.query("campaign_start", campaign=campaign).row(0, named=True)
    return tracker.campaign_run(campaign, start["fingerprint"], json.loads(start["settings"]))


def _data_version(
    names: Iterable[str], campaigns: CampaignsFile, warehouse: Warehouse
) -> dg.DataVersion:
    """Return one version for all rounds of a run: from what their campaigns are made.

    Dagster gives one to all partitions that a run ends with. Were that of a round another than
    when it was stored, the next round would be shown as made from an older one.
    """
    settings, stored = campaigns.load(), stored_versions(warehouse)
    inputs = [
        expected_inputs("bandit_round", settings, stored, campaign=name) for name in sorted(names)
    ]
    return dg.DataVersion(fingerprint(inputs))


def _report_round(
    context: dg.AssetExecutionContext,
    player: RoundPlayer,
    number: int,
    curve: pl.DataFrame,
    version: dg.DataVersion,
    *,
    is_new: bool,
) -> None:
    """Record the round's partition now, so that a later failure in the same run keeps it."""
    if not is_new and number > len(curve):
        metadata: dict = {"outcome": "the campaign ended before this round"}
    else:
        row = curve.row(number - 1, named=True)
        pairs = player.warehouse.query("sample_pairs", campaign=player.name, round=number)
        metadata = {
            **{name: row[name] for name in ROUND_METRICS if row[name] is not None},
            "dagster/partition_row_count": row["n_pulls"],
            "reward curve": markdown(reward_curve_figure(curve.head(number), player.name)),
            "sample pairs": markdown(pairs),
        }
        for title, rows in _not_kept(player, number):
            if len(rows):
                metadata[title] = markdown(rows)
    key = str(round_key(player.name, number))
    if len(context.partition_keys) > 1:
        context.log_event(
            dg.AssetMaterialization(
                "bandit_round",
                partition=key,
                metadata=metadata,
                tags={"dagster/data_version": version.value},
            )
        )
    context.add_asset_metadata(metadata, partition_key=key)


def _not_kept(player: RoundPlayer, number: int) -> list[tuple[str, pl.DataFrame]]:
    """Return why documents of a round failed, and why pairs were not kept."""
    query = player.warehouse.query
    failures = query("failures", campaigns=[player.name], rounds=[number]).drop("campaign")
    rejections = query("rejections", campaign=player.name, round=number)
    unrated = query("failed_ratings", campaign=player.name) if number == 1 else pl.DataFrame()
    return [
        ("failed documents", failures),
        ("pairs not kept", rejections),
        ("documents without a rating", unrated),
    ]

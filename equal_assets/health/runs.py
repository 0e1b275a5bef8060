"""What MLflow's runs and Dagster's record do not know of what the warehouse holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import dagster as dg
import polars as pl

from equal_assets.graph import ASSETS
from equal_assets.health.fault import Fault
from equal_assets.pages.campaign_run import campaign_run
from equal_assets.pages.tracked import campaign_fingerprint, missing_of, track_again
from equal_assets.partitions import round_key
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.runs import close_killed_runs, n_killed_runs
from equal_assets.settings import Settings
from equal_assets.versions import stored_versions

N_NAMED = 5


def tracking_faults(
    settings: Settings, warehouse: Warehouse, tracker: Tracker, *, exports: Path
) -> Iterator[Fault]:
    """Yield what MLflow lacks of campaigns that have rounds.

    Parameters
    ----------
    settings : Settings
    warehouse : Warehouse
    tracker : Tracker
    exports : Path
        The folder in which data sets are published.
    """
    for name in started_campaigns(settings, warehouse):
        lacking = _lacking(name, warehouse, tracker)
        if lacking:
            yield Fault(
                f"MLflow lacks of campaign {name}: {', '.join(lacking)}",
                "`equal run` logs it again from the warehouse",
                partial(_track, name, settings, warehouse, tracker, exports),
            )


def started_campaigns(settings: Settings, warehouse: Warehouse) -> list[str]:
    """Return the campaigns that have rounds."""
    started = set(warehouse.query("campaign_status")["campaign"])
    return [name for name in settings.campaigns if name in started]


def _lacking(name: str, warehouse: Warehouse, tracker: Tracker) -> list[str]:
    if not tracker.has_campaign(name, campaign_fingerprint(warehouse, name)):
        return ["its run"]
    stored, run_id = stored_versions(warehouse), campaign_run(warehouse, tracker, name)
    curve = warehouse.query("reward_curve", campaign=name)
    unlogged = curve.filter(pl.col("documents") > tracker.documents_logged(run_id))
    lacking = [f"round {number}" for number in unlogged["round"]]
    if ("fine_tuned_student", name) in stored:
        row = warehouse.query("whole_student", campaign=name).row(0, named=True)
        folder = Path(warehouse.found_path(row["path"]))
        is_there = tracker.has_student(row["mlflow_run_id"], row["mlflow_model_id"])
        if not is_there or tracker.lacks_model(row["mlflow_model_id"], folder):
            lacking.append("its student")
    return lacking + missing_of(name, warehouse, tracker, run_id, stored)


def _track(
    name: str, settings: Settings, warehouse: Warehouse, tracker: Tracker, exports: Path
) -> str:
    stored = stored_versions(warehouse)
    found = track_again(name, settings, warehouse, tracker, stored, exports=exports)
    return f"{name}: logged to MLflow again: {', '.join(found)}"


def history_faults(
    settings: Settings, warehouse: Warehouse, instance: dg.DagsterInstance
) -> Iterator[Fault]:
    """Yield the runs of killed processes, and what Dagster shows as never made."""
    if n_killed := n_killed_runs(instance):
        yield Fault(
            f"{n_killed} run(s) in Dagster whose process was killed",
            "`equal run` marks them as failed",
            lambda: f"{close_killed_runs(instance)} killed run(s) marked as failed",
        )
    unknown = _unknown(settings, warehouse, instance)
    if unknown:
        named = ", ".join(f"{a}{f' of {p}' if p else ''}" for a, p, _ in unknown[:N_NAMED])
        more = f" and {len(unknown) - N_NAMED} more" if len(unknown) > N_NAMED else ""
        yield Fault(
            f"Dagster has no record of what the warehouse holds: {named}{more}",
            "`equal doctor --repair` tells Dagster",
            partial(_tell, unknown, instance),
        )


def _unknown(
    settings: Settings, warehouse: Warehouse, instance: dg.DagsterInstance
) -> list[tuple[str, str, str]]:
    """Return asset, partition and version of what is stored and no event tells of."""
    stored = stored_versions(warehouse)
    rounds = warehouse.query("stored_rounds").rows()
    wanted = [
        (asset, partition, version)
        for (asset, partition), (_, version) in stored.items()
        if asset in ASSETS and asset != "bandit_round" and partition in ("", *settings.campaigns)
    ]
    wanted += [
        ("bandit_round", str(round_key(name, number)), stored["bandit_round", name][1])
        for name, number in rounds
        if name in settings.campaigns and ("bandit_round", name) in stored
    ]
    known = {
        asset: instance.get_materialized_partitions(dg.AssetKey(asset))
        for asset in {asset for asset, partition, _ in wanted if partition}
    }
    return [
        (asset, partition, version)
        for asset, partition, version in wanted
        if (
            partition not in known[asset]
            if partition
            else instance.get_latest_materialization_event(dg.AssetKey(asset)) is None
        )
    ]


def _tell(unknown: list[tuple[str, str, str]], instance: dg.DagsterInstance) -> str:
    for asset, partition, version in unknown:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(
                asset,
                partition=partition or None,
                description="told by `equal doctor`: the warehouse holds it",
                tags={"dagster/data_version": version},
            )
        )
    return f"Dagster knows of {len(unknown)} stored asset(s) or partition(s) again"

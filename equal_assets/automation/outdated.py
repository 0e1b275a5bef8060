"""Freshness: whether each stored asset is up to date, and if not, what has changed.

Nothing here goes stale with time, so policies of hours or days would say nothing. The fingerprint
of what an asset was made from is exact.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from equal_assets.errors import CampaignError
from equal_assets.graph import ASSETS
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings, fingerprint
from equal_assets.versions import changes, is_current, stored_versions

IS_CURRENT = "is_current"


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            IS_CURRENT,
            asset=asset,
            description="It was made from the current settings, files and versions.",
        )
        for asset in ASSETS
    ],
    can_subset=True,
)
def freshness(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> Iterator[dg.AssetCheckResult]:
    """Say for each asset whether it is current, and what has changed where it is not."""
    outdated = outdated_assets(campaigns.load(), warehouse)
    for key in context.selected_asset_check_keys:
        found = outdated.get(key.asset_key.to_user_string(), [])
        yield dg.AssetCheckResult(
            asset_key=key.asset_key,
            check_name=IS_CURRENT,
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=_metadata(found),
        )


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports on the check is_current where an asset has become outdated, or current.",
)
def outdated(
    context: dg.SensorEvaluationContext, warehouse: Warehouse, campaigns: CampaignsFile
) -> dg.SensorResult:
    """Report what has changed since the last look; no run is started for it."""
    if not Path(warehouse.database).is_file():
        return dg.SensorResult(skip_reason="nothing is stored yet")
    found = outdated_assets(campaigns.load(), warehouse)
    stored = {asset for asset, _ in stored_versions(warehouse)}
    before = json.loads(context.cursor) if context.cursor else {}
    now = {asset: fingerprint(found.get(asset, [])) for asset in ASSETS if asset in stored}
    reports = [
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(asset),
            check_name=IS_CURRENT,
            passed=asset not in found,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=_metadata(found.get(asset, [])),
        )
        for asset, state in now.items()
        if before.get(asset) != state
    ]
    listed = "\n".join(line for lines in found.values() for line in lines)
    return dg.SensorResult(
        asset_events=reports,
        skip_reason=listed or "everything that is stored is current",
        cursor=json.dumps(now),
    )


def outdated_assets(settings: Settings, warehouse: Warehouse) -> dict[str, list[str]]:
    """Return the stored assets that are out of date, with what has changed."""
    stored = stored_versions(warehouse)
    found: dict[str, list[str]] = {}
    for asset, campaign in stored:
        is_wanted = ASSETS[asset].is_wanted(settings)
        if not is_wanted or (campaign and campaign not in settings.campaigns):
            continue
        if not is_current(asset, settings, stored, campaign=campaign):
            where = f"{asset} of {campaign}" if campaign else asset
            try:
                changed = "; ".join(changes(asset, settings, warehouse, campaign=campaign))
            except CampaignError as error:
                changed = str(error)
            found.setdefault(asset, []).append(f"{where}: {changed}")
    return {asset: sorted(lines) for asset, lines in found.items()}


def _metadata(lines: list[str]) -> dict[str, dg.MetadataValue]:
    return {
        "changed since": dg.MetadataValue.md("\n".join(f"- {line}" for line in lines) or "none")
    }

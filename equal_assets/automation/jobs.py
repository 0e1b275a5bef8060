"""The asset jobs: what is launched together, by people, by the automation and by `equal run`."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from equal_assets.automation.outdated import freshness
from equal_assets.graph import made_by
from equal_assets.partitions import declared
from equal_assets.settings import Settings
from equal_assets.versions import Versions, is_current

DESCRIPTIONS = {
    "prepare": "Documents to clusters: what all campaigns share.",
    "read_target": "The pairs of a campaign's target.",
    "play_rounds": "Rounds of a campaign; launch a range as one backfill.",
    "finish_campaign": "Reward curve, data set, student and accuracy of a campaign.",
    "compare_strategies": "Campaigns side by side at the same budget.",
}
"""The jobs, and what people read of each."""

Jobs = dict[str, Any]  # Dagster exports no name for the type of a job that is not resolved yet


def next_to_make(
    assets: Sequence[str], settings: Settings, stored: Versions, *, campaign: str = ""
) -> tuple[str, ...]:
    """Return the first of assets, in order, that is not current, and those after it.

    Documents come alone: they may turn out the same, and then nothing that follows is made again.
    """
    for index, asset in enumerate(assets):
        if not is_current(asset, settings, stored, campaign=campaign):
            return (asset,) if asset == "documents" else tuple(assets[index:])
    return ()


def build_jobs(settings: Settings) -> Jobs:
    """Return the asset jobs by name.

    The check of freshness is left to the sensor `outdated`: as a step of every run it would take a
    process to say what is clear by then.
    """
    return {
        name: dg.define_asset_job(
            name,
            dg.AssetSelection.assets(*assets) - dg.AssetSelection.checks(freshness),
            partitions_def=declared(assets[0])["partitions_def"],
            description=description,
        )
        for name, description in DESCRIPTIONS.items()
        for assets in [made_by(name, settings)]
    }

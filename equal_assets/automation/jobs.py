"""The asset jobs: what is launched together, by people, by the automation and by `equal run`."""

from collections.abc import Sequence
from itertools import chain

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition as AssetJob,
)

from equal_assets.automation.outdated import freshness
from equal_assets.partitions import CAMPAIGNS, ROUNDS
from equal_assets.settings import Settings
from equal_assets.versions import Versions, is_current

SHARED_ASSETS = (
    "documents",
    "warmup_qa",
    "contrastive_embedder",
    "document_embeddings",
    "clusters",
    "cluster_geometry",
)
CAMPAIGN_ASSETS = ("reward_curve", "qa_dataset", "fine_tuned_student", "student_accuracy")

Jobs = dict[str, AssetJob]


def finishing_stages(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return what follows the last round of a campaign, in order, by what it is called."""
    stages: dict[str, tuple[str, ...]] = {"data set and student": CAMPAIGN_ASSETS}
    if settings.milestones:
        stages["students on the way"] = ("accuracy_over_budget",)
    if settings.evaluation.harness.names:
        stages["lm-eval"] = ("harness_accuracy",)
    return stages


def finishing_assets(settings: Settings) -> tuple[str, ...]:
    """Return what follows the last round of a campaign, in order."""
    return tuple(chain.from_iterable(finishing_stages(settings).values()))


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


def _selection(*assets: str) -> dg.AssetSelection:
    """Select assets and their checks; that of freshness is left to the sensor `outdated`.

    As a step of every run it would take a process, to say what is clear then.
    """
    return dg.AssetSelection.assets(*assets) - dg.AssetSelection.checks(freshness)


def build_jobs(settings: Settings) -> Jobs:
    """Return the asset jobs by name."""
    jobs = [
        dg.define_asset_job(
            "prepare",
            _selection(*SHARED_ASSETS),
            description="Documents to clusters: what all campaigns share.",
        ),
        dg.define_asset_job(
            "read_target",
            _selection("target_qa"),
            partitions_def=CAMPAIGNS,
            description="The pairs of a campaign's target.",
        ),
        dg.define_asset_job(
            "play_rounds",
            _selection("bandit_round"),
            partitions_def=ROUNDS,
            description="Rounds of a campaign; launch a range as one backfill.",
        ),
        dg.define_asset_job(
            "finish_campaign",
            _selection(*finishing_assets(settings)),
            partitions_def=CAMPAIGNS,
            description="Reward curve, data set, student and accuracy of a campaign.",
        ),
        dg.define_asset_job(
            "compare_strategies",
            _selection("strategy_comparison"),
            description="Campaigns side by side at the same budget.",
        ),
    ]
    return {job.name: job for job in jobs}

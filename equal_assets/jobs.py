"""The asset jobs: what is launched together, by people, by the automation and by `equal run`."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition as AssetJob,
)

from equal_assets.assets.freshness import freshness
from equal_assets.partitions import CAMPAIGNS, ROUNDS
from equal_assets.settings import Settings

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


def finishing_assets(settings: Settings) -> tuple[str, ...]:
    """Return what follows the last round of a campaign, in order."""
    milestones = ("accuracy_over_budget",) if settings.milestones else ()
    harness = ("harness_accuracy",) if settings.evaluation.harness.names else ()
    return (*CAMPAIGN_ASSETS, *milestones, *harness)


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

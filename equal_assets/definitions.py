"""Joins assets, checks, jobs, schedules and resources into what Dagster loads."""

import dagster as dg

from equal_assets.assets import (
    clustering,
    corpus,
    dataset,
    evaluation,
    milestones,
    selection,
    target,
    training,
    warmup,
)
from equal_assets.assets import harness as harness_evaluation
from equal_assets.assets.checks import CHECKS
from equal_assets.automation.changed_sources import changed_sources_sensor
from equal_assets.automation.failed_runs import failed_runs
from equal_assets.automation.finish_campaigns import finish_campaigns_sensor
from equal_assets.automation.jobs import build_jobs
from equal_assets.automation.next_round import next_round_schedule
from equal_assets.automation.outdated import freshness, outdated
from equal_assets.automation.preview import preview_documents
from equal_assets.automation.rerun_rounds import rerun_rounds
from equal_assets.automation.retry_failures import retry_failures
from equal_assets.graph import ASSETS
from equal_assets.lineage.columns import table_metadata
from equal_assets.log_lines import dagster_logger
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import build_embedder
from equal_assets.resources.engine.build import build_engine
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.resources.students.build import build_student
from equal_assets.resources.tracking import build_tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.runs import killed_runs
from equal_assets.settings import (
    campaigns_file,
    fingerprint,
    load_settings,
    portable,
    quiet_libraries,
    state_folder,
)

OWNERS = ["team:equal-assets"]


def build_definitions() -> dg.Definitions:
    """Build the definitions for the campaigns file and state folder that are in force."""
    quiet_libraries()
    settings, state = load_settings(), state_folder()
    models = state / "models"
    modules = [corpus, target, warmup, clustering, selection, dataset, training]
    modules += [evaluation, milestones, harness_evaluation]
    jobs, automation = build_jobs(settings), settings.automation

    def describe(spec: dg.AssetSpec) -> dg.AssetSpec:
        name = spec.key.to_user_string()
        read = settings.sections(*ASSETS[name].settings)
        return spec.replace_attributes(
            owners=OWNERS,
            code_version=fingerprint(portable(read)),
            metadata={**spec.metadata, **table_metadata(name)},
        )

    loaded = dg.load_assets_from_modules(modules)
    assets = [asset for asset in loaded if isinstance(asset, dg.AssetsDefinition)]
    return dg.Definitions(
        assets=dg.map_asset_specs(describe, assets),
        asset_checks=[*CHECKS, freshness],
        jobs=[*jobs.values(), retry_failures, rerun_rounds, preview_documents],
        schedules=[next_round_schedule(jobs, automation)],
        sensors=[
            killed_runs,
            failed_runs,
            outdated,
            finish_campaigns_sensor(jobs, is_on=automation.finish_campaigns),
            changed_sources_sensor(jobs, is_on=automation.changed_sources),
        ],
        loggers={"console": dg.colored_console_logger, "json": dagster_logger()},
        executor=dg.multiprocess_executor.configured({"max_concurrent": 1}),
        resources={
            "warehouse": Warehouse(database=str(state / "warehouse.duckdb")),
            "campaigns": CampaignsFile(path=str(campaigns_file()), state_folder=str(state)),
            "extractor": build_extractor(settings.extractor, state),
            "engine": build_engine(settings.engine, state),
            "embedder": build_embedder(settings.embedder, models),
            "student": build_student(settings.student, str(models)),
            "tracker": build_tracker(settings.tracking, state),
        },
    )


defs = build_definitions()

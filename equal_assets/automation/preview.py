"""Job `preview_documents`: extracts the documents that a campaign would ask for first."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.embedding.embedder import Embedder
from equal_assets.resources.engine.engine import Engine
from equal_assets.resources.extraction.extractors import Extractor, build_extractor
from equal_assets.resources.students.student import Student
from equal_assets.resources.warehouse import Warehouse
from equal_assets.runs import run_name
from equal_assets.settings import extractor_variants
from equal_assets.steps.making import failing_clearly
from equal_assets.steps.preview import check_plan, extract_asked, of_plan, of_sample
from equal_assets.steps.round_player import prepare_campaign


class PreviewConfig(dg.Config):
    """Which documents, and by which prompts and models beside each other."""

    campaign: str
    documents: int = 5
    of_sample: bool = False
    prompts: list[str] = Field(default_factory=list)
    models: list[str] = Field(default_factory=list)


@dg.op
def preview(
    context: dg.OpExecutionContext,
    config: PreviewConfig,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
    embedder: Embedder,
    student: Student,
    engine: Engine,
) -> list[str]:
    """Extract a few documents of a campaign's next round, or of the warm-up sample.

    What is extracted stays in the store: the campaign does not pay for it again.
    """
    settings, run, name = campaigns.load(), run_name(context.run), config.campaign
    with failing_clearly():
        variants = extractor_variants(
            settings.extractor,
            prompts=config.prompts,
            models=config.models,
            base=Path(campaigns.path).parent,
        )
        if config.of_sample:
            asked = of_sample(settings, warehouse, n_documents=config.documents)
        else:
            number = check_plan(name, settings, warehouse)
            roles = (warehouse, campaigns, extractor, embedder, student, engine)
            player = prepare_campaign(name, *roles, run=run, log=context.log)
            asked = of_plan(player, number, n_documents=config.documents)
        state = Path(campaigns.state_folder)
        extractors = {label: build_extractor(made, state) for label, made in variants.items()}
        extract_asked(asked, extractors, settings, warehouse, run=run, log=context.log)
    return asked.document_ids


@dg.job(description="Extracts a few documents to look at; `equal preview` shows them.")
def preview_documents() -> None:
    """Extract the documents that a campaign would ask for first."""
    preview()

"""``equal preview``: what a few documents would yield, before a campaign is paid for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from equal_assets.cli.lock import alone_in
from equal_assets.cli.options import FILE, complete_campaigns, file_to_write
from equal_assets.cli.project import build_extractor, known_campaigns, open_project, short
from equal_assets.cli.terminal import FAILED, console, guarded, progress_bars, say, say_error
from equal_assets.settings import (
    LLMExtractionSettings,
    Settings,
    extractor_variants,
    load_settings,
    project_folder,
    state_folder,
)

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from equal_assets.automation.preview import PreviewConfig
    from equal_assets.resources.warehouse import Warehouse

OF_SAMPLE = (
    "They are drawn by chance from the warm-up sample, which `equal run` asks for before anything "
    "else."
)
NOT_YET = (
    "What campaign {name} asks for first is known once that sample is extracted and the corpus "
    "embedded."
)
OF_PLAN = (
    "They are the first that campaign {name} asks for in round {round}, one of each pull in turn."
)


@click.command()
@click.argument("campaign", required=False, shell_complete=complete_campaigns)
@click.option(
    "--documents",
    type=click.IntRange(1, 100),
    default=5,
    show_default=True,
    help="How many documents to extract.",
)
@click.option(
    "--random",
    "of_sample",
    is_flag=True,
    help="Documents of the warm-up sample, drawn by chance, in place of those that the campaign "
    "chooses first.",
)
@click.option(
    "--prompt",
    "prompts",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, resolve_path=True),
    help="A prompt to try, written as prompts.extract of campaigns.yaml is. Several are set beside "
    "each other, one beside that of campaigns.yaml.",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="A model to try in place of extractor.model, in the same way.",
)
@click.option(
    "--out",
    type=FILE,
    callback=file_to_write,
    help="The page to write; by default previews/CAMPAIGN.html in the state folder.",
)
def preview(
    campaign: str | None,
    documents: int,
    of_sample: bool,
    prompts: tuple[str, ...],
    models: tuple[str, ...],
    out: Path | None,
) -> None:
    """Show what a few documents yield, before a campaign is paid for.

    Shows each document with the words of the answers marked, its pairs, what was rejected and why,
    tokens and money, and what the whole campaign would take. In the terminal and as a page. Plays
    the first CAMPAIGN of campaigns.yaml unless one is named.

    The documents are those that the campaign would ask for first. Until the warm-up sample is
    extracted nobody knows them, and they come from that sample. Either way nothing is paid twice:
    what was extracted stays stored, and counts against the budget of the campaign or the sample.
    """
    settings = load_settings()
    [name] = known_campaigns((campaign or next(iter(settings.campaigns)),), settings)
    varied = {"prompts": list(prompts), "models": list(models)}
    variants = extractor_variants(settings.extractor, **varied, base=project_folder())
    click.get_current_context().with_resource(alone_in(state_folder(), "equal preview"))
    instance, warehouse = open_project()
    from equal_assets.automation.preview import PreviewConfig
    from equal_assets.cli.mending import mend_assets
    from equal_assets.pages.preview import read_preview
    from equal_assets.pages.preview_page import publish_preview
    from equal_assets.pages.preview_terminal import print_preview
    from equal_assets.runs import close_killed_runs

    close_killed_runs(instance)
    mend_assets(settings, warehouse, say)
    is_known = _is_plan_known(settings, warehouse)
    of_sample = of_sample or not is_known
    asked = PreviewConfig(campaign=name, documents=documents, of_sample=of_sample, **varied)
    ids = _extracted(asked, settings, instance, warehouse)
    chosen_by = _chosen_by(name, warehouse, of_sample=of_sample, is_known=is_known)
    if len(ids) < documents:
        chosen_by += f" There are no more than {len(ids)} of them."
    extractors = {
        label: (varied_settings, build_extractor(varied_settings))
        for label, section in variants.items()
        for varied_settings in [settings.model_copy(update={"extractor": section})]
    }
    shown = read_preview(name, chosen_by, ids, extractors, warehouse)
    print_preview(console, shown)
    page = out or state_folder() / "previews" / f"{name}.html"
    publish_preview(shown, page)
    say(f"page    {short(page)}")
    if shown.is_failure:
        say_error("no document could be extracted; mend what is said above, or try `equal check`")
        raise SystemExit(FAILED)


def _extracted(
    asked: PreviewConfig, settings: Settings, instance: DagsterInstance, warehouse: Warehouse
) -> list[str]:
    """Extract what is asked for, and return the ids of the documents."""
    from equal_assets.cli.runner import Runner

    with progress_bars() as announce:
        runner = Runner(instance, warehouse, settings, announce)
        return guarded(lambda: runner.preview(asked))


def _is_plan_known(settings: Settings, warehouse: Warehouse) -> bool:
    """Say whether what a campaign chooses first can be known without paying for the warm-up."""
    from equal_assets.versions import is_current, stored_versions

    if not isinstance(settings.extractor, LLMExtractionSettings):
        return True
    return is_current("warmup_qa", settings, stored_versions(warehouse))


def _chosen_by(name: str, warehouse: Warehouse, *, of_sample: bool, is_known: bool) -> str:
    """Return which documents are shown, in a sentence."""
    if of_sample:
        return OF_SAMPLE if is_known else f"{OF_SAMPLE} {NOT_YET.format(name=name)}"
    number = warehouse.query("last_round", campaign=name)["round"].item() + 1
    return OF_PLAN.format(name=name, round=number)

"""``equal export``: reads its options, prints what was written, passes it on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

import click

from equal_assets.cli.options import complete_campaigns
from equal_assets.cli.project import (
    build_tracker,
    known_campaigns,
    open_warehouse,
)
from equal_assets.cli.terminal import say
from equal_assets.errors import ExportError
from equal_assets.settings import (
    ExportFormat,
    ExportKey,
    Settings,
    campaigns_file,
    load_settings,
    state_folder,
)

if TYPE_CHECKING:
    from equal_assets.export.campaign_export import Exported
    from equal_assets.resources.warehouse import Warehouse

T = TypeVar("T")

ARTIFACT_FOLDER = "export"


@click.command()
@click.argument("campaign", shell_complete=complete_campaigns)
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="NAME[,NAME...]",
    help="messages, sharegpt, alpaca, prompt-completion or parquet; may be repeated. By default "
    "as in section `export` of campaigns.yaml: messages and parquet.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    help="Folder to write to; by default exports/CAMPAIGN in the folder for results.",
)
@click.option(
    "--validation",
    type=click.FloatRange(0, 0.5),
    metavar="SHARE",
    help="Share of the examples that are set aside for validation, in whole documents, 0 to 0.5; "
    "by default as in section `export` of campaigns.yaml: 0.05.",
)
@click.option(
    "--without",
    "leave_out",
    multiple=True,
    metavar="KEY[,KEY...]",
    help="Keys that are not written, such as qa_id where a trainer takes no other; may be "
    "repeated. By default those of `export.leave_out` in campaigns.yaml: none.",
)
@click.option(
    "--student",
    type=click.Path(resolve_path=True, path_type=Path),
    metavar="FOLDER",
    help="Write the tuned student into this new folder as well: a whole model, adapters merged, "
    "for transformers, vLLM, Ollama and llama.cpp's converter.",
)
@click.option("--push", metavar="OWNER/NAME", help="Push to this data set repository of the hub.")
@click.option("--public", is_flag=True, help="Make a new repository of --push public.")
@click.option("--mlflow", is_flag=True, help="Store it with the campaign's MLflow run as well.")
def export(
    campaign: str,
    formats: tuple[str, ...],
    out: Path | None,
    validation: float | None,
    leave_out: tuple[str, ...],
    student: Path | None,
    push: str | None,
    public: bool,
    mlflow: bool,
) -> None:
    """Write the data set of a campaign for trainers, with its card.

    A manifest lies beside them. docs/export.md shows the formats, and how datasets, TRL and
    LLaMA-Factory load them.
    """
    from equal_assets.export.campaign_export import export_campaign, set_aside_in_words
    from equal_assets.export.hub import push as push_folder
    from equal_assets.export.student_export import export_student
    from equal_assets.pages.review import unreviewed

    if public and not push:
        raise click.UsageError("--public needs --push")
    settings, warehouse = load_settings(), open_warehouse()
    known_campaigns((campaign,), settings)
    share = settings.export.validation if validation is None else validation
    exported = export_campaign(
        settings,
        warehouse,
        campaign,
        formats=named_formats(formats) or settings.export.formats,
        validation=share,
        out=out or state_folder() / "exports" / campaign,
        campaigns_file=campaigns_file(),
        leave_out=_named("--without", leave_out, get_args(ExportKey)) or settings.export.leave_out,
    )
    _print_export(exported)
    say(set_aside_in_words(exported.splits, share))
    for line in unreviewed(warehouse, [campaign]):
        say(line)
    if student:
        n_parameters = export_student(settings, warehouse, campaign, student)
        say(f"student in {student}: {n_parameters:,} parameters, adapters merged")
    if mlflow:
        _log_export(exported, campaign, settings, warehouse)
    if push:
        address = push_folder(exported.folder, list(exported.files), push, is_public=public)
        say(f"pushed to {address}")


def named_formats(given: Iterable[str]) -> list[ExportFormat]:
    """Return the formats that options name, each once; commas separate several in one.

    Raises
    ------
    ExportError
        If a format is not known.
    """
    return _named("--format", given, get_args(ExportFormat))


def _named(option: str, given: Iterable[str], known: tuple[T, ...]) -> list[T]:
    by_name = {str(name): name for name in known}
    names = [name.strip() for text in given for name in text.split(",")]
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ExportError(f"{option} {', '.join(unknown)}: must be {', '.join(by_name)}")
    return [by_name[name] for name in dict.fromkeys(names)]


def _print_export(exported: Exported) -> None:
    for name, split in exported.splits.items():
        say(f"{name:12}{split.examples:>9,} examples of {split.documents:,} documents")
    say(f"in {exported.folder}:")
    for name, rows in exported.files.items():
        counted = "" if rows is None else f"{rows:>9,} rows"
        say(f"  {name:34}{counted}".rstrip())


def _log_export(
    exported: Exported, campaign: str, settings: Settings, warehouse: Warehouse
) -> None:
    """Store an export as artifacts of the campaign's MLflow run, and print where."""
    from equal_assets.pages.campaign_run import campaign_run

    tracker = build_tracker(settings)
    run_id = campaign_run(warehouse, tracker, campaign)
    tracker.log_files(run_id, exported.folder, list(exported.files), under=ARTIFACT_FOLDER)
    say(f"MLflow run {run_id}, artifacts {ARTIFACT_FOLDER}/")

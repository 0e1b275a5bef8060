"""``equal run``, ``status``, ``retry`` and ``rerun``: campaigns are played."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from equal_assets.cli.compare import print_students
from equal_assets.cli.lock import alone_in
from equal_assets.cli.options import complete_campaigns
from equal_assets.cli.project import (
    build_extractor,
    build_tracker,
    known_campaigns,
    open_project,
    open_warehouse,
    ready_tracking,
    short,
)
from equal_assets.cli.terminal import console, guarded, progress_bars, say, say_warning
from equal_assets.errors import CampaignError
from equal_assets.settings import Settings, load_settings, state_folder

if TYPE_CHECKING:
    from equal_assets.resources.warehouse import Warehouse


@click.command()
@click.argument("campaigns", nargs=-1, shell_complete=complete_campaigns)
@click.option(
    "--restart",
    is_flag=True,
    help="Forget the rounds of the named campaigns and play them again. What was extracted stays "
    "stored and is not paid for twice.",
)
@click.option(
    "--estimate",
    is_flag=True,
    help="Print how many documents, tokens and how much money are still to be spent, and stop.",
)
@click.option(
    "--milestones",
    metavar="1%,2%,5%",
    help="Also tune and judge a student at each of these shares of the corpus, and draw accuracy "
    "over budget. Replaces `milestones` of campaigns.yaml.",
)
def run(campaigns: tuple[str, ...], restart: bool, estimate: bool, milestones: str | None) -> None:
    """Play campaigns to their end, resuming what is there.

    Plays all CAMPAIGNS of campaigns.yaml unless some are named. Ctrl-C or a crash loses nothing
    that was finished: run it again and it resumes. When everything is up to date, rerunning does
    nothing.
    """
    started = time.monotonic()
    settings = load_settings().with_milestones(milestones.split(",") if milestones else ())
    names = known_campaigns(campaigns, settings)
    if restart and not campaigns:
        raise click.UsageError("--restart needs the names of the campaigns to start over")
    if not estimate:
        _work_alone("equal run")
    instance, warehouse = open_project()
    from equal_assets.automation.rerun_rounds import restart_campaign
    from equal_assets.cli.mending import mend_assets, mend_rest
    from equal_assets.cli.runner import Runner
    from equal_assets.pages import spend
    from equal_assets.runs import close_killed_runs

    if estimate:
        with progress_bars() as announce:
            guarded(Runner(instance, warehouse, settings, announce).prepare_documents)
        spend.print_estimate(console, settings, build_extractor(settings), warehouse, names)
        return
    ready_tracking(settings)
    for name in names if restart else ():
        restart_campaign(name, warehouse, build_extractor(settings), build_tracker(settings))
        say(f"{name}: starts over")
    if killed := close_killed_runs(instance):
        say(f"{killed} earlier run(s) were killed; going on from what they stored")
    mend_assets(settings, warehouse, say)
    with progress_bars() as announce:
        n_runs = guarded(lambda: Runner(instance, warehouse, settings, announce).run(names))
    mend_rest(settings, warehouse, build_extractor(settings), build_tracker(settings), say)
    seconds = time.monotonic() - started
    console.print()
    _print_status(settings, warehouse, names)
    if settings.milestones:
        print_students(names, warehouse)
    extractor = build_extractor(settings)
    spend.print_failures(console, extractor, warehouse, names)
    spend.print_lost(console, extractor, names, settings.currency)
    _print_warnings(settings, warehouse, names)
    if n_runs:
        say(f"Done in {seconds:.0f} s.")
    else:
        say(f"Nothing to do: every campaign is finished and up to date ({seconds:.0f} s).")
    _where_to_look(names)


@click.command()
@click.argument("campaigns", nargs=-1, shell_complete=complete_campaigns)
def status(campaigns: tuple[str, ...]) -> None:
    """Show rounds, budget, reward and accuracy of campaigns.

    Shows all CAMPAIGNS unless some are named.
    """
    from equal_assets.pages.corpus import reading_line
    from equal_assets.pages.spend import print_failures, print_lost

    settings = load_settings()
    names = known_campaigns(campaigns, settings)
    warehouse = open_warehouse()
    if line := reading_line(warehouse):
        say(line)
    _print_status(settings, warehouse, names)
    extractor = build_extractor(settings)
    print_failures(console, extractor, warehouse, names)
    print_lost(console, extractor, names, settings.currency)
    _print_warnings(settings, warehouse, names)


@click.command()
@click.argument("campaigns", nargs=-1, shell_complete=complete_campaigns)
@click.option(
    "--release-lost",
    is_flag=True,
    help="Instead, count lost requests as not charged. They were sent, and a killed process or a "
    "cut connection left open what became of them, so budgets count them at their maximum, or as "
    "far as their reply was followed.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def retry(campaigns: tuple[str, ...], release_lost: bool, yes: bool) -> None:
    """Try again to extract documents that failed.

    Covers the warm-up and all CAMPAIGNS unless some are named. Requests that were answered are not
    sent again. What the bandit saw stays the same; `equal run` then updates data set and student
    with the new pairs.
    """
    from equal_assets.cli.runner import Runner
    from equal_assets.pages import spend

    settings = load_settings()
    names = known_campaigns(campaigns, settings)
    _work_alone("equal retry")
    if release_lost:
        _release_lost(settings, names, is_agreed=yes)
        return
    instance, warehouse = open_project()
    extractor = build_extractor(settings)
    n_before = spend.n_failed(extractor, warehouse, names)
    if not n_before:
        say("no document of these campaigns or of the warm-up has failed")
        return
    with progress_bars() as announce:
        guarded(lambda: Runner(instance, warehouse, settings, announce).retry(names))
    n_mended = n_before - spend.n_failed(extractor, warehouse, names)
    then = "; `equal run` updates their data sets" if n_mended else ""
    say(f"{n_mended:,} of {n_before:,} failed documents are extracted now{then}")
    spend.print_failures(console, extractor, warehouse, names)


@click.command()
@click.argument("campaign", shell_complete=complete_campaigns)
@click.option(
    "--from-round",
    type=click.IntRange(1),
    metavar="ROUND",
    required=True,
    help="The first round to play again.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def rerun(campaign: str, from_round: int, yes: bool) -> None:
    """Play a campaign again from one of its rounds on.

    First shows what becomes invalid, and asks. What was extracted stays stored and is not paid for
    twice. From round 1, this is `equal run --restart CAMPAIGN`.
    """
    from equal_assets.automation.rerun_rounds import forget_rounds, plan_rerun
    from equal_assets.cli.runner import Runner
    from equal_assets.runs import at_work

    settings = load_settings()
    _work_alone("equal rerun")
    instance, warehouse = open_project()
    plan = plan_rerun(campaign, settings, warehouse, from_round=from_round)
    if busy := at_work(instance, campaign):
        raise CampaignError(f"{busy}: wait for it, or cancel it")
    ready_tracking(settings)
    say(str(plan))
    if not yes:
        click.confirm("Remove these rounds and play them again?", abort=True)
    forget_rounds(plan, warehouse, build_extractor(settings), build_tracker(settings))
    with progress_bars() as announce:
        guarded(lambda: Runner(instance, warehouse, settings, announce).run([campaign]))
    _where_to_look([campaign])


def _work_alone(command: str) -> None:
    """Refuse to work on the state folder while another command does, until this one ends."""
    click.get_current_context().with_resource(alone_in(state_folder(), command))


def _release_lost(settings: Settings, names: list[str], *, is_agreed: bool) -> None:
    """Count the lost requests of campaigns and the warm-up as not charged, if people agree."""
    from equal_assets.automation.release_lost import release_lost
    from equal_assets.pages.spend import print_lost

    extractor, warehouse = build_extractor(settings), open_warehouse()
    if not print_lost(console, extractor, names, settings.currency):
        say("no lost request of these campaigns or of the warm-up counts as paid")
        return
    if not is_agreed:
        say("If the server has charged them, budgets are passed by as much.")
        click.confirm("Count them as not charged?", abort=True)
    reopened = release_lost(settings, extractor, warehouse, names)
    then = f"; `equal run` goes on with {', '.join(reopened)}" if reopened else ""
    say(f"they count as not charged now{then}")


def _print_status(settings: Settings, warehouse: Warehouse, names: list[str]) -> None:
    from equal_assets.pages.spend import warm_up_line
    from equal_assets.pages.status import said_below, status_tables

    extractor, width = build_extractor(settings), console.width
    if line := warm_up_line(extractor, settings.currency):
        say(line)
    for table in status_tables(settings, extractor, warehouse, names, width=width):
        console.print(table)
    for line in said_below(warehouse, names):
        say(line)


def _print_warnings(settings: Settings, warehouse: Warehouse, names: list[str]) -> None:
    from equal_assets.pages.warnings import warnings

    for text in warnings(settings, build_extractor(settings), warehouse, names):
        say_warning(text)


def _where_to_look(names: list[str]) -> None:
    state = short(state_folder())
    exports = state_folder() / "exports"
    there = [name for name in names if (exports / name / "qa_dataset.parquet").is_file()]
    for line in (
        "Where to look:",
        f"  data sets     {state}/exports/<campaign>/qa_dataset.parquet ({', '.join(there)});"
        if there
        else "  data sets     none is finished yet",
        "                equal pairs CAMPAIGN prints one, equal review CAMPAIGN lets you judge it",
        "                equal export CAMPAIGN writes them for trainers, with a card",
        f"  tables        {state}/warehouse.duckdb (DuckDB)",
        "  graph, plots  equal ui opens Dagster and MLflow over the same state",
        "  to mail       equal report CAMPAIGN writes one HTML file",
    ):
        say(line)

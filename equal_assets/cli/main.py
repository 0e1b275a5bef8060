"""The ``equal`` command: everything it does is a Dagster run that the UI shows as well.

Exit codes: 0 done, 1 a step failed, 2 the settings or the call are wrong, 130 interrupted.
"""

from __future__ import annotations

import _thread
import atexit
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from equal_assets.errors import CampaignError, EqualError, SettingsError
from equal_assets.settings import (
    Settings,
    campaigns_file,
    load_settings,
    project_folder,
    quiet_libraries,
    state_folder,
)

if TYPE_CHECKING:
    import polars as pl
    from dagster import DagsterInstance

    from equal_assets.resources.warehouse import Warehouse

COMPARED_AT_POINTS = (
    ("ot_cost_test", "OT cost to the test split", ".3f"),
    ("ot_cost_test_nearest", "OT cost without the farthest 40% of pairs", ".3f"),
    ("coverage_test", "coverage of the test split", ".3f"),
    ("near", "pairs near the test split (of all pairs)", ""),
)
COMPARED_AT_SHARED_END = (
    ("n_pairs", "pairs extracted", ",d"),
    ("tokens", "LLM tokens", ",d"),
    ("seconds_per_round", "seconds per round", ".1f"),
)
COMPARED_AT_OWN_END = (
    ("documents", "documents asked for", ",d"),
    ("ot_cost_test", "OT cost to the test split", ".3f"),
    ("coverage_test", "coverage of the test split", ".3f"),
    ("pmi_accuracy", "PMI accuracy of the student", ".3f"),
    ("perplexity", "perplexity of the student", ".1f"),
)
COSTS_EXPLAINED = (
    "LLM tokens and FLOPs are of all that a campaign asked for; seconds are as measured: what "
    "another campaign had extracted or embedded before took none. FLOPs of selection and "
    "clustering are not counted; those of extraction need extractor.parameters."
)
FAILED, WRONG_CALL, INTERRUPTED = 1, 2, 130
PRESSED_AGAIN_SECONDS = 0.05

console = Console()


class EqualGroup(click.Group):
    """Prints the project's own errors without a traceback and sets the exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        atexit.register(_silence_finalization)
        sys.unraisablehook = _interrupt_again
        quiet_libraries()
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            _say_error(str(error))
            ctx.exit(WRONG_CALL)
        except EqualError as error:
            _say_error(str(error))
            ctx.exit(FAILED)


@click.group(cls=EqualGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="equal-assets")
def main() -> None:
    r"""Choose the documents that deserve LLM tokens, and make instruction data from them.

    Campaigns (target, strategy, budget) are declared in campaigns.yaml of the current folder, or
    of a folder above it; EQUAL_CAMPAIGNS names another file, EQUAL_HOME another folder for
    results.

    \b
    First time:      equal check      is all that campaigns.yaml names there?
                     equal run        play every campaign to its end
    Before it pays:  equal run --estimate   documents, tokens, money
    While it runs:   equal status     rounds, budget, reward, accuracy
    When some fail:  equal retry      ask again for the documents that failed
    To play again:   equal rerun      a campaign, from one of its rounds on
    When rounds are: equal compare    strategies side by side at the same budget
    When it is done: equal export     the data set for trainers, with its card
    To tell others:  equal report     a campaign as one HTML file
    Of one example:  equal trace      its document, pull, prompt, cost, students
    To look inside:  make ui          Dagster and MLflow over the same state
    """


@main.command()
@click.argument("campaigns", nargs=-1)
@click.option(
    "--restart",
    is_flag=True,
    help="Forget the named campaigns' rounds and play them anew; what was extracted stays "
    "stored and is not paid for again.",
)
@click.option(
    "--estimate",
    is_flag=True,
    help="Say how many documents, tokens and how much money are still to be spent, and end.",
)
@click.option(
    "--milestones",
    metavar="1%,2%,5%",
    help="Tune and judge a student at each of these shares of the corpus as well, and draw "
    "accuracy over budget; in place of `milestones` in campaigns.yaml.",
)
def run(campaigns: tuple[str, ...], restart: bool, estimate: bool, milestones: str | None) -> None:
    """Play CAMPAIGNS (all by default) to their end, resuming what is there.

    Ctrl-C or a crash loses nothing that was finished: run it again and it goes on. Run when all
    is done, it does nothing and says so.
    """
    started = time.monotonic()
    settings = load_settings().with_milestones(milestones.split(",") if milestones else ())
    names = _known_campaigns(campaigns, settings)
    if restart and not campaigns:
        raise click.UsageError("--restart needs the names of the campaigns to start over")
    instance, warehouse = _open_project()
    from equal_assets.automation.rerun_rounds import restart_campaign
    from equal_assets.cli import runner
    from equal_assets.pages import spend as spend_report
    from equal_assets.runs import close_killed_runs

    if estimate:
        with _progress_bars() as announce:
            _guarded(runner.Runner(instance, warehouse, settings, announce).prepare_documents)
        spend_report.print_estimate(console, settings, _extractor(settings), warehouse, names)
        return
    for name in names if restart else ():
        restart_campaign(name, warehouse, _extractor(settings), _tracker(settings))
        console.print(f"{name}: starts over", highlight=False)
    if killed := close_killed_runs(instance):
        console.print(f"{killed} earlier run(s) were killed; going on from what they stored")
    with _progress_bars() as announce:
        n_runs = _guarded(lambda: runner.Runner(instance, warehouse, settings, announce).run(names))
    seconds = time.monotonic() - started
    console.print()
    _print_standing(settings, warehouse, names)
    if settings.milestones:
        _print_students(names, warehouse)
    spend_report.print_failures(console, warehouse, names)
    if n_runs:
        console.print(f"Done in {seconds:.0f} s.", highlight=False)
    else:
        console.print(
            f"Nothing to do: every campaign is finished and up to date ({seconds:.0f} s).",
            highlight=False,
        )
    _where_to_look(names)


@main.command()
@click.argument("campaigns", nargs=-1)
def status(campaigns: tuple[str, ...]) -> None:
    """Show where CAMPAIGNS (all by default) stand: rounds, budget, reward, accuracy."""
    from equal_assets.pages.spend import print_failures

    settings = load_settings()
    names = _known_campaigns(campaigns, settings)
    _print_standing(settings, _warehouse(), names)
    print_failures(console, _warehouse(), names)


@main.command()
@click.argument("campaigns", nargs=-1)
def retry(campaigns: tuple[str, ...]) -> None:
    """Ask again for the documents of CAMPAIGNS (all by default) whose extraction failed.

    Requests that were answered are not sent again. What the bandit saw stays as it was; `equal
    run` then makes data set and student anew from what came out.
    """
    from equal_assets.cli.runner import Runner
    from equal_assets.pages import spend as spend_report

    settings = load_settings()
    names = _known_campaigns(campaigns, settings)
    instance, warehouse = _open_project()
    n_before = spend_report.n_failed(warehouse, names)
    if not n_before:
        console.print("no document of these campaigns has failed")
        return
    with _progress_bars() as announce:
        runner = Runner(instance, warehouse, settings, announce)
        _guarded(lambda: runner.retry(names))
    n_after = spend_report.n_failed(warehouse, names)
    n_mended = n_before - n_after
    anew = "; `equal run` makes their data sets anew" if n_mended else ""
    console.print(
        f"{n_mended:,} of {n_before:,} failed documents are extracted now{anew}", highlight=False
    )
    spend_report.print_failures(console, warehouse, names)


@main.command()
@click.argument("campaign")
@click.option(
    "--from-round", type=click.IntRange(1), required=True, help="The first round to play anew."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def rerun(campaign: str, from_round: int, yes: bool) -> None:
    """Play CAMPAIGN anew from a round on, and make anew what was made of it.

    Says first what that makes invalid, and asks. What was extracted stays stored and is not paid
    for again; from round 1 it is `equal run --restart CAMPAIGN`.
    """
    from equal_assets.automation.rerun_rounds import forget_rounds, plan_rerun
    from equal_assets.cli.runner import Runner
    from equal_assets.runs import at_work

    settings = load_settings()
    instance, warehouse = _open_project()
    plan = plan_rerun(campaign, settings, warehouse, from_round=from_round)
    if busy := at_work(instance, campaign):
        raise CampaignError(f"{busy}: wait for it, or cancel it")
    console.print(str(plan), highlight=False, soft_wrap=True)
    if not yes:
        click.confirm("Remove these rounds and play them anew?", abort=True)
    forget_rounds(plan, warehouse, _extractor(settings), _tracker(settings))
    with _progress_bars() as announce:
        _guarded(lambda: Runner(instance, warehouse, settings, announce).run([campaign]))
    _where_to_look([campaign])


def _file_to_write(_: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse, before any work, a file that cannot be written afterwards."""
    if path is None:
        return None
    if not path.parent.is_dir():
        raise click.BadParameter(f"{path}: there is no folder {path.parent}")
    if parameter.name == "plot" and path.suffix != ".png":
        raise click.BadParameter(f"{path}: the plot is a picture; allowed: a name ending in .png")
    return path


@main.command()
@click.argument("campaigns", nargs=-1)
@click.option(
    "--csv",
    type=click.Path(dir_okay=False, writable=True, resolve_path=True, path_type=Path),
    callback=_file_to_write,
    help="Write the rows of strategy_comparison to this file.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, resolve_path=True, path_type=Path),
    callback=_file_to_write,
    help="Draw the curves over documents to this .png file.",
)
def compare(campaigns: tuple[str, ...], csv: Path | None, plot: Path | None) -> None:
    """Show CAMPAIGNS (all that have rounds by default) side by side at the same budget.

    Makes the asset strategy_comparison anew where rounds or students have come since; the test
    split judges here, it steers nothing.
    """
    from equal_assets.comparison.costs import campaign_costs
    from equal_assets.comparison.points import at_shared_points, matches
    from equal_assets.pages.costs import cost_table, print_table, shared_cost_table

    settings = load_settings()
    named = _known_campaigns(campaigns, settings)
    instance, warehouse = _open_project()
    names = _campaigns_with_rounds(named if campaigns else [], settings, warehouse)
    _refresh_comparison(settings, instance, warehouse)
    rows = warehouse.query("strategy_comparison", campaigns=names)
    for of_target in rows.partition_by("target", maintain_order=True):
        shown = [name for name in names if name in of_target["campaign"]]
        console.print()
        console.print(_comparison_table(shown, of_target, at_shared_points(of_target)))
        if len(shown) > 1:
            console.print(
                "\nDocuments that each row needed to reach the OT cost to the test split that each "
                f"column has after {of_target['shared_budget'][0]:,} documents:"
            )
            console.print(_matches_table(shown, matches(of_target)))
        console.print("\nWhat each campaign cost, and what its student gained for it:")
        print_table(console, cost_table(of_target))
    print_table(console, shared_cost_table(campaign_costs(warehouse, _extractor(settings), names)))
    console.print(COSTS_EXPLAINED, soft_wrap=True)
    _print_students(names, warehouse)
    if csv:
        rows.write_csv(csv)
        console.print(f"table   {csv}", highlight=False, soft_wrap=True)
    if plot:
        from equal_assets.pages.figures.students import comparison_figure

        accuracy = warehouse.query("accuracy_over_budget", campaigns=names)
        comparison_figure(rows, accuracy).savefig(plot, dpi=150)
        console.print(f"picture {plot}", highlight=False, soft_wrap=True)


@main.command()
@click.argument("campaign")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, resolve_path=True, path_type=Path),
    callback=_file_to_write,
    help="The file to write; by default report.html beside the campaign's data set.",
)
def report(campaign: str, out: Path | None) -> None:
    """Write what CAMPAIGN did and gained as one HTML file that can be mailed.

    It holds its pictures and asks for nothing from elsewhere. The campaign's MLflow run keeps the
    same page.
    """
    from equal_assets.pages.report import publish_report

    settings = load_settings()
    names = _known_campaigns((campaign,), settings)
    instance, warehouse = _open_project()
    _campaigns_with_rounds(names, settings, warehouse)
    _refresh_comparison(settings, instance, warehouse)
    path = out or state_folder() / "exports" / campaign / "report.html"
    publish_report(campaign, path, settings, warehouse, _extractor(settings), _tracker(settings))
    console.print(f"report  {_short(path)}", highlight=False, soft_wrap=True)


@main.command()
@click.argument("campaign")
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="NAME[,NAME...]",
    help="messages, sharegpt, alpaca, prompt-completion or parquet; may be repeated. By default "
    "those of `export` in campaigns.yaml: messages and parquet.",
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
    help="Share of the documents whose pairs are set aside for validation, 0 to 0.5; by default "
    "that of `export` in campaigns.yaml: 0.05.",
)
@click.option("--push", metavar="OWNER/NAME", help="Push to this data set repository of the hub.")
@click.option("--public", is_flag=True, help="Make a new repository of --push public.")
@click.option("--mlflow", is_flag=True, help="Store it with the campaign's MLflow run as well.")
def export(
    campaign: str,
    formats: tuple[str, ...],
    out: Path | None,
    validation: float | None,
    push: str | None,
    public: bool,
    mlflow: bool,
) -> None:
    """Write the data set of CAMPAIGN for trainers, with a data set card and a manifest.

    docs/export.md shows the formats and how datasets, TRL and LLaMA-Factory load them.
    """
    from equal_assets.cli import export as command
    from equal_assets.export.campaign_export import export_campaign

    if public and not push:
        raise click.UsageError("--public needs --push")
    settings, warehouse = load_settings(), _warehouse()
    _known_campaigns((campaign,), settings)
    exported = export_campaign(
        settings,
        warehouse,
        campaign,
        formats=command.named_formats(formats) or settings.export.formats,
        validation=settings.export.validation if validation is None else validation,
        out=out or state_folder() / "exports" / campaign,
        campaigns_file=campaigns_file(),
    )
    command.print_export(console, exported)
    if mlflow:
        tracker = _tracker(settings)
        command.log_export(console, exported, campaign, warehouse=warehouse, tracker=tracker)
    if push:
        command.push_export(console, exported, push, is_public=public)


@main.command()
@click.option(
    "--plan",
    is_flag=True,
    help="For a run elsewhere or later: asks no hub or server; what is not here yet is no error.",
)
def check(plan: bool) -> None:
    """Say whether everything that campaigns.yaml names is there and usable, and what it needs."""
    from equal_assets.planning.findings import corpus_as_read, findings
    from equal_assets.planning.requirements import requirements

    settings = load_settings()
    n_failed = 0
    for finding in findings(settings, is_plan=plan):
        mark = "[green]ok[/green]     " if finding.is_ok else "[red]missing[/red]"
        if plan and finding.is_to_be_fetched:
            mark = "[yellow]not yet[/yellow]"
        console.print(f"{mark} {escape(finding.text)}", highlight=False, soft_wrap=True)
        n_failed += not finding.is_ok and not (plan and finding.is_to_be_fetched)
    n_read, n_characters = corpus_as_read()
    for line in requirements(settings, n_read=n_read, n_characters=n_characters):
        console.print(f"needs   {escape(line)}", highlight=False, soft_wrap=True)
    if n_failed:
        console.print(f"{n_failed} of the above must be mended before `equal run`")
        raise SystemExit(FAILED)
    console.print("the plan is sound" if plan else "all there: `equal run` can start")


def _say_error(text: str) -> None:
    # escaped: lm-eval[math] is no style of the text
    console.print(f"[red]error:[/red] {escape(text)}", highlight=False, soft_wrap=True)


@main.command()
@click.argument("qa_id")
@click.option("--campaign", metavar="NAME", help="Only what became of it in this campaign.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON; prompts in full.")
def trace(qa_id: str, campaign: str | None, as_json: bool) -> None:
    """Show where the QA pair QA_ID comes from, what it cost, and what became of it.

    The first digits of its id are enough where no other pair has them. Ids stand in the column
    qa_id of the data sets.
    """
    from equal_assets.lineage.trace import trace as trace_pair
    from equal_assets.lineage.tree import trace_tree

    traced = trace_pair(state_folder() / "warehouse.duckdb", qa_id, campaign)
    if as_json:
        click.echo(json.dumps(traced, indent=2, ensure_ascii=False))
    else:
        console.print(trace_tree(traced))


def _silence_finalization() -> None:
    """Close stderr when all is said: DuckDB reports types that torch keeps alive as leaked."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _interrupt_again(dropped: Any) -> None:
    """Press Ctrl-C once more where it fell into a finalizer, in which Python drops it."""
    from dagster._core.errors import DagsterExecutionInterruptedError

    if not issubclass(dropped.exc_type, (KeyboardInterrupt, DagsterExecutionInterruptedError)):
        sys.__unraisablehook__(dropped)
        return
    # a moment later, from another thread: now it would fall into this function
    again = threading.Timer(PRESSED_AGAIN_SECONDS, _thread.interrupt_main)
    again.daemon = True
    again.start()


def _print_standing(settings: Settings, warehouse: Warehouse, names: list[str]) -> None:
    from equal_assets.pages.status import status_tables

    extractor, width = _extractor(settings), console.width
    for table in status_tables(settings, extractor, warehouse, names, width=width):
        console.print(table)


def _known_campaigns(campaigns: tuple[str, ...], settings: Settings) -> list[str]:
    unknown = [name for name in campaigns if name not in settings.campaigns]
    if unknown:
        raise click.UsageError(
            f"no campaign {', '.join(unknown)} in campaigns.yaml; "
            f"there are: {', '.join(settings.campaigns)}"
        )
    return list(dict.fromkeys(campaigns)) or list(settings.campaigns)


def _open_project() -> tuple[DagsterInstance, Warehouse]:
    """Return the project's Dagster instance and warehouse; its relative paths start there."""
    import dagster as dg

    if "DAGSTER_HOME" in os.environ:
        return dg.DagsterInstance.get(), _warehouse()
    here = Path.cwd()
    for folder in (here, *here.parents, project_folder()):
        if (folder / "dagster.yaml").is_file():
            # its paths are relative to where it stands; those of the environment were to here
            os.environ["EQUAL_CAMPAIGNS"] = str(campaigns_file())
            os.environ["EQUAL_HOME"] = str(state_folder())
            os.chdir(folder)
            return dg.DagsterInstance.from_config(str(folder)), _warehouse()
    raise SettingsError(
        f"no dagster.yaml in {here}, above it or in {project_folder()}: run this in the project's "
        "folder, or set DAGSTER_HOME"
    )


def _warehouse() -> Warehouse:
    from equal_assets.resources.warehouse import Warehouse

    return Warehouse(database=str(state_folder() / "warehouse.duckdb"))


def _extractor(settings: Settings) -> Any:
    from equal_assets.resources.extraction.extractors import build_extractor

    return build_extractor(settings.extractor, state_folder())


def _tracker(settings: Settings) -> Any:
    from equal_assets.resources.tracking import build_tracker

    return build_tracker(settings.tracking, state_folder())


def _guarded(work: Any) -> int:
    """Run, turning interruptions and declared failures into a message and an exit code."""
    import dagster as dg
    from dagster._core.errors import DagsterExecutionInterruptedError

    try:
        return int(work())
    except (KeyboardInterrupt, DagsterExecutionInterruptedError):
        console.print("\ninterrupted; what was finished is kept. `equal run` goes on from there.")
        raise SystemExit(INTERRUPTED) from None
    except dg.Failure as failure:
        _say_error(str(failure.description))
        raise SystemExit(FAILED) from failure


@contextmanager
def _terminal() -> Iterator[Console]:
    """Yield a console that reaches the terminal while Dagster sends stdout to the log of a step."""
    if not console.is_terminal:
        yield console
        return
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as file:
        yield Console(file=file)


@contextmanager
def _progress_bars() -> Iterator[Any]:
    """Show a bar for every step that reports progress; yield a function that prints a line."""
    from equal_assets.progress import listen

    tasks: dict[str, TaskID] = {}
    with (
        _terminal() as terminal,
        Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=terminal,
            transient=True,
        ) as bars,
    ):

        def show(label: str, done: int, total: int, note: str) -> None:
            if label not in tasks:
                for finished in tasks.values():
                    bars.update(finished, visible=False)
                tasks[label] = bars.add_task(label, total=total or None, note="")
            bars.update(tasks[label], completed=done, total=total or None, note=note)

        def announce(line: str) -> None:
            for finished in tasks.values():
                bars.update(finished, visible=False)
            bars.console.print(f"[bold]{line}[/bold]", highlight=False)

        with listen(show):
            yield announce


def _campaigns_with_rounds(names: list[str], settings: Settings, warehouse: Warehouse) -> list[str]:
    """Return the named campaigns, or all that have rounds; refuse those without."""
    from equal_assets.comparison.points import compared_campaigns
    from equal_assets.versions import stored_versions

    there = compared_campaigns(settings, stored_versions(warehouse))
    missing = [name for name in names if name not in there]
    if missing or not there:
        raise CampaignError(
            f"no rounds yet of {', '.join(missing or settings.campaigns)}; campaigns with rounds: "
            f"{', '.join(there) or 'none'}. `equal run` plays them"
        )
    return names or there


def _refresh_comparison(
    settings: Settings, instance: DagsterInstance, warehouse: Warehouse
) -> None:
    """Materialize strategy_comparison on the project's instance, unless it is up to date."""
    from equal_assets.cli.runner import Runner

    with _progress_bars() as announce:
        _guarded(Runner(instance, warehouse, settings, announce).compare)


def _print_students(names: list[str], warehouse: Warehouse) -> None:
    """Print how good students are by the documents asked for, and which differences are real."""
    from equal_assets.pages.students import over_budget_table, paired_tables

    points = warehouse.query("accuracy_over_budget", campaigns=names)
    if points.is_empty():
        return
    console.print()
    console.print(over_budget_table(names, points))
    for table in paired_tables(names, warehouse.query("student_comparison", campaigns=names)):
        console.print()
        console.print(table)


def _comparison_table(names: list[str], rows: pl.DataFrame, points: pl.DataFrame) -> Table:
    """Return one column a campaign: curves at the shared points, then what stands at the ends."""
    import polars as pl

    near, n_pairs = pl.col("near_pairs"), pl.col("n_pairs")
    percent = (100 * near / n_pairs).round(1)
    points = points.with_columns(
        near=pl.when(n_pairs > 0).then(pl.format("{} ({}%)", near, percent))
    )
    shared_budget = rows["shared_budget"][0]
    table = Table(
        title=f"{rows['target'][0]}: after the same number of documents", title_justify="left"
    )
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    strategies = dict(rows.select("campaign", "strategy").rows())
    table.add_row("strategy", *(strategies[name] for name in names))
    for column, label, form in COMPARED_AT_POINTS:
        table.add_section()
        table.add_row(f"[bold]{label}[/bold]")
        for (point,), at_point in points.group_by("point", maintain_order=True):
            cells = _cells(names, at_point, column, form)
            table.add_row(f"  {point:,} documents", *cells)
    shared_end = points.filter(pl.col("point") == shared_budget)
    own_end = rows.filter(pl.col("is_last"))
    for label, at_end, columns in (
        (f"after {shared_budget:,} documents", shared_end, COMPARED_AT_SHARED_END),
        ("at the end of each campaign", own_end, COMPARED_AT_OWN_END),
    ):
        table.add_section()
        table.add_row(f"[bold]{label}[/bold]")
        for column, row_label, form in columns:
            table.add_row(f"  {row_label}", *_cells(names, at_end, column, form))
    return table


def _matches_table(names: list[str], found: pl.DataFrame) -> Table:
    """Return one row a campaign: the documents it needed to match each of the others."""
    table = Table()
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for name in names:
        needed = dict(found.filter(campaign=name).select("matched", "documents").rows())
        table.add_row(name, *("–" if other == name else _needed(needed[other]) for other in names))
    return table


def _needed(documents: int | None) -> str:
    return "never" if documents is None else f"{documents:,}"


def _cells(names: list[str], rows: pl.DataFrame, column: str, form: str) -> list[str]:
    values = dict(rows.select("campaign", column).rows())
    return ["–" if values.get(name) is None else format(values[name], form) for name in names]


def _where_to_look(names: list[str]) -> None:
    state = _short(state_folder())
    lines = (
        "Where to look:",
        f"  data sets     {state}/exports/<campaign>/qa_dataset.parquet ({', '.join(names)});",
        "                equal export CAMPAIGN writes them for trainers, with a card",
        f"  tables        {state}/warehouse.duckdb (DuckDB)",
        "  graph, plots  make ui, then the Dagster and MLflow addresses that it prints",
        "  to mail       equal report CAMPAIGN writes one HTML file",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


if __name__ == "__main__":
    main()

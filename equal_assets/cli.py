"""The ``equal`` command: everything it does is a Dagster run that the UI shows as well.

Exit codes: 0 done, 1 a step failed, 2 the settings or the call are wrong, 130 interrupted.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
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

from equal_assets.errors import EqualError, SettingsError
from equal_assets.settings import (
    Settings,
    campaigns_file,
    load_settings,
    project_folder,
    quiet_libraries,
    state_folder,
)

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from equal_assets.resources.warehouse import Warehouse

STATUS_COLUMNS = (
    "ot_cost_first",
    "ot_cost_last",
    "examples",
    "base_accuracy",
    "accuracy",
    "base_perplexity",
    "perplexity",
    "seconds",
)
FAILED, WRONG_CALL, INTERRUPTED = 1, 2, 130

console = Console()


class EqualGroup(click.Group):
    """Prints the project's own errors without a traceback and sets the exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        atexit.register(_silence_finalization)
        quiet_libraries()
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
            ctx.exit(WRONG_CALL)
        except EqualError as error:
            console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
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
    While it runs:   equal status     rounds, budget, reward, accuracy
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
def run(campaigns: tuple[str, ...], restart: bool) -> None:
    """Play CAMPAIGNS (all by default) to their end, resuming what is there.

    Ctrl-C or a crash loses nothing that was finished: run it again and it goes on. Run when all
    is done, it does nothing and says so.
    """
    started = time.monotonic()
    settings = load_settings()
    names = _known_campaigns(campaigns, settings)
    if restart and not campaigns:
        raise click.UsageError("--restart needs the names of the campaigns to start over")
    instance, warehouse = _open_project()
    from equal_assets import runner
    from equal_assets.killed_runs import close_killed_runs

    for name in names if restart else ():
        runner.restart_campaign(name, warehouse, _tracker(settings))
        console.print(f"{name}: starts over", highlight=False)
    if killed := close_killed_runs(instance):
        console.print(f"{killed} earlier run(s) were killed; going on from what they stored")
    with _progress_bars() as announce:
        n_runs = _guarded(lambda: runner.Runner(instance, warehouse, settings, announce).run(names))
    seconds = time.monotonic() - started
    console.print()
    console.print(_status_table(settings, warehouse, names))
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
    settings = load_settings()
    names = _known_campaigns(campaigns, settings)
    console.print(_status_table(settings, _warehouse(), names))


@main.command()
def check() -> None:
    """Say whether everything that campaigns.yaml names is there and usable."""
    from equal_assets.preflight import findings

    settings = load_settings()
    n_failed = 0
    for finding in findings(settings):
        mark = "[green]ok[/green]    " if finding.is_ok else "[red]missing[/red]"
        console.print(f"{mark} {finding.text}", highlight=False, soft_wrap=True)
        n_failed += not finding.is_ok
    if n_failed:
        console.print(f"{n_failed} of the above must be mended before `equal run`")
        raise SystemExit(FAILED)
    console.print("all there: `equal run` can start")


def _silence_finalization() -> None:
    """Close stderr when all is said: DuckDB reports types that torch keeps alive as leaked."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


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
        console.print(f"[red]error:[/red] {failure.description}", highlight=False, soft_wrap=True)
        raise SystemExit(FAILED) from failure


@contextmanager
def _progress_bars() -> Iterator[Any]:
    """Show a bar for every step that reports progress; yield a function that prints a line."""
    from equal_assets.progress import listen

    tasks: dict[str, TaskID] = {}
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bars:

        def show(label: str, done: int, total: int) -> None:
            if label not in tasks:
                for finished in tasks.values():
                    bars.update(finished, visible=False)
                tasks[label] = bars.add_task(label, total=total or None)
            bars.update(tasks[label], completed=done, total=total or None)

        def announce(line: str) -> None:
            for finished in tasks.values():
                bars.update(finished, visible=False)
            bars.console.print(f"[bold]{line}[/bold]", highlight=False)

        with listen(show):
            yield announce


def _status_table(settings: Settings, warehouse: Warehouse, names: list[str]) -> Table:
    """Return one column a campaign, so that the table fits a terminal."""
    rows = warehouse.query("campaign_status")
    standing = {row["campaign"]: row for row in rows.iter_rows(named=True)}
    columns = [_standing(settings, name, standing.get(name)) for name in names]
    table = Table(title="Campaigns", title_justify="left")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for label in columns[0]:
        table.add_row(label, *(column[label] for column in columns))
    return table


def _standing(settings: Settings, name: str, row: dict[str, Any] | None) -> dict[str, str]:
    campaign = settings.campaigns[name]
    if row is None:
        row = dict.fromkeys(STATUS_COLUMNS)
        row |= dict.fromkeys(("rounds", "documents", "pairs", "tokens", "paid_tokens"), 0)
    return {
        "strategy": campaign.strategy,
        "rounds": f"{row['rounds']} of {campaign.n_rounds}",
        "documents asked for": f"{row['documents']:,} of {campaign.budget_documents:,}",
        "pairs extracted": f"{row['pairs']:,}",
        "LLM tokens (of these paid)": f"{row['tokens']:,} ({row['paid_tokens']:,})",
        "OT cost, first -> last round": _change(row["ot_cost_first"], row["ot_cost_last"], ".3f"),
        "training examples": "–" if row["examples"] is None else f"{row['examples']:,}",
        "PMI accuracy, base -> tuned": _change(row["base_accuracy"], row["accuracy"], ".3f"),
        "perplexity, base -> tuned": _change(row["base_perplexity"], row["perplexity"], ".1f"),
        "seconds in rounds": "–" if row["seconds"] is None else f"{row['seconds']:.0f}",
    }


def _change(before: float | None, after: float | None, form: str) -> str:
    if before is None or after is None:
        return "–"
    return f"{before:{form}} -> {after:{form}}"


def _where_to_look(names: list[str]) -> None:
    state = _short(state_folder())
    lines = (
        "Where to look:",
        f"  data sets     {state}/exports/<campaign>/qa_dataset.parquet ({', '.join(names)})",
        f"  tables        {state}/warehouse.duckdb (DuckDB)",
        "  graph, plots  make ui, then the Dagster and MLflow addresses that it prints",
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

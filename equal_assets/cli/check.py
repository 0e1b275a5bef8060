"""``equal check``: everything that campaigns.yaml names is looked at before anything is spent."""

from __future__ import annotations

import click

from equal_assets.cli.project import open_warehouse
from equal_assets.cli.terminal import FAILED, console, say, say_marked
from equal_assets.settings import load_settings


@click.command()
@click.option(
    "--plan",
    is_flag=True,
    help="For a run elsewhere or later: contacts no hub or server, and what is not here yet is no "
    "error.",
)
@click.option(
    "--free",
    is_flag=True,
    help="Send no request to the LLM. Otherwise every server answers a small one, which is paid "
    "for.",
)
def check(plan: bool, free: bool) -> None:
    """Check that all that campaigns.yaml names is there and usable.

    Prints what a run needs as well: documents, tokens, memory, disk. Nothing is spent but one small
    request to each LLM server.
    """
    from equal_assets.pages.corpus import reading_line
    from equal_assets.planning.check import corpus_as_read, findings, tokens_as_measured
    from equal_assets.planning.requirements import requirements

    settings = load_settings()
    n_failed = 0
    for finding in findings(settings, is_plan=plan, is_free=free):
        mark = "[green]ok[/green]     " if finding.is_ok else "[red]missing[/red]"
        if finding.is_warning:
            mark = "[bold yellow]warning[/bold yellow]"
        if plan and finding.is_to_be_fetched:
            mark = "[yellow]not yet[/yellow]"
        say_marked(mark, finding.text)
        n_failed += not finding.is_ok and not (plan and finding.is_to_be_fetched)
    n_read, n_characters = corpus_as_read()
    if n_read and (line := reading_line(open_warehouse())):
        say(f"as read  {line}")
    measured = tokens_as_measured(settings) if n_read else None
    for line in requirements(settings, n_read=n_read, n_characters=n_characters, measured=measured):
        say(f"needs   {line}")
    if n_failed:
        console.print(f"{n_failed} of the above must be fixed before `equal run`")
        raise SystemExit(FAILED)
    console.print("the plan is sound" if plan else "all there: `equal run` can start")

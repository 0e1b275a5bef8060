"""``equal review``: people say which pairs are good."""

from __future__ import annotations

import getpass
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from equal_assets.cli.lock import alone_in
from equal_assets.cli.options import FILE, complete_campaigns, file_to_write
from equal_assets.cli.project import known_campaigns, open_warehouse, require_rounds
from equal_assets.cli.terminal import say
from equal_assets.settings import FilesSettings, load_settings, state_folder

if TYPE_CHECKING:
    from equal_assets.review.pairs import Reviewing

FORMATS = ("csv", "jsonl", "argilla", "label-studio")


@click.command()
@click.argument("campaign", shell_complete=complete_campaigns)
@click.option(
    "--reviewer",
    metavar="NAME",
    help="Who says it; by default the name of the account on this machine.",
)
@click.option(
    "--out",
    type=FILE,
    callback=file_to_write,
    help="Write the pairs and their verdicts to this file instead of opening the page.",
)
@click.option(
    "--in",
    "taken",
    type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
    help="Take the verdicts of this file, all or none.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="Of --out or --in; by default csv or jsonl, by the name of the file.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    metavar="PORT",
    help="Of the page; by default any that is free.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, but open no browser.")
def review(
    campaign: str,
    reviewer: str | None,
    out: Path | None,
    taken: Path | None,
    form: str | None,
    port: int | None,
    no_browser: bool,
) -> None:
    """Read the pairs of a campaign, and accept, edit or reject them.

    Opens a page on this machine that nobody else can reach: the pair beside its document, the
    answer marked, everything by single keys. Each verdict is stored at once; Ctrl-C ends the page.
    It does not disturb a campaign that is played meanwhile.

    A rejected pair leaves the data set, an edited one replaces its original, and the next rounds
    read less of what is rejected. `equal run` makes the data set by the verdicts.
    """
    from equal_assets.review.checking import checked_reviewer
    from equal_assets.review.pairs import Reviewing

    if out and taken:
        raise click.UsageError("--out and --in: one of them at a time")
    settings, warehouse = load_settings(), open_warehouse()
    known_campaigns((campaign,), settings)
    require_rounds(warehouse, campaign, to="review")
    reviewing = Reviewing(
        warehouse,
        campaign=campaign,
        target=settings.campaigns[campaign].target,
        reviewer=checked_reviewer(reviewer or getpass.getuser()),
        paths=settings.corpus.paths if isinstance(settings.corpus, FilesSettings) else (),
    )
    if out or taken:
        _exchange(reviewing, out, taken, form)
        return
    click.get_current_context().with_resource(alone_in(state_folder() / "review", "equal review"))
    _open_page(reviewing, port, opens=not no_browser)


def _exchange(reviewing: Reviewing, out: Path | None, taken: Path | None, form: str | None) -> None:
    from equal_assets.review.files import read_file, write_file

    reviewing.load()
    if out:
        say(write_file(reviewing, out, form))
    if taken:
        say(read_file(reviewing, taken, form))


def _open_page(reviewing: Reviewing, port: int | None, *, opens: bool) -> None:
    from equal_assets.review.server import serve

    def tell(address: str) -> None:
        say(f"review  {address}")
        say("Each verdict is stored at once; Ctrl-C ends the page")
        if opens:
            webbrowser.open(address)

    reviewing.load()
    serve(reviewing, port=port, tell=tell)
    n_said = len(reviewing.standing())
    stand = "1 verdict stands" if n_said == 1 else f"{n_said:,} verdicts stand"
    say(f"{stand}; `equal run {reviewing.campaign}` makes the data set by them")

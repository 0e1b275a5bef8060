"""``equal pairs`` and ``equal diff``: data sets to read, and two beside each other."""

from __future__ import annotations

import json

import click

from equal_assets.cli.options import complete_campaigns
from equal_assets.cli.project import known_campaigns, open_warehouse, require_rounds
from equal_assets.cli.terminal import console, say
from equal_assets.errors import CampaignError
from equal_assets.settings import load_settings

NO_DATASET = "campaign {campaign} has no data set yet: `equal run {campaign}` makes it"


@click.command()
@click.argument("campaign", shell_complete=complete_campaigns)
@click.option("--removed", is_flag=True, help="What is left out of the data set, and why.")
@click.option(
    "--contains", metavar="TEXT", default="", help="Only pairs that hold this text, in any case."
)
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="Pairs to print."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def pairs(campaign: str, removed: bool, contains: str, limit: int, as_json: bool) -> None:
    """Print the pairs of a campaign's data set.

    In the order in which a student reads them. `equal trace QA_ID` says where one comes from,
    `equal review` takes what you think of them.
    """
    from equal_assets.pages.examples import example_texts
    from equal_assets.versions import stored_versions

    settings = load_settings()
    known_campaigns((campaign,), settings)
    query = "found_removed" if removed else "found_examples"
    warehouse = open_warehouse()
    require_rounds(warehouse, campaign, to="read")
    if ("qa_dataset", campaign) not in stored_versions(warehouse):
        raise CampaignError(NO_DATASET.format(campaign=campaign))
    found = warehouse.query(query, campaign=campaign, contains=contains)
    for row in found.head(limit).iter_rows(named=True) if as_json else ():
        click.echo(json.dumps(row, ensure_ascii=True))
    if as_json:
        return
    for text in example_texts(found.head(limit)):
        console.print(text)
    kind = "pairs that are left out" if removed else "pairs"
    more = f"; --limit {len(found)} prints all" if len(found) > limit else ""
    say(f"{min(limit, len(found)):,} of {len(found):,} {kind}{more}")


@click.command()
@click.argument("first", shell_complete=complete_campaigns)
@click.argument("second", shell_complete=complete_campaigns)
def diff(first: str, second: str) -> None:
    """Show where the data sets of two campaigns differ.

    How many examples they share, which clusters each of them takes more from, and examples that
    only one of them holds.
    """
    from equal_assets.pages.examples import (
        SAMPLE_PAIRS,
        clusters_table,
        difference_table,
        example_texts,
        only_in,
    )

    settings = load_settings()
    known_campaigns((first, second), settings)
    if first == second:
        raise click.UsageError(f"{first} twice: name two campaigns")
    warehouse, names = open_warehouse(), (first, second)
    one, other = (warehouse.query("found_examples", campaign=c, contains="") for c in names)
    for name, dataset in zip(names, (one, other), strict=True):
        if dataset.is_empty():
            raise CampaignError(NO_DATASET.format(campaign=name))
    console.print(difference_table(names, (one, other)))
    by_cluster = warehouse.query("datasets_by_cluster", first=first, second=second)
    console.print(clusters_table(names, by_cluster))
    for name, alone in ((first, only_in(one, other)), (second, only_in(other, one))):
        if not alone.is_empty():
            say(f"\nOnly in {name}, for example:\n")
        for text in example_texts(alone.head(SAMPLE_PAIRS)):
            console.print(text)

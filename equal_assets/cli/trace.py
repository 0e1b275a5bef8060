"""``equal trace``: one QA pair, from its document to the students."""

from __future__ import annotations

import json

import click

from equal_assets.cli.options import complete_campaigns
from equal_assets.cli.project import reading_seconds, warehouse_file
from equal_assets.cli.terminal import console
from equal_assets.pages.values import CONTROLS


@click.command()
@click.argument("qa_id")
@click.option(
    "--campaign",
    metavar="NAME",
    shell_complete=complete_campaigns,
    help="Only what became of it in this campaign.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON; prompts in full.")
def trace(qa_id: str, campaign: str | None, as_json: bool) -> None:
    """Show where a QA pair comes from, and what became of it.

    Its document, pull, prompt and cost, and the students that it tuned. QA_ID is in the column
    qa_id of the data sets; its first digits are enough if no other pair has them.
    """
    from equal_assets.lineage.trace import trace as trace_pair
    from equal_assets.pages.tree import trace_tree
    from equal_assets.resources.warehouse_file import Patience

    patience = Patience(reading_seconds(), lambda said: click.echo(said, err=True))
    traced = trace_pair(warehouse_file(), qa_id, campaign, patience=patience)
    if as_json:
        text = json.dumps(traced, indent=2, ensure_ascii=False)
        click.echo(CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
    else:
        console.print(trace_tree(traced))

"""``equal schema``: what campaigns.yaml may say, for editors."""

from __future__ import annotations

from pathlib import Path

import click

from equal_assets.cli.options import FILE, file_to_write
from equal_assets.cli.terminal import say
from equal_assets.resources.publishing import publish_text


@click.command()
@click.option(
    "--out",
    type=FILE,
    callback=file_to_write,
    help="Write it to this file.",
)
def schema(out: Path | None) -> None:
    """Print the JSON schema of campaigns.yaml.

    Editors complete keys and mark mistakes by it where the first line of campaigns.yaml is
    `# yaml-language-server: $schema=FILE`, as `equal init` writes it.
    """
    from equal_assets.init.schema import campaigns_schema

    if out is None:
        click.echo(campaigns_schema(), nl=False)
    else:
        publish_text(campaigns_schema(), out)
        say(f"schema  {out}")

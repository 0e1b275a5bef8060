"""The reference of the command, written from the commands themselves.

``python -m equal_assets.cli.docs > docs/cli.md``, or ``make docs``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from equal_assets.cli.main import CHAPTERS, load_command, main

WIDTH = 80

HEAD = """\
# The command `equal`

Written from the code by `make docs`; `equal COMMAND --help` prints the same.

Exit codes: 0 done, 1 a step failed, 2 the settings or the call are wrong, 130 interrupted.
"""
COMPLETION = """\
## Completion

The shell completes commands, options and the names of the campaigns in campaigns.yaml after one
line in its startup file:

| shell | file | line |
| --- | --- | --- |
| bash | `~/.bashrc` | `eval "$(_EQUAL_COMPLETE=bash_source equal)"` |
| zsh | `~/.zshrc` | `eval "$(_EQUAL_COMPLETE=zsh_source equal)"` |
| fish | `~/.config/fish/completions/equal.fish` | `_EQUAL_COMPLETE=fish_source equal \\| source` |

It needs bash 4.4 or newer, and `equal` on the `PATH`.
"""


def cli_reference() -> str:
    """Return the reference as Markdown: the guide, then the help of each command."""
    parts = [HEAD, _help(main, "equal"), COMPLETION, *_commands()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _commands() -> Iterator[str]:
    for title, commands in CHAPTERS.items():
        yield f"## {title}"
        for name in commands:
            yield f"### `equal {name}`"
            yield _help(load_command(name), f"equal {name}")


def _help(command: click.Command, name: str) -> str:
    settings = main.context_settings  # -h is handed down
    context = command.context_class(command, info_name=name, terminal_width=WIDTH, **settings)
    return f"```text\n{command.get_help(context)}\n```"


if __name__ == "__main__":
    sys.stdout.write(cli_reference())

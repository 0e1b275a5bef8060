"""The ``equal`` command: everything it does is a Dagster run that the UI shows as well.

Exit codes: 0 done, 1 a step failed, 2 the settings or the call are wrong, 130 interrupted.
"""

from __future__ import annotations

import atexit
import sys
from typing import Any

import click

from equal_assets.causes import explain
from equal_assets.cli.check import check
from equal_assets.cli.compare import compare, report
from equal_assets.cli.doctor import doctor
from equal_assets.cli.export import export
from equal_assets.cli.init import init
from equal_assets.cli.preview import preview
from equal_assets.cli.review import review
from equal_assets.cli.run import rerun, retry, run, status
from equal_assets.cli.schema import schema
from equal_assets.cli.terminal import (
    FAILED,
    WRONG_CALL,
    end_interrupted,
    interrupt_again,
    say_error,
    silence_finalization,
)
from equal_assets.cli.trace import trace
from equal_assets.cli.ui import ui
from equal_assets.errors import EqualError, SettingsError
from equal_assets.secrets import scrub
from equal_assets.settings import quiet_libraries

CHAPTERS: dict[str, tuple[click.Command, ...]] = {
    "Begin": (init, check, schema),
    "Play": (preview, run, status, retry, rerun, doctor),
    "See what came of it": (ui, review, compare, trace),
    "Pass it on": (export, report),
}
"""The commands, in the order in which a user meets them."""

EXAMPLES = (
    ("equal init --demo && equal run", "the demo, from nothing to the closing table"),
    ("equal init && equal check", "a campaigns.yaml for your own documents"),
    ("equal preview", "what five documents yield and cost"),
    ("equal run --estimate", "documents, tokens and money, before a run"),
    ("equal review NAME", "accept, edit or reject the pairs of a campaign"),
)
ENVIRONMENT = (
    ("EQUAL_CAMPAIGNS", "another file in place of campaigns.yaml"),
    ("EQUAL_HOME", "another folder for results in place of .equal/"),
    ("EQUAL_LOCK_SECONDS", "longest wait for others at the warehouse"),
)


class EqualGroup(click.Group):
    """Prints the project's own errors without a traceback, and its help as a guide."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        atexit.register(silence_finalization)
        sys.unraisablehook = interrupt_again
        quiet_libraries()
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            end_interrupted("interrupted")
        except SettingsError as error:
            say_error(str(error))
            ctx.exit(WRONG_CALL)
        except EqualError as error:
            say_error(str(error))
            ctx.exit(FAILED)
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:
            if told := explain(error):
                say_error(str(told))
                ctx.exit(FAILED)
            if (clean := scrub(error)) is not error:
                raise clean from clean.__cause__
            raise

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order in which a user meets them."""
        return list(self.commands)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by chapter, examples, the environment, and the options."""
        limit = formatter.width
        for title, commands in CHAPTERS.items():
            rows = [(str(command.name), command.get_short_help_str(limit)) for command in commands]
            with formatter.section(title):
                formatter.write_dl(rows, col_max=limit)
        for title, told in (("Examples", EXAMPLES), ("Environment", ENVIRONMENT)):
            with formatter.section(title):
                formatter.write_dl(told, col_max=limit)
        click.Command.format_options(self, ctx, formatter)


@click.group(cls=EqualGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="equal-assets")
def main() -> None:
    """Choose the documents that deserve LLM tokens, and make instruction data from them.

    Campaigns (target, strategy, budget) are declared in campaigns.yaml of the current folder, or of
    a folder above it. `equal COMMAND --help` says more about a command.
    """


for command in [command for chapter in CHAPTERS.values() for command in chapter]:
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="equal")

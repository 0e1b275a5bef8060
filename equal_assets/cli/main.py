"""The ``equal`` command: everything it does is a Dagster run that the UI shows as well.

Exit codes: 0 done, 1 a step failed, 2 the settings or the call are wrong, 130 interrupted.
"""

from __future__ import annotations

import atexit
import signal
import sys
from importlib import import_module
from typing import Any

import click

from equal_assets.causes import explain
from equal_assets.cli.terminal import (
    FAILED,
    WRONG_CALL,
    end_interrupted,
    interrupt_again,
    log_as_json,
    say_error,
    silence_finalization,
)
from equal_assets.errors import EqualError, SettingsError
from equal_assets.secrets import scrub

CHAPTERS = {
    "Begin": {
        "init": "Write a campaigns.yaml for your documents and questions.",
        "check": "Check that all that campaigns.yaml names is there and usable.",
        "schema": "Print the JSON schema of campaigns.yaml.",
    },
    "Play": {
        "preview": "Show what a few documents yield, before a campaign is paid for.",
        "run": "Play campaigns to their end, resuming what is there.",
        "status": "Show rounds, budget, reward and accuracy of campaigns.",
        "retry": "Try again to extract documents that failed.",
        "rerun": "Play a campaign again from one of its rounds on.",
        "doctor": "Verify all stores of the project against each other.",
    },
    "See what came of it": {
        "ui": "Open the Dagster and MLflow pages of this project.",
        "review": "Read the pairs of a campaign, and accept, edit or reject them.",
        "pairs": "Print the pairs of a campaign's data set.",
        "diff": "Show where the data sets of two campaigns differ.",
        "compare": "Compare campaigns side by side at the same budget.",
        "trace": "Show where a QA pair comes from, and what became of it.",
    },
    "Pass it on": {
        "export": "Write the data set of a campaign for trainers, with its card.",
        "report": "Write what a campaign did and gained as one HTML file.",
    },
}
"""The commands, in the order in which a user meets them, with the first line of their help."""

ELSEWHERE = {
    "status": "run",
    "retry": "run",
    "rerun": "run",
    "report": "compare",
    "pairs": "examples",
    "diff": "examples",
}
"""Command -> module of this folder, where that has another name."""

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
    ("EQUAL_LOG_FORMAT", "json: the same as --log-format json"),
)


def load_command(name: str) -> click.Command:
    """Import a command, with what it needs."""
    module = import_module(f"equal_assets.cli.{ELSEWHERE.get(name, name)}")
    command: click.Command = getattr(module, name)
    return command


class EqualGroup(click.Group):
    """Prints the project's own errors without a traceback, and its help as a guide."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        atexit.register(silence_finalization)
        sys.unraisablehook = interrupt_again
        # a shell's script starts what it puts in the background so that it is deaf to SIGINT; in a
        # step Dagster hears it nevertheless: no one who sends it means only now and then
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from equal_assets.settings import quiet_libraries  # here: the help is shown without it

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
        return [name for chapter in CHAPTERS.values() for name in chapter]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, whose module is imported now; None if there is no such command."""
        return load_command(cmd_name) if cmd_name in self.list_commands(ctx) else None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by chapter, examples, the environment, and the options."""
        limit = formatter.width
        chapters = [(title, tuple(commands.items())) for title, commands in CHAPTERS.items()]
        for title, told in (*chapters, ("Examples", EXAMPLES), ("Environment", ENVIRONMENT)):
            with formatter.section(title):
                formatter.write_dl(told, col_max=limit)
        click.Command.format_options(self, ctx, formatter)


@click.group(cls=EqualGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="equal-assets")
@click.option(
    "--log-format",
    type=click.Choice(("text", "json")),
    default="text",
    envvar="EQUAL_LOG_FORMAT",
    help="json: one object a line, for machines; no bars and no colors.",
)
def main(log_format: str) -> None:
    """Choose the documents that deserve LLM tokens, and make instruction data from them.

    Campaigns (target, strategy, budget) are declared in campaigns.yaml of the current folder, or of
    a folder above it. `equal COMMAND --help` says more about a command.
    """
    if log_format == "json":
        log_as_json()


if __name__ == "__main__":
    main(prog_name="equal")

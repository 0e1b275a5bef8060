"""What people see and press: the console, progress bars, Ctrl-C, and what becomes an exit code."""

from __future__ import annotations

import _thread
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.text import Text

from equal_assets.cli.now_and_then import told_now_and_then
from equal_assets.pages.values import printable
from equal_assets.secrets import hide

if TYPE_CHECKING:
    from equal_assets.log_lines import LogLines

T = TypeVar("T")

FAILED, WRONG_CALL, INTERRUPTED = 1, 2, 130
"""Exit codes: a step failed, the settings or the call are wrong, Ctrl-C."""

REFRESHES_PER_SECOND = 4
"""Of the bars: drawing them takes some milliseconds of the core that works."""

PRESSED_AGAIN_SECONDS = 0.05

LINE_CHARACTERS = 120
"""Width of tables in the lines that are written for machines."""

QUIET = {"console": {"config": {"log_level": "CRITICAL"}}}
"""Dagster's lines repeat what is said anyway."""


class PlainConsole(Console):
    """Shows what it is given: a text of others moves no cursor and sets no title.

    Attributes
    ----------
    lines : LogLines or None
        Where it is written for machines instead.
    """

    lines: LogLines | None = None

    @property
    def is_terminal(self) -> bool:
        """Whether bars and colors can be shown."""
        return self.lines is None and super().is_terminal

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or write as the message of a line."""
        if self.lines is None:
            super().print(*objects, **options)
            return
        shown = PlainConsole(file=io.StringIO(), width=LINE_CHARACTERS)
        shown.print(*objects, **options)
        if text := shown.file.getvalue().strip("\n"):  # type: ignore[attr-defined]
            self.lines.write("info", text)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Render, with the controls in texts shown."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


console = PlainConsole()


def log_as_json() -> None:
    """From now on, write JSON objects in place of what people read, one a line."""
    from equal_assets.log_lines import lines_to_stdout

    console.lines = lines_to_stdout()
    console.width = LINE_CHARACTERS


def is_for_machines() -> bool:
    """Say whether JSON objects are written."""
    return console.lines is not None


def dagster_logs() -> dict[str, Any]:
    """Return the run config of Dagster's loggers: people see the lines of stages instead."""
    return {"json": {}} if is_for_machines() else QUIET


def say(text: str, to: PlainConsole = console) -> None:
    """Print a line as it is: a path or a command is not broken, a bracket is no style."""
    _say("info", "", text, to)


def say_error(text: str) -> None:
    """Print what went wrong."""
    _say("error", "[red]error:[/red] ", text, console)


def say_warning(text: str, to: PlainConsole = console) -> None:
    """Print what must not be missed."""
    _say("warning", "[bold yellow]warning:[/bold yellow] ", text, to)


def say_marked(mark: str, text: str) -> None:
    """Print a line after a mark, which is markup."""
    _say("info", f"{mark} ", text, console)


def _say(level: str, mark: str, text: str, to: PlainConsole) -> None:
    if to.lines is None:
        to.print(f"{mark}{escape(hide(text))}", highlight=False, soft_wrap=True)
    else:
        shown = Text.from_markup(mark).plain if level == "info" else ""
        to.lines.write(level, f"{shown}{text}")


def guarded(work: Callable[[], T]) -> T:
    """Run, turning interruptions and declared failures into a message and an exit code."""
    import dagster as dg

    _keep_from_helpers()
    try:
        return work()
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        end_interrupted("interrupted; what was finished is kept. `equal run` goes on from there.")
    except dg.Failure as failure:
        say_error(str(failure.description))
        raise SystemExit(FAILED) from failure


def end_interrupted(told: str) -> NoReturn:
    """End after Ctrl-C; pressed once more, it ends at once and without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    console.print(f"\n{told}")
    raise SystemExit(INTERRUPTED) from None


def _keep_from_helpers() -> None:
    """Keep Ctrl-C from what Dagster starts beside a step: each would print where it fell.

    Dagster ends these processes itself, and they end when it was killed.
    """
    from dagster._core.execution import compute_logs

    started = partial(subprocess.Popen, process_group=0)
    compute_logs.subprocess = SimpleNamespace(Popen=started)  # type: ignore[assignment]


@contextmanager
def _terminal() -> Iterator[PlainConsole]:
    """Yield a console that reaches the terminal while Dagster sends stdout to the log of a step."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as file:
        yield PlainConsole(file=file)


@contextmanager
def progress_bars() -> Iterator[Any]:
    """Show a bar for every step that reports progress; yield a function that prints a line.

    Without a terminal, a line a minute says how far a long step is. For machines, all of it
    are lines of the log.
    """
    from equal_assets.progress import listen

    if console.lines is not None:
        with listen(console.lines.progress, say_warning):
            yield console.lines.announce
        console.lines.end()
        return
    if not console.is_terminal:
        with told_now_and_then(partial(say, to=console)) as hear, listen(hear, say_warning):
            yield partial(_announce, to=console)
        return
    tasks: dict[str, TaskID] = {}
    with (
        _terminal() as terminal,
        Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[counted]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=terminal,
            transient=True,
            refresh_per_second=REFRESHES_PER_SECOND,
        ) as bars,
    ):

        def show(label: str, done: int, total: int, note: str) -> None:
            if label not in tasks:
                hide_all()
                tasks[label] = bars.add_task(label, total=total or None, note="", counted="")
            counted = f"{done:,}/{total:,}" if total else f"{done:,}"  # 0: nobody knows how many
            bars.update(
                tasks[label], completed=done, total=total or None, note=note, counted=counted
            )

        def hide_all() -> None:
            for finished in tasks.values():
                bars.update(finished, visible=False)

        def announce(line: str) -> None:
            hide_all()
            _announce(line, terminal)

        def warn(text: str) -> None:
            say_warning(text, terminal)

        with listen(show, warn):
            yield announce


def _announce(line: str, to: PlainConsole) -> None:
    to.print(f"[bold]{escape(line)}[/bold]", highlight=False, soft_wrap=True)


def silence_finalization() -> None:
    """Close stderr when all is said: DuckDB reports types that torch keeps alive as leaked."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def interrupt_again(dropped: Any) -> None:
    """Press Ctrl-C once more where it fell into a finalizer, in which Python drops it."""
    import dagster as dg

    if not issubclass(dropped.exc_type, (KeyboardInterrupt, dg.DagsterExecutionInterruptedError)):
        sys.__unraisablehook__(dropped)
        return
    # a moment later, from another thread: now it would fall into this function
    again = threading.Timer(PRESSED_AGAIN_SECONDS, _thread.interrupt_main)
    again.daemon = True
    again.start()

import io
import logging
import time
from contextlib import nullcontext

from rich.progress import Progress
from rich.table import Table

from equal_assets.cli import terminal
from equal_assets.cli.terminal import PlainConsole, say_warning
from equal_assets.progress import report


def test_long_step_is_told_now_and_then_where_no_terminal_shows_a_bar(monkeypatch):
    file, now = io.StringIO(), [0.0]
    monkeypatch.setattr(terminal, "console", PlainConsole(file=file, width=60))
    monkeypatch.setattr(terminal.time, "monotonic", lambda: now[0])
    with terminal.progress_bars():
        progress = report(logging.getLogger("test"), "extract [x]")
        for done in range(5):
            progress(done, 4, f"{done}00 tokens")
            now[0] += 40.0
    told = [line for line in file.getvalue().splitlines() if "extract" in line]
    assert told == [
        "  extract [x]: 2 of 4 (200 tokens)",
        "  extract [x]: 4 of 4 (400 tokens)",
    ]


def test_bar_without_a_known_end_shows_what_is_done(monkeypatch):
    file = io.StringIO()
    shown = PlainConsole(file=file, width=90, force_terminal=True)
    monkeypatch.setattr(terminal, "_terminal", lambda: nullcontext(shown))
    with terminal.progress_bars():
        report(logging.getLogger("test"), "read")(4_000, 0)
        report(logging.getLogger("test"), "embed")(20, 1_000)
        time.sleep(0.2)
    bars = file.getvalue()
    assert "20/1,000" in bars
    assert "/?" not in bars


def test_text_of_others_moves_no_cursor_and_keeps_its_secrets(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "k1e2y3-4567")
    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=True, width=60)
    table = Table(title="\x1b]0;owned\x07title")
    table.add_row("cell \x1b[2J", "\u202ereversed \x9b31m")
    console.print(table)
    with Progress(console=console) as bars:
        bars.add_task("label \x1b[1A", total=1)
    say_warning("k1e2y3-4567 \x1b[8m[red]hidden", to=console)
    shown = file.getvalue()
    for escape in ("\x1b]0;owned", "\x1b[2J", "\x9b", "\u202e", "label \x1b[1A", "\x1b[8m"):
        assert escape not in shown
    assert "␛" in shown
    assert "[SOME_API_KEY] ␛[8m[red]hidden" in shown
    assert "\x1b[" in shown  # its own styles

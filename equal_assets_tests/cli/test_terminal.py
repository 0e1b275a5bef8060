import io
import logging
import time
from contextlib import nullcontext

from rich.progress import Progress
from rich.table import Table

from equal_assets.cli import now_and_then, terminal
from equal_assets.cli.terminal import PlainConsole, say_warning
from equal_assets.progress import report


def test_long_step_is_told_once_a_minute_where_no_terminal_shows_a_bar(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(terminal, "console", PlainConsole(file=file, width=60))
    monkeypatch.setattr(now_and_then, "TELL_EVERY_SECONDS", 0.02)
    with terminal.progress_bars() as announce:
        announce("round [1]")
        report(logging.getLogger("test"), "extract [x]")(2, 4, "200 tokens")
        until = time.monotonic() + 10
        while "extract" not in file.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
    assert file.getvalue().splitlines()[:2] == ["round [1]", "  extract [x]: 2 of 4 (200 tokens)"]


def test_bar_without_a_known_end_shows_what_is_done(monkeypatch):
    file = io.StringIO()
    shown = PlainConsole(file=file, width=90, force_terminal=True)
    monkeypatch.setattr(terminal, "console", shown)
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

"""Lines of JSON: of stages, progress and Python's loggers; Dagster's are in `test_end_to_end`."""

import io
import json
import logging
import re

import pytest
from rich.table import Table

from equal_assets import log_lines
from equal_assets.cli import terminal
from equal_assets.cli.terminal import PlainConsole, progress_bars, say, say_error, say_marked
from equal_assets.log_lines import LineHandler, LogLines
from equal_assets.progress import report, warn

LOG = logging.getLogger("test_log_lines")


@pytest.fixture
def written(monkeypatch):
    """Return a function that returns the lines so far; what is said goes to them."""
    file = io.StringIO()
    console = PlainConsole(file=io.StringIO())
    console.lines = LogLines(file)
    monkeypatch.setattr(terminal, "console", console)
    for function in (terminal.say, terminal.say_warning):
        monkeypatch.setattr(function, "__defaults__", (console,))
    yield lambda: [json.loads(line) for line in file.getvalue().splitlines()]
    assert console.file.getvalue() == ""


def without_time(line):
    return {name: value for name, value in line.items() if name != "time"}


def test_line_is_an_object_with_time_level_and_message(written):
    say("wrote [x].csv")
    say_error("no such file")
    say_marked("[green]ok[/green]", "the corpus")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written()[0]["time"])
    assert [without_time(line) for line in written()] == [
        {"level": "info", "message": "wrote [x].csv"},
        {"level": "error", "message": "no such file"},
        {"level": "info", "message": "ok the corpus"},
    ]


def test_table_is_one_line_without_colors(written):
    table = Table(title="Campaigns")
    table.add_row("[red]mine[/red]", "[bold]1[/bold]")
    terminal.console.print(table)
    terminal.console.print()
    [line] = written()
    assert line["message"].startswith("Campaigns")
    assert "mine" in line["message"]
    assert "\x1b" not in line["message"]


def test_stage_stands_for_the_lines_after_it_until_the_last(written):
    with progress_bars() as announce:
        announce("prepare the corpus: documents, clusters")
        announce("3 documents; left out: 2")  # a result, no stage
        announce("mine: rounds 2 to 10")
        warn(LOG, "the server is slow")
    say("Done in 3 s.")
    told = [(line.get("campaign"), line.get("stage"), line["level"]) for line in written()]
    assert told == [
        (None, "prepare the corpus", "info"),
        (None, "prepare the corpus", "info"),
        ("mine", "rounds 2 to 10", "info"),
        ("mine", "rounds 2 to 10", "warning"),
        (None, None, "info"),
    ]


def test_progress_is_told_in_numbers_now_and_then_and_at_its_end(written, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(log_lines.time, "monotonic", lambda: now[0])
    with progress_bars():
        progress = report(LOG, "mine round 3: extract")
        for done in range(0, 5_000, 1_000):
            progress(done, 4_000, f"{done} tokens")
            now[0] += 3.0
        progress(4_000, 4_000, "at its end, again")
        report(LOG, "read the corpus")(7, 0)
        now[0] += 6.0
        report(LOG, "read the corpus")(9, 0)
    assert [without_time(line) for line in written()] == [
        {
            "level": "info",
            "message": f"mine round 3: extract: {done:,} of 4,000 ({done} tokens)",
            "campaign": "mine",
            "round": 3,
            "stage": "extract",
            "done": done,
            "total": 4_000,
            "note": f"{done} tokens",
        }
        for done in (2_000, 4_000)
    ] + [{"level": "info", "message": "read the corpus: 9", "stage": "read the corpus", "done": 9}]


def test_library_speaks_in_lines_and_nothing_is_told_twice(written):
    handler = LineHandler(terminal.console.lines)
    LOG.addHandler(handler)
    try:
        LOG.warning("\x1b[31mold\x1b[0m %s", "weights")
        with progress_bars():
            warn(LOG, "once")
        warn(LOG, "nobody listens")
    finally:
        LOG.removeHandler(handler)
    assert [(line["message"], line.get("logger")) for line in written()] == [
        ("old weights", "test_log_lines"),
        ("once", None),
        ("nobody listens", "test_log_lines"),
    ]


def test_secrets_are_hidden(written, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "k1e2y3-4567")
    say("the key is k1e2y3-4567")
    assert written()[0]["message"] == "the key is [SOME_API_KEY]"

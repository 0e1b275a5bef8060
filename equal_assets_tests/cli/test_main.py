"""`equal --help` as people read it, at 80 columns."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from equal_assets.cli.docs import cli_reference
from equal_assets.cli.main import CHAPTERS, load_command, main
from equal_assets_tests.project import REPOSITORY

COMMANDS = [load_command(name) for chapter in CHAPTERS.values() for name in chapter]


def helped(*arguments):
    done = CliRunner().invoke(main, [*arguments, "--help"], terminal_width=80)
    assert done.exit_code == 0, done.output
    return done.output


def test_commands_are_listed_once_by_chapter_and_in_the_order_of_use():
    lines = helped().splitlines()
    assert [line[:-1] for line in lines if line[:-1] in CHAPTERS] == list(CHAPTERS)
    names = [command.name for command in COMMANDS]
    assert [line.split()[0] for line in lines if line[2:].split(" ")[0] in names] == names
    assert names.index("init") < names.index("check") < names.index("run") < names.index("export")
    assert names == [name for chapter in CHAPTERS.values() for name in chapter]


def test_guide_cuts_no_help_and_prints_no_escapes():
    shown = helped()
    assert "..." not in shown.replace("[ARGS]...", "")
    assert "\b" not in shown
    for command in COMMANDS:
        first = command.help.splitlines()[0]
        (line,) = [x for x in shown.splitlines() if x.split()[:1] == [command.name]]
        assert line.split(maxsplit=1)[1] == first


@pytest.mark.parametrize("name", ["", *(command.name for command in COMMANDS)])
def test_help_fits_a_terminal(name):
    lines = helped(*([name] if name else [])).splitlines()
    assert max(map(len, lines)) <= 80


def test_reference_is_current():
    assert (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8") == cli_reference()


def test_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "equal_assets.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("equal, version ")


# Completion


def completed(words, folder):
    """Return what bash is offered for the last of words."""
    environment = {**os.environ, "_EQUAL_COMPLETE": "bash_complete"}
    environment.pop("EQUAL_CAMPAIGNS", None)
    environment |= {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "equal_assets.cli"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_campaigns_are_completed_once_each(tmp_path):
    (tmp_path / "campaigns.yaml").write_text("campaigns: {equal: {}, equal-paper: {}, random: {}}")
    assert completed(["equal", "run", "eq"], tmp_path) == ["equal", "equal-paper"]
    assert completed(["equal", "run", "equal", "eq"], tmp_path) == ["equal-paper"]
    assert completed(["equal", "trace", "--campaign", "r"], tmp_path) == ["random"]
    assert completed(["equal", "ex"], tmp_path) == ["export"]


@pytest.mark.parametrize("text", [None, "campaigns: [", "[]", "campaigns: 3", "a: b"])
def test_completion_is_silent_where_there_is_nothing_to_read(text, tmp_path):
    if text is not None:
        (tmp_path / "campaigns.yaml").write_text(text)
    assert completed(["equal", "export", ""], tmp_path) == []

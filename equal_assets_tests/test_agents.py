"""What coding agents read: links lead somewhere, commands are ones that `equal` takes."""

import re
import shlex
from pathlib import Path
from typing import get_args

import click
import pytest
import yaml

from equal_assets.cli.main import load_command, main
from equal_assets.resources.verdicts import Said
from equal_assets.settings import load_settings

REPOSITORY = Path(__file__).resolve().parents[1]
INDEX = (REPOSITORY / "llms.txt").read_text(encoding="utf-8")
SKILL_FILE = REPOSITORY / "skills" / "equal-assets" / "SKILL.md"
SKILL = SKILL_FILE.read_text(encoding="utf-8")
HEAD, BODY = re.fullmatch(r"---\n(.*?)\n---\n(.*)", SKILL, re.DOTALL).groups()
LINK = re.compile(r"- \[([^\]]+)\]\(([^)\s]+)\): (\S.*)")


def commands(text):
    """Return all commands in a text: lines of shell blocks, and code within sentences."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    within = re.findall(r"`(equal [^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S))
    return list(dict.fromkeys(line for line in [*lines, *within] if line))


def parsed(command):
    """Return the name of a command, its options and arguments; raise UsageError if it is wrong."""
    program, *words = shlex.split(command)
    assert program == "equal", command
    group = click.Context(main, info_name="equal", **main.context_settings)
    _, left, _ = main.make_parser(group).parse_args(words)
    name, *arguments = left
    context = click.Context(load_command(name), parent=group, info_name=name)
    given, extra, _ = context.command.make_parser(context).parse_args(arguments)
    assert extra == [], command
    return name, given


def test_wrong_commands_are_seen():
    with pytest.raises(click.UsageError):
        parsed("equal run --no-such-option")
    with pytest.raises(click.UsageError):
        parsed("equal --no-such-option run")
    with pytest.raises(AssertionError):
        parsed("equal check one")
    assert parsed("equal --log-format json preview mine --documents 5") == (
        "preview",
        {"campaign": "mine", "documents": "5"},
    )
    assert commands("see `equal a`\n```sh\nequal b\n```\n`equal\nc`") == ["equal b", "equal a"]


@pytest.mark.parametrize("command", commands(BODY) + commands(INDEX))
def test_command_is_one_that_equal_takes(command):
    parsed(command)


def test_skill_leads_from_files_to_a_data_set():
    named = [parsed(command)[0] for command in commands(BODY)]
    assert {"init", "check", "preview", "run", "status", "review", "export"} <= set(named)


def test_skill_is_found_by_its_name_and_says_when_to_use_it():
    head = yaml.safe_load(HEAD)
    assert head["name"] == SKILL_FILE.parent.name
    assert re.fullmatch(r"[a-z0-9-]{1,64}", head["name"])
    assert "Use it when" in head["description"]
    assert len(head["description"]) <= 1024
    assert head.keys() <= {"name", "description", "license"}
    assert len(SKILL.splitlines()) < 500


def test_campaigns_of_the_skill_can_be_read(tmp_path, monkeypatch):
    [block] = re.findall(r"^```yaml\n(.*?)^```$", BODY, re.MULTILINE | re.DOTALL)
    monkeypatch.setenv("LLM_API_KEY", "k")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("A page.", encoding="utf-8")
    for split in ("reference", "test"):
        pair = f'{{"question": "{split}?", "answer": "yes"}}\n'
        (tmp_path / f"{split}.jsonl").write_text(pair, encoding="utf-8")
    (tmp_path / "campaigns.yaml").write_text(block, encoding="utf-8")
    settings = load_settings(tmp_path / "campaigns.yaml")
    assert settings.campaigns.keys() == {"mine", "mine-random"}


def test_verdicts_are_called_as_the_files_have_them():
    [named] = re.findall(r"column `verdict` with (.*?), and", BODY)
    assert re.findall(r"`(\w+)`", named) == [*get_args(Said)]


def test_pages_that_the_skill_names_exist():
    named = re.findall(r"`(docs/[^`]+)`", BODY)
    assert named
    assert [page for page in named if not (REPOSITORY / page).is_file()] == []


def test_index_has_the_shape_that_readers_of_llms_txt_expect():
    lines = [line for line in INDEX.splitlines() if line]
    assert lines[0] == "# equal-assets"
    assert lines[1].startswith("> ")
    first = lines.index("## Begin")
    assert not [line for line in lines[2:first] if line.startswith("#")]
    wrong = [line for line in lines[first:] if not (line.startswith("## ") or LINK.fullmatch(line))]
    assert wrong == []
    assert [line for line in lines if line.startswith("## ")][-1] == "## Optional"


def test_links_of_the_index_lead_somewhere_and_stand_there_once():
    targets = [found[2] for found in LINK.finditer(INDEX)]
    assert len(targets) > 15
    assert len(set(targets)) == len(targets)
    assert [target for target in targets if not (REPOSITORY / target).is_file()] == []

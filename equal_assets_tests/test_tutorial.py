"""The commands of docs/tutorial.md, run as they stand there, in the order in which they stand."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = (REPOSITORY / "docs" / "tutorial.md").read_text(encoding="utf-8")
CAMPAIGNS, WITH_AN_LLM = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def blocks():
    """Return the commands of each console block, with what the page shows of their output."""
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        yield [
            (command, shown.splitlines())
            for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
        ]


def script(folder):
    """Return a shell script of all commands; each is followed by a line that ends its output."""
    lines = ["set -euo pipefail", f"cd {folder}/equal-assets"]
    for commands in blocks():
        for command, _ in commands:
            if command == "equal check":  # campaigns.yaml is written by hand before it
                lines.append(f"cp {folder}/campaigns.yaml .")
            lines += [command, "echo '--- done'"]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory, models):
    folder = tmp_path_factory.mktemp("tutorial")
    clone = folder / "equal-assets"
    for path in ("examples/tutorial", "equal_assets/demo"):
        shutil.copytree(REPOSITORY / path, clone / path)
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(REPOSITORY / name, clone)
    (folder / "campaigns.yaml").write_text(CAMPAIGNS, encoding="utf-8")
    shutil.copytree(models, folder / "my-project" / ".equal" / "models")  # made once for all tests
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("EQUAL_", "DAGSTER"))}
    run = subprocess.run(
        ["bash", "-c", script(folder).replace("mkdir ../", "mkdir -p ../")],
        env={
            **environment,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # as activated
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(folder / "hf"),
            "COLUMNS": "120",
        },
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    commands = [command for block in blocks() for command in block]
    printed = run.stdout.split("--- done\n")
    assert len(printed) == len(commands) + 1
    return {command: (shown, out) for (command, shown), out in zip(commands, printed, strict=False)}


@pytest.mark.slow
def test_every_command_does_what_it_says(outputs):
    assert len(outputs) > 10
    assert "all there: `equal run` can start" in outputs["equal check"][1]
    assert "Done in" in outputs["equal run"][1]


@pytest.mark.slow
def test_output_on_the_page_is_what_the_commands_print(outputs):
    for command, (shown, printed) in outputs.items():
        missing = [line for line in shown if line not in printed.splitlines() and line != "..."]
        assert not missing, f"{command}: {missing}"


@pytest.mark.slow
def test_pairs_came_out_of_every_kind_of_document(outputs):
    (traced,) = (out for command, (_, out) in outputs.items() if command.startswith("equal trace"))
    assert "documents/" in traced


def test_what_the_last_step_adds_is_valid(tmp_path, monkeypatch):
    from equal_assets.settings import load_settings

    monkeypatch.chdir(tmp_path)
    settings, added = yaml.safe_load(CAMPAIGNS), yaml.safe_load(WITH_AN_LLM)
    settings["extractor"] = added["extractor"]
    settings["campaigns"]["first"] |= added["campaigns"]["first"]
    settings["campaigns"]["at-random"] |= added["campaigns"]["first"]
    (tmp_path / "documents").mkdir()
    for name in ("reference.jsonl", "test.jsonl"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "campaigns.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert load_settings(tmp_path / "campaigns.yaml").campaigns["first"].budget_tokens == 2_000_000

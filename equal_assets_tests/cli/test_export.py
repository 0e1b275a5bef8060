"""`equal export` as users type it."""

import json
import os
import re
import subprocess
import sys

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

from equal_assets.cli import terminal
from equal_assets.cli.export import named_formats
from equal_assets.cli.main import main
from equal_assets.errors import ExportError


def equal(stored, *arguments) -> subprocess.CompletedProcess:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("EQUAL_", "DAGSTER"))}
    return subprocess.run(
        [sys.executable, "-m", "equal_assets.cli.main", "export", *arguments],
        cwd=stored.folder,
        env={**inherited, "COLUMNS": "200", "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_formats_may_be_repeated_and_parted_by_commas():
    assert named_formats(["alpaca,messages", "parquet", "alpaca"]) == [
        "alpaca",
        "messages",
        "parquet",
    ]
    assert named_formats([]) == []


@pytest.mark.parametrize("given", ["jsonl", "messages,", "messages;alpaca"])
def test_unknown_format_is_refused_with_those_that_are_known(given):
    with pytest.raises(ExportError, match="must be messages, sharegpt, alpaca, prompt-comp"):
        named_formats([given])


@pytest.fixture
def typed(stored, monkeypatch):
    """A function that runs the command in this process."""
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(stored.campaigns_file))
    monkeypatch.setenv("EQUAL_HOME", str(stored.folder / ".equal"))
    monkeypatch.setattr(terminal.console, "width", 200)
    return lambda *arguments: CliRunner().invoke(main, ["export", *arguments])


def test_command_exports_by_the_settings_and_prints_what_it_wrote(stored, typed):
    given = yaml.safe_load(stored.campaigns_file.read_text(encoding="utf-8"))
    given["export"] = {"formats": ["alpaca"], "validation": 0.2}
    stored.campaigns_file.write_text(yaml.safe_dump(given), encoding="utf-8")
    folder = stored.folder / ".equal" / "exports" / "rivers"
    done = typed("rivers")
    assert done.exit_code == 0, done.output
    assert f"in {folder}:" in done.output
    assert set(json.loads((folder / "manifest.json").read_text())["files"]) == {
        *("README.md", "dataset_info.json", "reward_curve.png"),
        *("alpaca/train.jsonl", "alpaca/validation.jsonl"),
    }
    assert "2 examples of 1 documents" in done.output
    told = "validation has 2 of 9 examples (22.2%), in whole documents; its share is 20%"
    assert told in done.output
    assert re.search(r"^  alpaca/train.jsonl +7 rows$", done.output, re.MULTILINE)


def test_pairs_that_nobody_judged_are_told_of_once_others_are(stored, typed):
    assert "without a verdict" not in typed("rivers").output
    with stored.warehouse.get_connection() as connection:
        connection.execute(
            "insert into verdicts by name select 'rivers' as campaign, 'q0' as qa_id, "
            "'accepted' as verdict, 'anna' as reviewer, now() as reviewed_at"
        )
    done = typed("rivers")
    assert done.exit_code == 0, done.output
    told = "rivers: 8 pairs of 9 in the data set without a verdict; `equal review rivers` shows"
    assert told in done.output


def test_keys_are_left_out_by_the_option_else_by_the_settings(stored, typed):
    given = yaml.safe_load(stored.campaigns_file.read_text(encoding="utf-8"))
    given["export"] = {"formats": ["alpaca"], "leave_out": ["qa_id"]}
    stored.campaigns_file.write_text(yaml.safe_dump(given), encoding="utf-8")
    file = stored.folder / ".equal" / "exports" / "rivers" / "alpaca" / "train.jsonl"
    assert typed("rivers").exit_code == 0
    assert "qa_id" not in file.read_text(encoding="utf-8")
    assert typed("rivers", "--without", "url,round").exit_code == 0
    assert "qa_id" in file.read_text(encoding="utf-8")
    refused = typed("rivers", "--without", "question")
    assert refused.exit_code != 0
    assert "--without question: must be qa_id, document_id, page, source" in refused.output


def test_options_come_before_the_settings(stored, typed):
    out = stored.folder / "out"
    done = typed("rivers", "--format", "messages", "--validation", "0", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert [path.name for path in (out / "messages").iterdir()] == ["train.jsonl"]
    card = (out / "README.md").read_text(encoding="utf-8")
    (config,) = yaml.safe_load(card.split("---\n")[1])["configs"]
    assert config["data_files"] == [{"split": "train", "path": "messages/train.jsonl"}]
    assert "No example is set aside for validation" in card


def test_student_is_written_as_a_whole_model_into_a_new_folder(stored, typed, base):
    folder = stored.folder / "student"
    lacking = typed("rivers", "--student", str(folder))
    assert "campaign rivers has no tuned student: `equal run rivers` tunes it" in " ".join(
        lacking.output.split()
    )
    counted = dict.fromkeys(("n_examples", "n_tokens", "n_parameters"), 1)
    measured = dict.fromkeys(("flops", "loss_first", "loss_last", "seconds"), 1.0)
    row = {"campaign": "rivers", "path": str(base), "base_path": str(base), **counted, **measured}
    row |= {"mlflow_run_id": "run", "mlflow_model_id": "model"}
    with stored.warehouse.transaction() as transaction:
        transaction.replace("fine_tuned_student", pl.DataFrame([row]), campaign="rivers")
    done = typed("rivers", "--student", str(folder))
    assert done.exit_code == 0, done.output
    assert f"student in {folder}:" in done.output
    assert {"model.safetensors", "chat_template.jinja"} < {file.name for file in folder.iterdir()}
    again = typed("rivers", "--student", str(folder))
    assert again.exit_code != 0
    assert "must be a new or empty folder" in " ".join(again.output.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nile"], "no campaign nile in campaigns.yaml; there are: rivers, idle"),
        (["rivers", "--validation", "0.7"], "0.7 is not in the range 0"),
        (["rivers", "--public"], "--public needs --push"),
    ],
)
def test_wrong_call_is_told_with_what_is_allowed(arguments, message, typed):
    done = typed(*arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


@pytest.mark.slow
def test_export_of_another_process_is_byte_identical_and_stored_in_mlflow(stored, export):
    done = equal(stored, "rivers", "--mlflow", "--format", "alpaca", "--format", "parquet")
    assert done.returncode == 0, done.stdout + done.stderr
    written = stored.folder / ".equal" / "exports" / "rivers"
    logged = list((stored.folder / ".equal" / "mlartifacts").glob("*/artifacts/export/*.json"))
    assert {path.name for path in logged} == {"manifest.json", "dataset_info.json"}
    here = export(stored.folder / "out", of=stored, formats=("alpaca", "parquet"), validation=0.05)
    for name in here.files:
        assert (here.folder / name).read_bytes() == (written / name).read_bytes(), name


@pytest.mark.slow
def test_refusal_is_a_line_and_an_exit_code(stored):
    done = equal(stored, "idle")
    assert done.returncode == 1
    assert "error: campaign idle has no data set yet: `equal run idle` makes it" in done.stdout
    assert "Traceback" not in done.stderr

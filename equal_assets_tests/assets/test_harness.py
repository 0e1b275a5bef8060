"""The asset `harness_accuracy` of a micro student: tables, MLflow, and when nothing is asked."""

import json

import dagster as dg
import polars as pl
import pytest
import yaml

from equal_assets.assets.harness import harness_accuracy
from equal_assets.cli.runner import Runner
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.tracking import FINGERPRINT_TAG
from equal_assets.settings import load_settings
from equal_assets.versions import is_current, stored_versions
from equal_assets_tests import harness_tasks
from equal_assets_tests.conftest import TINY

CAMPAIGN = "random"
STUDENT = {
    "mlflow_run_id": "run",
    "mlflow_model_id": "model",
    "n_examples": 160,
    "n_tokens": 1,
    "n_parameters": 1,
    "flops": 1.0,
    "loss_first": 2.0,
    "loss_last": 1.0,
    "seconds": 1.0,
}


def write_campaigns(folder, **harness):
    settings = yaml.safe_load(TINY.read_text())
    target = settings["targets"]["python-libraries"]
    for split, path in target.items():
        target[split] = str((TINY.parent / path).resolve())
    settings["evaluation"] = {"harness": harness}
    path = folder / "campaigns.yaml"
    path.write_text(yaml.safe_dump(settings))
    return CampaignsFile(path=str(path), state_folder=str(folder))


@pytest.fixture
def tuned(warehouse, base, tuning, tmp_path):
    """A warehouse in which one campaign has a student, and an MLflow run of its own."""
    paths = {"campaign": CAMPAIGN, "path": str(tuning.path), "base_path": str(base)}
    with warehouse.transaction() as transaction:
        start = {"campaign": CAMPAIGN, "fingerprint": tmp_path.name, "settings": "{}"}
        transaction.insert("campaign_settings", pl.DataFrame([start]))
        transaction.insert("fine_tuned_student", pl.DataFrame([{**paths, **STUDENT}]))
        transaction.record("fine_tuned_student", partition=CAMPAIGN, inputs=1, seconds=1.0)
    return warehouse


def materialize(warehouse, campaigns, tracker):
    return harness_accuracy(
        context=dg.build_asset_context(partition_key=CAMPAIGN),
        warehouse=warehouse,
        campaigns=campaigns,
        tracker=tracker,
    )


def table(warehouse, name):
    with warehouse.get_connection() as connection:
        return connection.sql(f"select * from {name} order by all").pl()


def test_base_and_tuned_stand_side_by_side_and_every_item_is_kept(tuned, tracker, tmp_path):
    tasks = harness_tasks.write(tmp_path / "tasks")
    campaigns = write_campaigns(tmp_path, tasks=["facts"], include_path="tasks", limit=6)
    result = materialize(tuned, campaigns, tracker)
    rows, items = table(tuned, "harness_accuracy"), table(tuned, "harness_items")
    assert rows.select("task", "metric", "n").rows() == [
        ("facts", "acc", 6),
        ("facts_choice", "acc", 6),
        ("facts_choice", "acc_mutual_info", 6),
        ("facts_generated", "exact_match/flexible", 6),
        ("facts_generated", "exact_match/strict", 6),
    ]
    assert len(items) == 2 * 3 * 6  # students, tasks and their filters, questions
    strict = rows.row(by_predicate=pl.col("metric") == "exact_match/strict", named=True)
    for student in ("base", "tuned"):
        judged = items.filter(student=student, filter="strict")["verdict"]
        mean = sum(json.loads(verdict)["exact_match"] for verdict in judged) / 6
        assert strict[student] == pytest.approx(mean)
    assert strict["tuned"] > strict["base"]
    assert "| facts_choice | acc |" in result.metadata["lm-eval"].value
    assert is_current(
        "harness_accuracy", campaigns.load(), stored_versions(tuned), campaign=CAMPAIGN
    )
    (tasks / "facts.jsonl").write_text("")
    assert not is_current(
        "harness_accuracy", campaigns.load(), stored_versions(tuned), campaign=CAMPAIGN
    )


def test_metrics_are_in_the_mlflow_run_of_the_campaign(tuned, tracker, tmp_path):
    from mlflow import MlflowClient

    harness_tasks.write(tmp_path / "tasks")
    campaigns = write_campaigns(tmp_path, tasks=["facts_choice"], include_path="tasks", limit=2)
    materialize(tuned, campaigns, tracker)
    client = MlflowClient(tracking_uri=tracker.uri)
    (experiment,) = client.search_experiments(filter_string=f"name = '{tracker.experiment}'")
    mine = f"tags.`{FINGERPRINT_TAG}` = '{tmp_path.name}'"
    (run,) = client.search_runs([experiment.experiment_id], mine)
    rows = table(tuned, "harness_accuracy")
    assert run.data.metrics == {
        f"student_harness/facts_choice/{metric}{suffix}": rows.filter(metric=metric)[student][0]
        for suffix, student in (("", "tuned"), ("_untuned", "base"))
        for metric in ("acc", "acc_mutual_info")
    }


def test_where_no_task_is_named_nothing_is_run_and_earlier_rows_are_gone(tuned, tracker, tmp_path):
    row = {"campaign": CAMPAIGN, "task": "t", "metric": "m", "base": 0.0, "tuned": 0.0, "n": 1}
    with tuned.transaction() as transaction:
        transaction.insert("harness_accuracy", pl.DataFrame([row]))
    result = materialize(tuned, write_campaigns(tmp_path), tracker)
    assert table(tuned, "harness_accuracy").is_empty()
    assert table(tuned, "harness_items").is_empty()
    assert result.metadata["tasks"] == "none: evaluation.harness names none"


class Recorder(Runner):
    """Announces the stages and runs none."""

    def _stage(self, label, assets, *, campaign=""):
        self.announce(", ".join(assets))
        return 0

    def _rounds(self, name):
        return 0


@pytest.mark.parametrize(("tasks", "is_run"), [([], False), (["gsm8k"], True)])
def test_campaigns_are_played_with_lm_eval_only_where_a_task_is_named(
    tasks, is_run, warehouse, instance, tmp_path
):
    write_campaigns(tmp_path, tasks=tasks)
    settings = load_settings(tmp_path / "campaigns.yaml")
    stages = []
    Recorder(instance, warehouse, settings, announce=stages.append).run([CAMPAIGN])
    assert ("harness_accuracy" in stages) is is_run

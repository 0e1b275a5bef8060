import json
from pathlib import Path

import polars as pl
import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from equal_assets.resources import tracking
from equal_assets.resources.tracking import (
    BY_TOKENS,
    COLUMNS,
    ROUND_METRICS,
    Tracker,
    TrainingData,
    build_tracker,
)
from equal_assets.settings import TrackingSettings

SETTINGS = {
    "settings": {"campaign": {"strategy": "random", "seed": 0}, "corpus": {"max_documents": None}},
    "upstream": {"documents": "v1"},
}


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def tracker(state):
    return build_tracker(TrackingSettings(experiment="tests"), state)


@pytest.fixture(scope="module")
def client(state):
    return MlflowClient(tracking_uri=f"sqlite:///{state / 'mlflow.db'}")


def curve(n_rounds, *, campaign="demo"):
    rows = [
        {
            "campaign": campaign,
            "round": number,
            "n_pulls": 2,
            "mean_reward": -1.0 / number,
            "best_reward": -0.5 / number,
            "target_coverage": 0.5 * number,
            "random_coverage": 0.25 * number,
            "near_pairs": number,
            "random_near_pairs": 0.5 * number,
            "pool_ot_cost": None if number == 1 else 1.0 / number,
            "pool_pairs": 3 * number,
            "documents": 10 * number,
            "tokens": 100 * number,
            "paid_tokens": 50 * number,
            "cost": 0.25 * number,
            "paid_cost": 0.125 * number,
            "n_cached": number,
            "n_failed": 0,
            "n_rejected": 2 * number,
            "n_requests": 20,
            "n_tries": 22,
            "latency_seconds": None if number == 1 else 1.5,
            "seconds": 0.5,
        }
        for number in range(1, n_rounds + 1)
    ]
    return pl.DataFrame(
        rows, schema_overrides={"pool_ot_cost": pl.Float64, "latency_seconds": pl.Float64}
    )


def logged(client, run_id, name):
    history = client.get_metric_history(run_id, name)
    return sorted((metric.step, metric.value) for metric in history)


def test_tracker_is_a_file_in_the_state_folder_unless_another_store_is_named(tmp_path):
    local = build_tracker(TrackingSettings(), tmp_path)
    assert local.uri == f"sqlite:///{tmp_path / 'mlflow.db'}"
    named = build_tracker(TrackingSettings(uri="http://host:5000", experiment="e"), tmp_path)
    assert (named.uri, named.experiment) == ("http://host:5000", "e")


def test_page_of_a_run_is_that_of_its_experiment(tracker, client):
    run_id = tracker.campaign_run("linked", "f1", {})
    experiment = client.get_experiment_by_name("tests").experiment_id
    expected = f"{tracker.pages}/#/experiments/{experiment}/runs/{run_id}"
    assert tracker.run_url(run_id) == expected


def test_description_replaces_the_one_before_and_leaves_other_tags(tracker, client):
    run_id = tracker.campaign_run("described", "f1", {})
    for state in ("round 1 of 3", "ended"):
        tracker.describe(run_id, {"equal.state": state}, f"- state: {state}")
    tags = client.get_run(run_id).data.tags
    assert (tags["equal.state"], tags["mlflow.note.content"]) == ("ended", "- state: ended")
    assert tags["equal.campaign"] == "described"


def test_text_file_is_replaced(tracker, client):
    run_id = tracker.campaign_run("texts", "f1", {})
    for text in ("old", "new"):
        tracker.log_text(run_id, text, "report.html")
    path = download_artifacts(run_id=run_id, artifact_path="report.html", tracking_uri=tracker.uri)
    assert Path(path).read_text() == "new"


def test_database_folder_is_made(tracker, client, state):
    tracker.campaign_run("folder", "f1", {})
    assert (state / "mlflow.db").is_file()
    experiment = client.get_experiment_by_name("tests")
    assert experiment.artifact_location == (state / "mlartifacts").as_uri()


def test_same_campaign_and_fingerprint_are_the_same_run_in_any_process(tracker):
    first = tracker.campaign_run("same", "f1", SETTINGS)
    assert tracker.campaign_run("same", "f1", SETTINGS) == first
    another = Tracker(**{name: getattr(tracker, name) for name in type(tracker).model_fields})
    assert another.campaign_run("same", "f1", SETTINGS) == first


def test_other_fingerprint_or_other_campaign_is_another_run(tracker):
    runs = {
        tracker.campaign_run(campaign, fingerprint, SETTINGS)
        for campaign in ("other-a", "other-b")
        for fingerprint in ("f1", "f2")
    }
    assert len(runs) == 4


def test_run_is_named_and_tagged_and_left_open(tracker, client):
    run = client.get_run(tracker.campaign_run("named", "f7", SETTINGS))
    assert run.info.run_name == "named"
    assert run.info.status == "RUNNING"
    assert run.data.tags["equal.campaign"] == "named"
    assert run.data.tags["equal.fingerprint"] == "f7"


def test_nested_settings_are_flattened_into_parameters(tracker, client):
    run = client.get_run(tracker.campaign_run("nested", "f1", SETTINGS))
    assert run.data.params == {
        "settings.campaign.strategy": "random",
        "settings.campaign.seed": "0",
        "settings.corpus.max_documents": "None",
        "upstream.documents": "v1",
    }


def test_long_parameters_are_cut_where_mlflow_would_refuse_them(tracker, client):
    run = client.get_run(tracker.campaign_run("long", "f1", {"paths": ["x" * 90] * 100}))
    assert run.data.params["paths"].startswith("['xxx")
    assert len(run.data.params["paths"]) == 500


def test_more_parameters_than_mlflow_takes_in_one_batch_are_all_logged(tracker, client):
    settings = {f"key{number}": number for number in range(130)}
    run = client.get_run(tracker.campaign_run("many", "f1", settings))
    assert len(run.data.params) == 130


def test_superseded_campaign_starts_another_run(tracker, client):
    old = tracker.campaign_run("again", "f1", SETTINGS)
    bystander = tracker.campaign_run("again-not", "f1", SETTINGS)
    tracker.supersede("again")
    new = tracker.campaign_run("again", "f1", SETTINGS)
    assert new != old
    assert tracker.campaign_run("again", "f1", SETTINGS) == new
    assert client.get_run(old).info.status == "KILLED"
    assert client.get_run(old).data.tags["equal.superseded"] == "true"
    assert tracker.campaign_run("again-not", "f1", SETTINGS) == bystander


def test_superseding_a_campaign_without_runs_does_nothing(tracker):
    before = tracker.campaign_run("untouched", "f1", SETTINGS)
    tracker.supersede("never-started")
    assert tracker.campaign_run("untouched", "f1", SETTINGS) == before


def test_each_round_is_one_step_of_every_metric_at_its_documents_and_tokens(tracker, client):
    run_id = tracker.campaign_run("rounds", "f1", SETTINGS)
    tracker.log_rounds(run_id, curve(3))
    named = {*ROUND_METRICS.values(), *BY_TOKENS.values()}
    assert set(client.get_run(run_id).data.metrics) == named
    assert logged(client, run_id, "spend/documents") == [(10, 10.0), (20, 20.0), (30, 30.0)]
    assert logged(client, run_id, "reward/round_mean") == [(10, -1.0), (20, -0.5), (30, -1 / 3)]
    tokens = [row["tokens"] for row in curve(3).iter_rows(named=True)]
    coverage = [value for _, value in logged(client, run_id, "reward/coverage")]
    by_tokens = logged(client, run_id, "reward_by_tokens/coverage")
    assert by_tokens == list(zip(tokens, coverage, strict=True))


def test_campaign_without_an_llm_has_no_curve_over_tokens(tracker, client):
    run_id = tracker.campaign_run("no-llm", "f1", SETTINGS)
    tracker.log_rounds(run_id, curve(2).with_columns(tokens=pl.lit(0)))
    assert not set(BY_TOKENS.values()) & set(client.get_run(run_id).data.metrics)


def test_run_of_an_earlier_version_gets_its_rounds_under_the_new_names(tracker, client):
    run_id = tracker.campaign_run("earlier", "f1", SETTINGS)
    for number in (1, 2):
        client.log_metric(run_id, "documents", 10.0 * number, step=number)
    assert tracker.log_rounds(run_id, curve(3)) == 3
    assert logged(client, run_id, "documents") == [(1, 10.0), (2, 20.0)]
    assert len(logged(client, run_id, "spend/documents")) == 3


def test_experiment_of_an_earlier_version_gets_the_columns_of_its_runs(tracker, client):
    tracker.campaign_run("columns", "f1", SETTINGS)
    experiment = client.get_experiment_by_name(tracker.experiment)
    view = "mlflow.sharedViewState.campaigns"
    client.set_experiment_tag(experiment.experiment_id, view, "{}")
    tracker.require_experiment()
    tags = client.get_experiment_by_name(tracker.experiment).tags
    assert json.loads(tags[view])["selectedColumns"] == list(COLUMNS)


def test_round_without_pairs_has_no_ot_cost(tracker, client):
    run_id = tracker.campaign_run("no-pairs", "f1", SETTINGS)
    tracker.log_rounds(run_id, curve(2))
    assert logged(client, run_id, "reward/transport_cost") == [(20, 0.5)]


def test_rounds_logged_again_stand_once(tracker, client):
    run_id = tracker.campaign_run("twice", "f1", SETTINGS)
    for n_rounds in (2, 2, 4, 3):
        tracker.log_rounds(run_id, curve(n_rounds))
    documents = logged(client, run_id, "spend/documents")
    assert documents == [(10, 10.0), (20, 20.0), (30, 30.0), (40, 40.0)]


def test_no_rounds_log_nothing(tracker, client):
    run_id = tracker.campaign_run("none", "f1", SETTINGS)
    tracker.log_rounds(run_id, curve(1)[:0])
    assert client.get_run(run_id).data.metrics == {}


def test_result_logged_again_stands_once_unless_it_changed(tracker, client):
    run_id = tracker.campaign_run("result", "f1", SETTINGS)
    for accuracy in (0.25, 0.25, 0.5):
        tracker.log_result(run_id, {"pmi_accuracy": accuracy})
    assert logged(client, run_id, "pmi_accuracy") == [(0, 0.25), (0, 0.5)]
    assert client.get_run(run_id).data.metrics["pmi_accuracy"] == 0.5


@pytest.fixture
def student(tmp_path):
    """A folder that stands for a model."""
    (tmp_path / "student").mkdir()
    (tmp_path / "student" / "config.json").write_text("{}")
    return tmp_path / "student"


def fine_tune(tracker, parent, student, *, losses=(3.0, 2.0, 1.5), digest="d1"):
    return tracker.fine_tune_run(
        parent,
        "parent student",
        parameters={"student": {"layers": 2}},
        losses=losses,
        metrics={"flops": 1e12},
        data=TrainingData("demo", digest=digest, path=student / "qa.parquet", n_rows=7),
        student=student,
    )


def test_fine_tune_is_a_finished_child_run_with_its_loss_curve(tracker, client, student):
    parent = tracker.campaign_run("parent", "f1", SETTINGS)
    child, _ = fine_tune(tracker, parent, student)
    run = client.get_run(child)
    assert run.data.tags["mlflow.parentRunId"] == parent
    assert run.info.run_name == "parent student"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"student.layers": "2"}
    assert logged(client, child, "loss") == [(1, 3.0), (2, 2.0), (3, 1.5)]
    assert logged(client, child, "flops") == [(0, 1e12)]


def test_data_set_is_an_input_of_the_fine_tune_and_of_its_campaign(tracker, client, student):
    parent = tracker.campaign_run("fed", "f1", SETTINGS)
    child, _ = fine_tune(tracker, parent, student, digest="d2")
    for run_id in (parent, child):
        (given,) = client.get_run(run_id).inputs.dataset_inputs
        assert (given.dataset.name, given.dataset.digest) == ("demo", "d2")
        assert json.loads(given.dataset.source) == {"uri": str(student / "qa.parquet")}
        assert json.loads(given.dataset.profile) == {"num_rows": 7}
        assert given.tags[0].value == "training"


def test_student_is_a_logged_model_with_its_files(tracker, client, student, tmp_path):
    parent = tracker.campaign_run("modeled", "f1", SETTINGS)
    child, model_id = fine_tune(tracker, parent, student)
    model = client.get_logged_model(model_id)
    assert (model.source_run_id, model.status.value) == (child, "READY")
    assert model.tags["equal.path"] == str(student)
    (output,) = client.get_run(child).outputs.model_outputs
    assert output.model_id == model_id
    there = download_artifacts(model.artifact_location + "/config.json", dst_path=str(tmp_path))
    assert json.loads(Path(there).read_text()) == {}


def test_large_student_is_logged_by_where_it_stands(tracker, client, student, monkeypatch):
    monkeypatch.setattr(tracking, "MAX_LOGGED_BYTES", 1)
    _, model_id = fine_tune(tracker, tracker.campaign_run("large", "f1", SETTINGS), student)
    model = client.get_logged_model(model_id)
    assert model.tags["equal.path"] == str(student)
    assert client.list_logged_model_artifacts(model_id) == []


def test_evaluation_stands_beside_run_and_model_with_every_answer(tracker, client, student):
    parent = tracker.campaign_run("judged", "f1", SETTINGS)
    run_id, model_id = fine_tune(tracker, parent, student)
    answers = pl.DataFrame({"question": ["1 + 1?", "2 + 2?"], "is_correct": [True, None]})
    for accuracy in (0.25, 0.5, 0.5):
        tracker.log_evaluation(run_id, model_id, {"pmi_accuracy": accuracy}, answers)
    assert logged(client, run_id, "pmi_accuracy") == [(0, 0.25), (0, 0.5)]
    metrics = {metric.key: metric.value for metric in client.get_logged_model(model_id).metrics}
    assert metrics["pmi_accuracy"] == 0.5
    table = download_artifacts(
        run_id=run_id, artifact_path="student_answers.json", tracking_uri=tracker.uri
    )
    assert json.loads(Path(table).read_text()) == {
        "columns": ["question", "is_correct"],
        "data": [["1 + 1?", True], ["2 + 2?", None]],
    }


def test_child_run_is_not_taken_for_the_campaign_itself(tracker, student):
    parent = tracker.campaign_run("mother", "f1", SETTINGS)
    fine_tune(tracker, parent, student, losses=(1.0,))
    assert tracker.campaign_run("mother", "f1", SETTINGS) == parent


def test_figure_is_stored_in_the_state_folder_and_replaced(tracker, client, state):
    run_id = tracker.campaign_run("figure", "f1", SETTINGS)
    for size in (2, 4):
        tracker.log_picture(run_id, b"png" * size, "curve.png")
    assert [artifact.path for artifact in client.list_artifacts(run_id)] == ["curve.png"]
    stored = list((state / "mlartifacts").rglob("curve.png"))
    assert len(stored) == 1
    assert run_id in stored[0].parts


def test_files_of_a_folder_are_artifacts_under_a_name_and_replaced(tracker, client, tmp_path):
    run_id = tracker.campaign_run("files", "f1", SETTINGS)
    (tmp_path / "messages").mkdir()
    names = ["README.md", "messages/train.jsonl"]
    for text in ("old", "new"):
        for name in names:
            (tmp_path / name).write_text(text)
        tracker.log_files(run_id, tmp_path, names, under="export")
    stored = client.download_artifacts(run_id, "export", str(tmp_path))
    assert {name: (Path(stored) / name).read_text() for name in names} == dict.fromkeys(
        names, "new"
    )


def test_finished_run_is_still_found_and_can_be_added_to(tracker, client):
    run_id = tracker.campaign_run("done", "f1", SETTINGS)
    tracker.log_rounds(run_id, curve(1))
    tracker.finish(run_id)
    assert client.get_run(run_id).info.status == "FINISHED"
    assert tracker.campaign_run("done", "f1", SETTINGS) == run_id
    tracker.log_rounds(run_id, curve(2))
    assert logged(client, run_id, "spend/documents") == [(10, 10.0), (20, 20.0)]

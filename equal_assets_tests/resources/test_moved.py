"""A project that was renamed, moved or copied takes MLflow's artifacts with it."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from mlflow import MlflowClient

from equal_assets.errors import TrackingError
from equal_assets.resources.moved import follow
from equal_assets.resources.tracking import TrainingData, build_tracker
from equal_assets.settings import TrackingSettings
from equal_assets_tests.project import empty_mlflow_store


def project(folder, **tracking):
    """Return the tracker of a project whose empty store is there already."""
    state = folder / ".equal"
    state.mkdir(parents=True, exist_ok=True)
    if not (state / "mlflow.db").exists():
        (state / "mlflow.db").write_bytes(empty_mlflow_store())
    return build_tracker(TrackingSettings(**tracking), state)


def fine_tuned(tracker, state):
    """Record a student of the project; return ids of its campaign, run and model."""
    student = state / "models" / "students" / "c"
    student.mkdir(parents=True)
    (student / "config.json").write_text("{}")
    parent = tracker.campaign_run("c", "f", {})
    data = TrainingData("c", digest="d", path=state / "exports" / "c.parquet", n_rows=1)
    run_id, model_id = tracker.fine_tune_run(
        parent, "c", parameters={}, losses=(1.0,), metrics={}, data=data, student=student
    )
    return parent, run_id, model_id


def stored_text(folder):
    """Return all that MLflow's database says, as SQL."""
    with closing(sqlite3.connect(folder / ".equal" / "mlflow.db")) as store:
        return "\n".join(store.iterdump())


def names(folder):
    return sorted(path.name for path in folder.rglob("*.txt"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("project", "renamed"),
        ("a", "deeper/folder/a"),
        ("with space", "100% done"),
        ("ünï", "100%20done"),
        ("why?", "a#b [v2]"),
        ("p", "p/.."),
    ],
)
def test_artifacts_of_a_moved_project_are_read_and_written_where_it_is(tmp_path, before, after):
    old, new = tmp_path / "x" / before, (tmp_path / "y" / after).resolve()
    tracker = project(old)
    run_id = tracker.campaign_run("c", "f", {})
    tracker.log_text(run_id, "one", "one.txt")
    new.parent.mkdir(parents=True, exist_ok=True)
    old.rename(new)
    tracker = project(new)
    assert tracker.campaign_run("c", "f", {}) == run_id
    tracker.log_text(run_id, "two", "two.txt")
    tracker.log_text(tracker.campaign_run("d", "f", {}), "three", "three.txt")
    assert not old.exists()
    assert names(new) == ["one.txt", "three.txt", "two.txt"]
    client = MlflowClient(tracking_uri=tracker.uri)
    assert [found.path for found in client.list_artifacts(run_id)] == ["one.txt", "two.txt"]


def test_models_and_data_of_a_moved_project_are_found_and_no_old_path_is_left(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    _, _, model_id = fine_tuned(project(old), old / ".equal")
    old.rename(new)
    tracker = project(new)
    tracker.require_experiment()
    client = MlflowClient(tracking_uri=tracker.uri)
    model = client.get_logged_model(model_id)
    assert model.artifact_location.startswith((new / ".equal").as_uri())
    assert [file.path for file in client.list_logged_model_artifacts(model_id)] == ["config.json"]
    assert model.tags["equal.path"] == "models/students/c"
    assert str(old) not in stored_text(new)


def test_copy_writes_to_itself_and_leaves_the_original_alone(tmp_path):
    run_id = project(tmp_path / "a").campaign_run("c", "f", {})
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    copied = project(tmp_path / "b")
    copied.log_text(run_id, "x", "copied.txt")
    original = project(tmp_path / "a")
    original.log_text(original.campaign_run("d", "f", {}), "x", "original.txt")
    assert (names(tmp_path / "a"), names(tmp_path / "b")) == (["original.txt"], ["copied.txt"])


def test_moved_back_and_forth_with_two_experiments(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    runs = [project(old, experiment=name).campaign_run("c", "f", {}) for name in ("e", "g")]
    for place, to in ((old, new), (new, old)):
        place.rename(to)
        for name, run_id in zip(("e", "g"), runs, strict=True):
            project(to, experiment=name).log_text(run_id, "x", f"{name}-{to.name}.txt")
    assert not new.exists()
    assert names(old) == ["e-new.txt", "e-old.txt", "g-new.txt", "g-old.txt"]


def test_state_folder_of_another_name_moves_alone(tmp_path):
    settings, states = TrackingSettings(), [tmp_path / "state", tmp_path / "elsewhere"]
    states[0].mkdir()
    run_id = build_tracker(settings, states[0]).campaign_run("c", "f", {})
    states[0].rename(states[1])
    build_tracker(settings, states[1]).log_text(run_id, "x", "x.txt")
    assert names(states[1]) == ["x.txt"]
    assert not states[0].exists()


def test_store_outside_of_the_project_keeps_its_places(tmp_path):
    """Others may share it: their artifacts lie where they put them."""
    uri = f"sqlite:///{tmp_path / 'shared.db'}"
    (tmp_path / "shared.db").write_bytes(empty_mlflow_store())
    first, second = (project(tmp_path / name, uri=uri) for name in ("first", "second"))
    run_id = first.campaign_run("c", "f", {})
    assert second.follow() is None
    second.log_text(run_id, "x", "x.txt")
    assert names(tmp_path / "first") == ["x.txt"]


def test_locations_of_others_in_the_store_are_left(tmp_path):
    tracker = project(tmp_path / "old")
    tracker.require_experiment()
    client = MlflowClient(tracking_uri=tracker.uri)
    theirs = [(tmp_path / "theirs").as_uri(), "s3://bucket/old/.equal/mlartifacts"]
    for number, location in enumerate(theirs):
        client.create_experiment(f"theirs {number}", location)
    (tmp_path / "old").rename(tmp_path / "new")
    moved = project(tmp_path / "new")
    assert moved.follow() == tmp_path / "old"
    assert moved.follow() is None
    kept = {e.name: e.artifact_location for e in client_of(moved).search_experiments()}
    assert [kept[f"theirs {number}"] for number in range(2)] == theirs


def client_of(tracker):
    return MlflowClient(tracking_uri=tracker.uri)


def test_file_that_is_no_store_yet_has_not_moved(tmp_path):
    assert follow(tmp_path / "none.db", tmp_path / "mlartifacts") is None
    sqlite3.connect(tmp_path / "empty.db").execute("create table t (a)").connection.close()
    assert follow(tmp_path / "empty.db", tmp_path / "mlartifacts") is None


def test_deleted_experiment_says_how_to_restore_it(tmp_path):
    tracker = project(tmp_path)
    tracker.require_experiment()
    client_of(tracker).delete_experiment("1")
    message = r"tracking.experiment = 'equal-assets': .*experiments restore --experiment-id 1"
    for used in (tracker.require_experiment, lambda: tracker.campaign_run("c", "f", {})):
        with pytest.raises(TrackingError, match=message):
            used()
    client_of(tracker).restore_experiment("1")
    assert tracker.campaign_run("c", "f", {})


def test_deleted_run_of_a_campaign_is_made_again_and_that_of_a_student_is_restored(tmp_path):
    tracker = project(tmp_path)
    parent, run_id, model_id = fine_tuned(tracker, tmp_path / ".equal")
    for deleted in (parent, run_id):
        client_of(tracker).delete_run(deleted)
    assert tracker.campaign_run("c", "f", {}) != parent
    with pytest.raises(TrackingError, match=f"mlflow runs restore --run-id {run_id}"):
        tracker.log_result(run_id, {"accuracy": 0.5}, model_id=model_id)


def test_run_that_was_removed_for_good_is_named(tmp_path):
    tracker = project(tmp_path)
    with pytest.raises(TrackingError, match=r"0123abc.* not found.*tracking.uri"):
        tracker.log_result("0123abc", {"accuracy": 0.5})


def test_artifacts_that_cannot_be_written_say_where(tmp_path):
    tracker = project(tmp_path)
    run_id = tracker.campaign_run("c", "f", {})
    (tmp_path / ".equal" / "mlartifacts").write_text("a file")
    with pytest.raises(TrackingError, match=r"cannot keep a file: .*mlartifacts"):
        tracker.log_text(run_id, "x", "x.txt")


def test_data_outside_of_the_state_folder_is_named_whole(tmp_path):
    tracker = project(tmp_path / "p")
    parent = tracker.campaign_run("c", "f", {})
    data = TrainingData("c", digest="d", path=tmp_path / "out.parquet", n_rows=1)
    tracker._log_data(parent, data)
    (given,) = client_of(tracker).get_run(parent).inputs.dataset_inputs
    assert json.loads(given.dataset.source) == {"uri": str(tmp_path / "out.parquet")}

"""What MLflow shows of a campaign, from the warehouse: logged with each asset, again if missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from equal_assets.pages.campaign_run import campaign_run, describe_run
from equal_assets.pages.figures.canvas import Picture, drawn
from equal_assets.pages.figures.students import accuracy_figure, comparison_figure
from equal_assets.pages.report import REPORT_FILE
from equal_assets.pages.selection import campaign_figures
from equal_assets.resources.tracking import (
    HARNESS,
    OVER_BUDGET,
    STUDENT,
    TABLE_FILE,
    UNTUNED,
    Tracker,
    TrainingData,
)
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings, fingerprint
from equal_assets.versions import Versions

COMPARISON, REPORT = "strategy_comparison", "report"
PICTURES = {
    "reward_curve": ("reward_curve.png", "cluster_map.png", "pulls_per_cluster.png"),
    "student_accuracy": ("student_accuracy.png",),
    COMPARISON: ("strategy_comparison.png",),
}
"""Artifacts of a campaign's run, by the asset that they show."""

Track = Callable[[Warehouse, Tracker, str, str], None]
"""Logs an asset, given the name of the campaign and its MLflow run."""


def track_curve(warehouse: Warehouse, tracker: Tracker, campaign: str, run_id: str) -> None:
    """Log the rounds of a campaign, and its pictures."""
    curve = warehouse.query("reward_curve", campaign=campaign)
    log_curve(tracker, run_id, curve, campaign_figures(warehouse, campaign, curve))


def log_curve(
    tracker: Tracker, run_id: str, curve: pl.DataFrame, pictures: Mapping[str, Picture]
) -> None:
    """Log rounds and pictures that are there."""
    tracker.log_rounds(run_id, curve)
    for name, picture in pictures.items():
        tracker.log_picture(run_id, picture.png, f"{name.replace(' ', '_')}.png")


def track_accuracy(warehouse: Warehouse, tracker: Tracker, campaign: str, run_id: str) -> None:
    """Log the metrics of both students to the campaign's run, the answers to the fine-tune's."""
    models = warehouse.query("fine_tuned_student", campaign=campaign).row(0, named=True)
    rows = warehouse.query("student_accuracy", campaigns=[campaign])  # perplexity first
    answers = warehouse.query("student_answers", campaign=campaign, student="tuned")
    base, tuned = (dict(rows.select("metric", name).rows()) for name in ("base", "tuned"))
    named = {f"{STUDENT}{metric}": value for metric, value in tuned.items()}
    untuned = {f"{UNTUNED}{metric}": value for metric, value in base.items()}
    tracker.log_result(run_id, named | untuned)
    tracker.log_evaluation(models["mlflow_run_id"], models["mlflow_model_id"], named, answers)
    tracker.finish(run_id)
    tracker.log_picture(run_id, drawn(accuracy_figure(rows)).png, PICTURES["student_accuracy"][0])


def track_milestones(warehouse: Warehouse, tracker: Tracker, campaign: str, run_id: str) -> None:
    """Log the metrics of the students on the way, at the documents that they had."""
    rows = warehouse.query("milestone_metrics", campaign=campaign)
    for (step,), at_step in rows.group_by("documents", maintain_order=True):
        values = dict(at_step.select("metric", "value").rows())
        tracker.log_point(run_id, values, prefix=OVER_BUDGET, step=step)


def track_harness(warehouse: Warehouse, tracker: Tracker, campaign: str, run_id: str) -> None:
    """Log the metrics of lm-eval as MLflow shows them together, by task."""
    rows = warehouse.query("harness_accuracy", campaign=campaign)
    for student, of in (("tuned", ""), ("base", "_untuned")):
        values = {
            f"{HARNESS}{row['task']}/{row['metric']}{of}": row[student]
            for row in rows.iter_rows(named=True)
        }
        tracker.log_result(run_id, values)
    tracker.finish(run_id)


def track_comparison(
    warehouse: Warehouse,
    tracker: Tracker,
    names: Sequence[str],
    *,
    of_target: Sequence[str],
    version: str,
) -> None:
    """Log the picture of campaigns of one target side by side to the runs of some of them."""
    rows = warehouse.query(COMPARISON, campaigns=list(of_target))
    accuracy = warehouse.query("accuracy_over_budget", campaigns=list(of_target))
    picture = drawn(comparison_figure(rows, accuracy))
    for name in names:
        run_id = campaign_run(warehouse, tracker, name)
        tracker.log_picture(run_id, picture.png, PICTURES[COMPARISON][0])
        tracker.mark(run_id, COMPARISON, version)


OF_CAMPAIGN: dict[str, Track] = {
    "reward_curve": track_curve,
    "student_accuracy": track_accuracy,
    "accuracy_over_budget": track_milestones,
    "harness_accuracy": track_harness,
}
"""What is logged of a campaign beside its student and the comparison, in order."""


def track(
    asset: str, warehouse: Warehouse, tracker: Tracker, campaign: str, *, version: str
) -> str:
    """Log an asset of a campaign to its MLflow run, mark it as logged, and return the run's id."""
    run_id = campaign_run(warehouse, tracker, campaign)
    OF_CAMPAIGN[asset](warehouse, tracker, campaign, run_id)
    tracker.mark(run_id, asset, version)
    return run_id


def training_data(campaign: str, examples: pl.DataFrame, exports: Path) -> TrainingData:
    """Return the data set of a campaign as MLflow names it.

    Parameters
    ----------
    campaign : str
    examples : DataFrame
        Rows of the query ``qa_dataset``.
    exports : Path
        The folder in which data sets are published.
    """
    return TrainingData(
        name=campaign,
        digest=fingerprint(examples.rows()),
        path=exports / campaign / "qa_dataset.parquet",
        n_rows=len(examples),
    )


def track_again(
    name: str,
    settings: Settings,
    warehouse: Warehouse,
    tracker: Tracker,
    stored: Versions,
    *,
    exports: Path,
) -> list[str]:
    """Log what MLflow lacks of a campaign that has started; return what that was.

    Parameters
    ----------
    name : str
        Of the campaign.
    settings : Settings
    warehouse : Warehouse
    tracker : Tracker
    stored : dict
        Versions of what is stored.
    exports : Path
        The folder in which data sets are published.
    """
    there = tracker.has_campaign(name, campaign_fingerprint(warehouse, name))
    run_id = campaign_run(warehouse, tracker, name)
    found = [] if there else ["its run"]
    curve = warehouse.query("reward_curve", campaign=name)
    if n_rounds := tracker.log_rounds(run_id, curve):
        found.append(f"{n_rounds} round(s)")
    if ("fine_tuned_student", name) in stored and _track_student(
        name, settings, warehouse, tracker, run_id, exports
    ):
        found.append("its student")
    missing = missing_of(name, warehouse, tracker, run_id, stored)
    for asset in missing:
        if asset == COMPARISON:
            of_target = _compared_with(name, settings, warehouse)
            version = stored[asset, ""][1]
            track_comparison(warehouse, tracker, [name], of_target=of_target, version=version)
        elif asset == REPORT:
            if report := _report_of(name, warehouse):
                tracker.log_text(run_id, report.read_text(encoding="utf-8"), REPORT_FILE)
        else:
            track(asset, warehouse, tracker, name, version=stored[asset, name][1])
    found += missing
    if found:
        describe_run(settings, warehouse, tracker, name)
        with warehouse.transaction() as transaction:
            transaction.execute("name_runs", campaign=name, run_id=run_id)
    return found


def missing_of(
    name: str, warehouse: Warehouse, tracker: Tracker, run_id: str, stored: Versions
) -> list[str]:
    """Return the stored assets of a campaign that its run lacks, or shows as they were before."""
    marks, artifacts = tracker.marks(run_id), tracker.artifacts(run_id)
    found = []
    for asset in (*OF_CAMPAIGN, COMPARISON):
        partition = "" if asset == COMPARISON else name
        if (asset, partition) not in stored:
            continue
        is_old = marks.get(asset) != stored[asset, partition][1]
        if is_old or not set(PICTURES.get(asset, ())) <= artifacts:
            found.append(asset)
        elif asset == "student_accuracy":
            if not any(metric.startswith(STUDENT) for metric in tracker.metrics(run_id)):
                found.append(asset)  # logged by an earlier version, under other names
                continue
            models = warehouse.query("fine_tuned_student", campaign=name)
            if TABLE_FILE not in tracker.artifacts(models["mlflow_run_id"].item()):
                found.append(asset)
    if REPORT_FILE not in artifacts and _report_of(name, warehouse):
        found.append(REPORT)
    return found


def _report_of(name: str, warehouse: Warehouse) -> Path | None:
    """Return the report of a campaign that was written last and is there."""
    rows = warehouse.query("published").filter(asset=REPORT, campaign=name)
    paths = (Path(warehouse.found_path(path)) for path in rows["path"])
    return next((path for path in paths if path.is_file()), None)


def campaign_fingerprint(warehouse: Warehouse, name: str) -> str:
    """Return what the settings of a campaign that has started are known by."""
    return str(warehouse.query("campaign_start", campaign=name)["fingerprint"].item())


def _track_student(
    name: str,
    settings: Settings,
    warehouse: Warehouse,
    tracker: Tracker,
    run_id: str,
    exports: Path,
) -> bool:
    """Log the student of a campaign again unless it is there; say whether it was not."""
    row = warehouse.query("whole_student", campaign=name).row(0, named=True)
    folder = Path(warehouse.found_path(row["path"]))
    if tracker.has_student(row["mlflow_run_id"], row["mlflow_model_id"]):
        if not tracker.lacks_model(row["mlflow_model_id"], folder):
            return False
        tracker.log_model_files(row["mlflow_model_id"], folder)
        return True
    child, model_id = tracker.fine_tune_run(
        run_id,
        f"{name} fine-tune",
        parameters=settings.student.model_dump(mode="json"),
        losses=tuple(warehouse.query("student_losses", campaign=name)["loss"]),
        metrics={
            "examples": row["n_examples"],
            "tokens": row["n_tokens"],
            "flops": row["flops"],
        },
        data=training_data(name, warehouse.query("qa_dataset", campaign=name), exports),
        student=folder,
    )
    again = {**row, "mlflow_run_id": child, "mlflow_model_id": model_id}
    with warehouse.transaction() as transaction:
        transaction.replace("fine_tuned_student", pl.DataFrame([again]), campaign=name)
    accuracy = warehouse.query("student_accuracy", campaigns=[name])
    if not accuracy.is_empty():
        track_accuracy(warehouse, tracker, name, run_id)
    return True


def _compared_with(name: str, settings: Settings, warehouse: Warehouse) -> list[str]:
    rows = warehouse.query(COMPARISON, campaigns=list(settings.campaigns))
    target = settings.campaigns[name].target
    return rows.filter(target=target)["campaign"].unique(maintain_order=True).to_list()

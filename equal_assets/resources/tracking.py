"""MLflow: one run per campaign, one batch of metrics per round, one child run per fine-tune."""

import json
import re
import shlex
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import polars as pl
from dagster import ConfigurableResource, get_dagster_logger
from pydantic import Field

from equal_assets.errors import TrackingError
from equal_assets.resources.moved import follow, root_of
from equal_assets.resources.tracking_file import ready_store, store_fault

if TYPE_CHECKING:
    from mlflow import MlflowClient

SHARED_VIEW = "campaigns"
"""Name of the view of the experiment that the addresses of its page ask for."""

COLUMNS = (
    "tags.`equal.strategy`",
    "metrics.`reward/coverage`",
    "metrics.`spend/documents`",
    "metrics.`spend/tokens`",
    "metrics.`student/perplexity`",
)
"""Of the runs, in that view."""

EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    f"mlflow.sharedViewState.{SHARED_VIEW}": json.dumps({"selectedColumns": COLUMNS}),
}
"""What MLflow shows of the experiment: training runs instead of agent traces, and the view."""

CAMPAIGN_TAG = "equal.campaign"
FINGERPRINT_TAG = "equal.fingerprint"
SUPERSEDED_TAG = "equal.superseded"
LOGGED_TAG = "equal.logged."
"""Begins the tags that say which version of an asset a run shows."""
ROUND_METRICS = {
    "target_coverage": "reward/coverage",
    "random_coverage": "reward/coverage_random",
    "near_pairs": "reward/near_pairs",
    "random_near_pairs": "reward/near_pairs_random",
    "pool_pairs": "reward/pairs",
    "pool_ot_cost": "reward/transport_cost",
    "mean_reward": "reward/round_mean",
    "best_reward": "reward/round_best",
    "documents": "spend/documents",
    "tokens": "spend/tokens",
    "paid_tokens": "spend/tokens_paid",
    "cost": "spend/cost",
    "paid_cost": "spend/cost_paid",
    "n_cached": "spend/documents_from_store",
    "n_failed": "spend/documents_failed",
    "n_rejected": "spend/pairs_rejected",
    "n_requests": "spend/requests",
    "n_tries": "spend/tries",
    "latency_seconds": "spend/latency_seconds",
    "seconds": "spend/seconds",
}
"""Columns of ``reward_curve`` and their metrics, whose step is the number of documents so far.

MLflow groups metrics by what is before the slash, in the order of the alphabet.
"""

BY_TOKENS = {
    name: ROUND_METRICS[name].replace("reward/", "reward_by_tokens/")
    for name in ("target_coverage", "near_pairs", "pool_pairs", "pool_ot_cost")
}
"""The same, whose step is the number of LLM tokens so far."""

STUDENT, UNTUNED = "student/", "student/untuned_"
OVER_BUDGET, HARNESS = "student_over_budget/", "student_harness/"
"""What metrics of students begin with."""

ROUNDS_A_BATCH = 1000 // (len(ROUND_METRICS) + len(BY_TOKENS))
"""MLflow takes a thousand metrics at once."""

MAX_PARAMETER_CHARACTERS = 500

TABLE_FILE = "student_answers.json"

MAX_LOGGED_BYTES = 1 << 30
"""A student with larger files is logged by its path only."""

SQLITE = "sqlite:///"
DELETED = "deleted"


@dataclass(frozen=True)
class TrainingData:
    """The data set that a student is fine-tuned on, for MLflow.

    Attributes
    ----------
    name : str
    digest : str
        Identifies the content; at most 36 characters.
    path : Path
        Where it is published.
    n_rows : int
    """

    name: str
    digest: str
    path: Path
    n_rows: int


class Tracker(ConfigurableResource):
    """The MLflow store of the project.

    A run stays open in MLflow as long as its campaign may continue; it is found by its tags, so
    any process can add to it.
    """

    uri: str = Field(description="MLflow tracking URI.")
    experiment: str = Field(description="Experiment name.")
    artifacts_folder: str = Field(description="Folder for artifacts of a new experiment.")
    pages: str = Field(description="Address of the MLflow pages, for links.")

    @cached_property
    def _client(self) -> "_Telling":
        from mlflow import MlflowClient
        from mlflow.tracking._tracking_service import utils

        if told := self.ready():
            get_dagster_logger().warning(told)
        if moved_from := self.follow():
            utils._artifact_repos_cache.clear()  # of this process, by run: they are elsewhere now
            get_dagster_logger().info(f"the project was {moved_from} before; MLflow follows it")
        return _Telling(MlflowClient(tracking_uri=self.uri), self.uri)

    @property
    def _database(self) -> Path | None:
        """The SQLite file of the store, if it is one."""
        if not self.uri.startswith(SQLITE):
            return None
        return Path(unquote(self.uri.removeprefix(SQLITE).partition("?")[0])).resolve()

    @property
    def _artifacts(self) -> Path:
        return Path(self.artifacts_folder).resolve()

    def ready(self) -> str | None:
        """Make the file of the store usable, if it is one: whole, and of the MLflow of today.

        Returns
        -------
        str or None
            A line for people if one was set aside or migrated.

        Raises
        ------
        TrackingError
            If it was made by a later MLflow, or is not the project's own and broken.
        """
        database = self._database
        return ready_store(database, is_own=self._is_own) if database else None

    def store_fault(self) -> str | None:
        """Return what is wrong with the file of the store, or None; it is not changed."""
        return store_fault(self._database) if self._database else None

    @property
    def _is_own(self) -> bool:
        """Whether the store is a file in the project's folder: others may share any other."""
        root = root_of(self._artifacts.parent)
        return self._database is not None and self._database.is_relative_to(root)

    def follow(self) -> Path | None:
        """Let a store in the project's folder find its artifacts there, if that has moved.

        Returns
        -------
        Path or None
            Where the project was before; None if it has not moved.
        """
        if self._database is None or not self._is_own:
            return None
        return follow(self._database, self._artifacts)

    @property
    def is_stored(self) -> bool:
        """Whether the store is a file that is there: no server is asked, and nothing made."""
        return self._database is not None and self._database.is_file()

    def require_experiment(self) -> None:
        """Raise a :class:`TrackingError` if no run can be added to the experiment."""
        self._experiment_id()

    def campaign_run(self, campaign: str, fingerprint: str, settings: dict[str, Any]) -> str:
        """Return the run id of a campaign, making the run on first use.

        Parameters
        ----------
        campaign : str
        fingerprint : str
            Of its settings: the same name with other settings is another run.
        settings : dict
            Logged as parameters, nested keys joined by dots.
        """
        run = self._found(campaign, fingerprint)
        if run is None:
            tags = {CAMPAIGN_TAG: campaign, FINGERPRINT_TAG: fingerprint}
            run = self._client.create_run(self._experiment_id(), run_name=campaign, tags=tags)
        if not run.data.params:  # a killed process may have made the run and no more
            self._log_parameters(run.info.run_id, settings)
        return str(run.info.run_id)

    def has_campaign(self, campaign: str, fingerprint: str) -> bool:
        """Say whether a campaign has a run; none is made."""
        return self._found(campaign, fingerprint) is not None

    def _found(self, campaign: str, fingerprint: str) -> Any:
        found = self._client.search_runs(
            [self._experiment_id()],
            f"tags.`{CAMPAIGN_TAG}` = '{campaign}' and tags.`{FINGERPRINT_TAG}` = '{fingerprint}'",
        )
        current = (run for run in found if SUPERSEDED_TAG not in run.data.tags)
        return next(current, None)

    def mark(self, run_id: str, asset: str, version: str) -> None:
        """Note that a run shows a version of an asset, once all of it is logged."""
        self._client.set_tag(run_id, LOGGED_TAG + asset, version)

    def marks(self, run_id: str) -> dict[str, str]:
        """Return the version of each asset that a run shows."""
        tags = self._client.get_run(run_id).data.tags
        return {
            tag.removeprefix(LOGGED_TAG): value
            for tag, value in tags.items()
            if tag.startswith(LOGGED_TAG)
        }

    def metrics(self, run_id: str) -> set[str]:
        """Return the names of the metrics of a run."""
        return set(self._client.get_run(run_id).data.metrics)

    def artifacts(self, run_id: str) -> set[str]:
        """Return the names of the artifacts of a run that hold anything."""
        found = self._client.list_artifacts(run_id)
        return {file.path for file in found if file.is_dir or file.file_size}

    def run_url(self, run_id: str) -> str:
        """Return the address of a run's page."""
        return f"{self.pages}/#/experiments/{self._experiment_id()}/runs/{run_id}"

    def describe(self, run_id: str, tags: dict[str, str], note: str) -> None:
        """Set tags of a run, and the Markdown at the top of its page."""
        from mlflow.entities import RunTag

        described = {**tags, "mlflow.note.content": note}
        self._client.log_batch(run_id, tags=[RunTag(*tag) for tag in described.items()])

    def supersede(self, campaign: str) -> None:
        """Mark every run of a campaign as belonging to an earlier attempt."""
        runs = self._client.search_runs(
            [self._experiment_id()], f"tags.`{CAMPAIGN_TAG}` = '{campaign}'"
        )
        for run in runs:
            self._client.set_tag(run.info.run_id, SUPERSEDED_TAG, "true")
            self._client.set_terminated(run.info.run_id, "KILLED")

    def log_rounds(self, run_id: str, curve: pl.DataFrame) -> int:
        """Log the rounds that the run does not have; return how many.

        MLflow would keep a repeated step twice, so a repeated call logs nothing. A run of an
        earlier version, whose metrics have other names, gets all rounds again under these.

        Parameters
        ----------
        run_id : str
        curve : DataFrame
            Rows of ``reward_curve``, in order.
        """
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        new = curve.filter(pl.col("documents") > self.documents_logged(run_id))
        for rounds in new.iter_slices(ROUNDS_A_BATCH):
            metrics = [
                Metric(metric, float(row[name]), now, step)
                for row in rounds.iter_rows(named=True)
                for series, step in ((ROUND_METRICS, row["documents"]), (BY_TOKENS, row["tokens"]))
                if step
                for name, metric in series.items()
                if row[name] is not None
            ]
            self._client.log_batch(run_id, metrics=metrics)
        return len(new)

    def documents_logged(self, run_id: str) -> int:
        """Return the documents used up to the last round that a run has; 0 if it has none."""
        logged = self._client.get_metric_history(run_id, ROUND_METRICS["documents"])
        return max((metric.step for metric in logged), default=0)

    def log_point(self, run_id: str, metrics: dict[str, float], *, prefix: str, step: int) -> None:
        """Log metrics at a step, unless the last value there is the same."""
        for name, value in metrics.items():
            history = self._client.get_metric_history(run_id, prefix + name)
            at_step = [metric.value for metric in history if metric.step == step]
            if at_step[-1:] != [value]:
                self._client.log_metric(run_id, prefix + name, value, step=step)

    def log_text(self, run_id: str, text: str, name: str) -> None:
        """Store a text file as an artifact, replacing an earlier one."""
        self._client.log_text(run_id, text, name)

    def log_picture(self, run_id: str, png: bytes, name: str) -> None:
        """Store the bytes of a PNG file as an artifact, replacing an earlier one."""
        with tempfile.TemporaryDirectory(prefix="equal-picture-") as folder:
            file = Path(folder, name)
            file.write_bytes(png)
            self._client.log_artifact(run_id, str(file))

    def log_files(self, run_id: str, folder: Path, names: Sequence[str], *, under: str) -> None:
        """Store files of a folder as artifacts, each replacing an earlier one.

        Parameters
        ----------
        run_id : str
        folder : Path
        names : sequence of str
            Relative to the folder, and then to ``under``.
        under : str
            Folder among the artifacts.
        """
        for name in names:
            self._client.log_artifact(run_id, str(folder / name), str(Path(under, name).parent))

    def log_result(
        self, run_id: str, metrics: dict[str, float], *, model_id: str | None = None
    ) -> None:
        """Log metrics of a run at step 0, unless they have the same value there.

        They are logged for a model too, if one is named.
        """
        have = self._client.get_run(run_id).data.metrics
        for name, value in metrics.items():
            if have.get(name) != value:
                self._client.log_metric(run_id, name, value, model_id=model_id)

    def fine_tune_run(
        self,
        parent_run_id: str,
        name: str,
        *,
        parameters: dict[str, Any],
        losses: tuple[float, ...],
        metrics: dict[str, float],
        data: TrainingData,
        student: Path,
    ) -> tuple[str, str]:
        """Record a finished fine-tune as a child run.

        Parameters
        ----------
        parent_run_id : str
            Run of the campaign.
        name : str
        parameters : dict
            Settings of the student.
        losses : tuple of float
            Its loss curve, at most 1,000 values less the number of ``metrics``.
        metrics : dict of str to float
        data : TrainingData
            Input of this run and of its parent.
        student : Path
            Folder of the model, which becomes a logged model.

        Returns
        -------
        run_id, model_id : str
        """
        from mlflow.entities import LoggedModelOutput, Metric

        self._abandon(parent_run_id)
        tags = {"mlflow.parentRunId": parent_run_id, "equal.kind": "fine-tune"}
        run = self._client.create_run(self._experiment_id(), run_name=name, tags=tags)
        run_id = str(run.info.run_id)
        self._log_parameters(run_id, parameters)
        now = int(time.time() * 1000)
        curve = [Metric("loss", loss, now, step) for step, loss in enumerate(losses, 1)]
        curve += [Metric(key, value, now, 0) for key, value in metrics.items()]
        self._client.log_batch(run_id, metrics=curve)
        for run_of in (run_id, parent_run_id):
            self._log_data(run_of, data)
        model_id = self._log_model(run_id, data.name, student)
        self._client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
        self._client.set_terminated(run_id)
        return run_id, model_id

    def has_student(self, run_id: str, model_id: str) -> bool:
        """Say whether the run and the model of a fine-tune are known, if only as deleted."""
        return self._knows("get_run", run_id) and self._knows("get_logged_model", model_id)

    def lacks_model(self, model_id: str, folder: Path) -> bool:
        """Say whether a logged model lacks files that its folder has, and should have them."""
        kept = {
            file.path: file.file_size
            for file in self._client.list_logged_model_artifacts(model_id)
            if not file.is_dir
        }
        files = {file.name: file.stat().st_size for file in folder.glob("*") if file.is_file()}
        return not files.items() <= kept.items() and _n_bytes(folder) <= MAX_LOGGED_BYTES

    def log_model_files(self, model_id: str, folder: Path) -> None:
        """Store the files of a logged model again."""
        self._client.log_model_artifacts(model_id, str(folder))

    def _knows(self, get: str, id_: str) -> bool:
        from mlflow.exceptions import MlflowException

        try:
            getattr(self._client.of_mlflow, get)(id_)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return False
            raise TrackingError(f"MLflow ({self.uri}): {error.message}") from error
        return True

    def _abandon(self, parent_run_id: str) -> None:
        """Close the fine-tunes of a campaign that killed processes have left half logged."""
        left = self._client.search_runs(
            [self._experiment_id()],
            f"tags.`mlflow.parentRunId` = '{parent_run_id}' and attributes.status = 'RUNNING'",
        )
        for run in left:
            self._client.set_terminated(run.info.run_id, "KILLED")

    def log_evaluation(
        self, run_id: str, model_id: str, metrics: dict[str, float], items: pl.DataFrame
    ) -> None:
        """Add the evaluation of its student to a fine-tune.

        Parameters
        ----------
        run_id, model_id : str
            Of the fine-tune.
        metrics : dict of str to float
            Logged for the run and for the model.
        items : DataFrame
            Questions and answers. They become the artifact ``student_answers.json``, replacing an
            earlier one, which MLflow shows as an evaluation table.
        """
        self.log_result(run_id, metrics, model_id=model_id)
        table = {"columns": items.columns, "data": [list(row) for row in items.iter_rows()]}
        self._client.log_text(run_id, json.dumps(table), TABLE_FILE)
        logged = {"path": TABLE_FILE, "type": "table"}
        self._client.set_tag(run_id, "mlflow.loggedArtifacts", json.dumps([logged]))

    def finish(self, run_id: str) -> None:
        """Mark a run as finished; more can be added to it later."""
        self._client.set_terminated(run_id)

    def _experiment_id(self) -> str:
        experiment = self._client.get_experiment_by_name(self.experiment)
        if experiment is not None and experiment.lifecycle_stage == DELETED:
            number = experiment.experiment_id
            raise TrackingError(
                f"tracking.experiment = {self.experiment!r}: must not be deleted in MLflow, as it "
                f"is (experiment {number}); restore it: {_command(self.uri)} experiments restore "
                f"--experiment-id {number}, or name another one"
            )
        if experiment is not None:
            self._show_as_asked(experiment)
            return str(experiment.experiment_id)
        location = self._artifacts.as_uri() if self._database else None
        return str(self._client.create_experiment(self.experiment, location, tags=EXPERIMENT_TAGS))

    def _show_as_asked(self, experiment: Any) -> None:
        """Give an experiment the tags that it lacks, as one of an earlier version does."""
        for tag, value in EXPERIMENT_TAGS.items():
            if experiment.tags.get(tag) != value:
                self._client.set_experiment_tag(experiment.experiment_id, tag, value)

    def _log_data(self, run_id: str, data: TrainingData) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        entity = Dataset(
            name=data.name,
            digest=data.digest,
            source_type="local",
            source=json.dumps({"uri": self._named(data.path)}),
            profile=json.dumps({"num_rows": data.n_rows}),
        )
        tag = InputTag("mlflow.data.context", "training")
        self._client.log_inputs(run_id, [DatasetInput(entity, [tag])])

    def _log_model(self, run_id: str, name: str, folder: Path) -> str:
        """Return the id of a logged model that holds the files of a student, unless too large."""
        model = self._client.create_logged_model(
            self._experiment_id(),
            name=name,
            source_run_id=run_id,
            tags={"equal.path": self._named(folder)},
            model_type="causal-lm",
        )
        if _n_bytes(folder) <= MAX_LOGGED_BYTES:
            self._client.log_model_artifacts(model.model_id, str(folder))
        self._client.finalize_logged_model(model.model_id, "READY")
        return str(model.model_id)

    def _named(self, path: Path) -> str:
        """Return a path as MLflow keeps it: relative where it lies in the state folder."""
        state = Path(self.artifacts_folder).parent
        return str(path.relative_to(state) if path.is_relative_to(state) else path)

    def _log_parameters(self, run_id: str, settings: dict[str, Any]) -> None:
        from mlflow.entities import Param

        flat = _flatten(settings)
        parameters = [Param(k, str(v)[:MAX_PARAMETER_CHARACTERS]) for k, v in flat.items()]
        self._client.log_batch(run_id, params=parameters)


class _Telling:
    """A client of MLflow whose errors are the project's own, and say what to do."""

    def __init__(self, client: Any, uri: str) -> None:
        self._client = client
        self._uri = uri

    @property
    def of_mlflow(self) -> "MlflowClient":
        """The client itself, whose errors are MLflow's."""
        return cast("MlflowClient", self._client)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        from mlflow.exceptions import MlflowException

        call = getattr(self._client, name)

        @wraps(call)
        def telling(*arguments: Any, **named: Any) -> Any:
            try:
                return call(*arguments, **named)
            except MlflowException as error:
                run_id = arguments[0] if arguments and isinstance(arguments[0], str) else ""
                remedy = self._remedy(run_id)
                raise TrackingError(f"MLflow ({self._uri}): {error.message}; {remedy}") from error
            except OSError as error:
                raise TrackingError(
                    f"MLflow ({self._uri}) cannot keep a file: {error}; make the folder writable, "
                    "or name a new tracking.experiment, whose files lie in the state folder"
                ) from error

        return telling

    def _remedy(self, run_id: str) -> str:
        """Return what to do about a run that was refused."""
        from mlflow.exceptions import MlflowException

        try:
            is_deleted = self._client.get_run(run_id).info.lifecycle_stage == DELETED
        except MlflowException:
            return "see that tracking.uri names a store that answers and was not cleared"
        if is_deleted:
            return f"restore the run: {_command(self._uri)} runs restore --run-id {run_id}"
        return "look at the run in `equal ui`"


def build_tracker(settings: Any, state_folder: Path) -> Tracker:
    """Build the tracker that a campaigns file names."""
    return Tracker(
        uri=settings.uri or f"{SQLITE}{_quoted(state_folder / 'mlflow.db')}",
        experiment=settings.experiment,
        artifacts_folder=str(state_folder / "mlartifacts"),
        pages=settings.mlflow_pages,
    )


def _n_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _quoted(path: Path) -> str:
    """Return a path as it stands in a database URI: what would be read as a part of one is escaped.

    >>> _quoted(Path("100% done/100%20/why?"))
    '100% done/100%2520/why%3F'
    """
    return re.sub(r"%(?=[0-9A-Fa-f]{2})", "%25", str(path)).replace("?", "%3F")


def _command(uri: str) -> str:
    return f"MLFLOW_TRACKING_URI={shlex.quote(uri)} mlflow"


def _flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat

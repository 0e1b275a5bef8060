"""``equal ui``: the pages of Dagster and MLflow over what the project has stored, and metrics."""

from __future__ import annotations

import glob
import json
import signal
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import click

from equal_assets.cli.metrics import metrics_served, project_metrics
from equal_assets.cli.project import build_tracker, enter_dagster_home
from equal_assets.cli.services import HOST, Service, address, free_port, is_free, running
from equal_assets.cli.terminal import console, is_for_machines, say, say_warning
from equal_assets.errors import ServiceError
from equal_assets.resources.tracking import SHARED_VIEW
from equal_assets.settings import TrackingSettings, load_settings, state_folder

DAGSTER_PORT, MLFLOW_PORT, METRICS_PORT = 3000, 5000, 9464
PORT = click.IntRange(1, 65_535)
WATCH_SECONDS = 1.0

ENVIRONMENT = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # 16 processes for features that are not used
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DAGSTER_DISABLE_TELEMETRY": "true",  # else it makes empty folders for it in the project
    "DO_NOT_TRACK": "true",
}


@click.command()
@click.option(
    "--port",
    type=PORT,
    metavar="PORT",
    envvar="DAGSTER_PORT",
    help="Of the Dagster pages; by default 3000, or the next one that is free.",
)
@click.option(
    "--mlflow-port",
    type=PORT,
    metavar="PORT",
    envvar="MLFLOW_PORT",
    help="Of the MLflow pages; by default 5000, or the next one that is free.",
)
@click.option(
    "--metrics-port",
    type=PORT,
    metavar="PORT",
    envvar="METRICS_PORT",
    help="Of /metrics for Prometheus; by default 9464, or the next one that is free.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default=HOST,
    show_default=True,
    help="To listen at. The pages have no password: 0.0.0.0, as in a container, lets everybody in "
    "who reaches this machine.",
)
def ui(port: int | None, mlflow_port: int | None, metrics_port: int | None, host: str) -> None:
    """Open the Dagster and MLflow pages of this project.

    Prints their addresses as soon as they answer, and that of the metrics that Prometheus reads.
    Ctrl-C ends all.
    """
    settings = load_settings()
    home = enter_dagster_home()
    state_folder().mkdir(parents=True, exist_ok=True)
    asked = {
        "Dagster": ("--port", port, DAGSTER_PORT),
        "MLflow": ("--mlflow-port", mlflow_port, MLFLOW_PORT),
        "metrics": ("--metrics-port", metrics_port, METRICS_PORT),
    }
    ports = _ports(asked, host)
    commands = {"Dagster": _dagster(host, ports["Dagster"])}
    if not _has_server(settings.tracking):
        tracker = build_tracker(settings)
        if told := tracker.ready():
            say_warning(told)
        if moved_from := tracker.follow():
            say(f"this project was {moved_from} before: MLflow's artifacts are found here now")
        commands["MLflow"] = _mlflow(host, ports["MLflow"], tracker)
    environment = {
        # runs that Dagster launches write links to these pages
        "DAGSTER_PORT": str(ports["Dagster"]),
        "MLFLOW_PORT": str(ports["MLflow"]),
        **ENVIRONMENT,
    }
    # a closed terminal ends them too, and a shell's background job does not ignore Ctrl-C
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        environment["DAGSTER_HOME"] = str(stack.enter_context(_without_pattern(home)))
        services = {
            name: stack.enter_context(
                running(
                    name,
                    command,
                    port=ports[name],
                    log=state_folder() / f"{name.lower()}.log",
                    environment=environment,
                    host=host,
                )
            )
            for name, command in commands.items()
        }
        served = metrics_served(project_metrics().text, host=host, port=ports["metrics"])
        stack.enter_context(served)
        try:
            _serve(services, settings.tracking, metrics=address(host, ports["metrics"]))
        except KeyboardInterrupt:
            say("ending; Ctrl-C again does not wait for it")


def _serve(services: dict[str, Service], tracking: TrackingSettings, *, metrics: str) -> None:
    """Print the addresses once they answer, then watch the servers until Ctrl-C."""
    with console.status("starting Dagster and MLflow"):
        for service in services.values():
            service.wait_until_it_answers()
    pages = services["MLflow"].address if "MLflow" in services else tracking.mlflow_pages
    say(f"Dagster  {services['Dagster'].address}")
    say(f"MLflow   {runs_address(pages, tracking.experiment)}")
    say(f"metrics  {metrics}/metrics")
    say("Ctrl-C ends all")
    while True:
        time.sleep(WATCH_SECONDS)
        for service in services.values():
            service.require_alive()


@contextmanager
def _without_pattern(home: Path) -> Iterator[Path]:
    """Yield a path of the folder that Dagster does not take for a pattern, as it does brackets."""
    if glob.escape(str(home)) == str(home):
        yield home
        return
    with tempfile.TemporaryDirectory(prefix="equal-ui-") as folder:
        link = Path(folder, "project")
        link.symlink_to(home, target_is_directory=True)
        yield link


def _ports(asked: dict[str, tuple[str, int | None, int]], host: str) -> dict[str, int]:
    """Return a port for each server: the one that its option names, or one that is free."""
    named = [port for _, port, _ in asked.values()]
    found: dict[str, int] = {}
    for name, (option, port, usual) in asked.items():
        if port is None:
            but = (*named, *found.values())
            found[name] = free_port(usual, but=but, host=host)
        elif port in found.values() or not is_free(port, host=host):
            raise ServiceError(f"{option} = {port}: must be free; another server listens there")
        else:
            found[name] = port
    return found


def _dagster(host: str, port: int) -> list[str]:
    # `dagster dev` recommends a command that other packages bring
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    place = ["-h", host, "-p", str(port), "-m", "equal_assets.definitions"]
    if is_for_machines():
        place += ["--log-format", "json"]
    return [*quiet, "-m", "dagster", "dev", *place]


def _mlflow(host: str, port: int, tracker: Any) -> list[str]:
    store = ["--backend-store-uri", tracker.uri, "--artifacts-destination"]
    place = [tracker.artifacts_folder, "--host", host, "--port", str(port), "--workers", "1"]
    return ["-m", "mlflow", "server", *store, *place]


def _has_server(tracking: TrackingSettings) -> bool:
    """Tell whether an MLflow server keeps the runs, whose pages are used then."""
    return tracking.uri is not None and tracking.uri.startswith(("http://", "https://"))


def runs_address(pages: str, name: str) -> str:
    """Return the address of the runs of an experiment; of the pages where it is not there yet."""
    query = urllib.parse.urlencode({"experiment_name": name})
    address = f"{pages}/api/2.0/mlflow/experiments/get-by-name?{query}"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            found = json.load(answer)["experiment"]["experiment_id"]
    except (urllib.error.URLError, TimeoutError, ValueError, KeyError):
        return pages
    # its runs, not the traces of agents that MLflow opens at by itself
    view = {"workflowType": "machine_learning", "viewStateShareKey": SHARED_VIEW}
    return f"{pages}/#/experiments/{found}/runs?{urllib.parse.urlencode(view)}"

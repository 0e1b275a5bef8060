"""The files for containers agree with the package; building them needs an engine."""

import re
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from equal_assets.cli.main import load_command
from equal_assets.cli.ui import DAGSTER_PORT, METRICS_PORT, MLFLOW_PORT

REPOSITORY = Path(__file__).resolve().parents[1]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text(encoding="utf-8"))
SERVICE = COMPOSE["services"]["equal"]
IGNORED = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
DAGSTER = yaml.safe_load((REPOSITORY / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))


def steps(instruction):
    """Return the arguments of the steps with an instruction, lines joined."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{instruction} +(.+)$", joined, re.MULTILINE)


def copied():
    for step in steps("COPY"):
        *sources, _ = step.split()
        if not sources[0].startswith("--from"):
            yield from sources


def test_what_is_copied_is_there_and_not_left_out():
    sources = set(copied())
    assert {"pyproject.toml", "equal_assets", "sql"} <= sources
    for source in sources:
        assert (REPOSITORY / source).exists(), source
        assert f"!{source.split('/')[0]}" in IGNORED, source
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {project["readme"], *project["license-files"]} <= sources


def test_extras_are_extras_of_the_package():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [extras] = [step for step in steps("ARG") if step.startswith("EXTRAS=")]
    named = set(extras.removeprefix("EXTRAS=").split(","))
    assert {"otel", "postgres"} <= named <= project["optional-dependencies"].keys()


def test_command_starts_the_pages_for_everybody_who_reaches_the_container():
    name, *arguments = yaml.safe_load(steps("CMD")[0])
    command = load_command(name)
    context = command.make_context(name, arguments)
    assert context.params["host"] == "0.0.0.0"
    assert yaml.safe_load(steps("ENTRYPOINT")[0]) == ["equal"]


def test_ports_are_published_on_this_machine_alone():
    usual = {DAGSTER_PORT, MLFLOW_PORT, METRICS_PORT}
    assert {int(port) for port in steps("EXPOSE")[0].split()} == usual
    assert set(SERVICE["ports"]) == {f"127.0.0.1:{port}:{port}" for port in usual}


def variables():
    """Return the environment variables of the image and of the service."""
    of_image = re.findall(r"([A-Z_]+)=", " ".join(steps("ENV")))
    return {*of_image, *SERVICE["environment"]}


def test_variables_are_read_by_somebody():
    source = "".join(
        path.read_text(encoding="utf-8") for path in (REPOSITORY / "equal_assets").rglob("*.py")
    )
    own = {name for name in variables() if name.startswith(("EQUAL_", "DAGSTER_"))}
    assert own == {"EQUAL_HOME", "EQUAL_LOG_FORMAT", "DAGSTER_HOME"}
    assert {name for name in own if f'"{name}"' not in source} == set()
    asked = {key["env"] for key in database().values() if isinstance(key, dict)}
    assert asked == {name for name in variables() if name.startswith("POSTGRES_")}


def database():
    return DAGSTER["storage"]["postgres"]["postgres_db"]


def test_login_of_dagster_is_that_of_the_database():
    made = COMPOSE["services"]["postgres"]["environment"]
    told = SERVICE["environment"]
    assert {name: told[name] for name in made} == made
    assert told["POSTGRES_HOST"] in COMPOSE["services"]
    assert SERVICE["depends_on"] == {told["POSTGRES_HOST"]: {"condition": "service_healthy"}}
    assert made["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")  # no default that is known


def test_state_outlives_the_container():
    mounted = dict(volume.rsplit(":", 1)[::-1] for volume in SERVICE["volumes"])
    assert mounted["/state"] in COMPOSE["volumes"]
    assert steps("VOLUME") == ["/state"]
    assert "EQUAL_HOME=/state " in DOCKERFILE.replace("\\\n", " ")
    for kept in ("local_artifact_storage", "compute_logs"):
        assert DAGSTER[kept]["config"]["base_dir"].startswith("/state/")


def test_settings_of_dagster_differ_from_the_usual_ones_in_storage_alone():
    usual = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text(encoding="utf-8"))
    placed = {"storage", "local_artifact_storage", "compute_logs"}
    assert {key: DAGSTER[key] for key in DAGSTER.keys() - placed} == {
        key: usual[key] for key in usual.keys() - placed
    }
    for key in placed - {"storage"}:
        assert DAGSTER[key]["class"] == usual[key]["class"]


@pytest.mark.parametrize("page", ["docs/operating.md", "compose.yaml"])
def test_commands_in_containers_exist(page):
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    run = re.findall(r"docker compose exec (\w+) equal (\w+)", text)
    assert run
    for service, name in run:
        assert service in COMPOSE["services"]
        assert isinstance(load_command(name), click.Command)

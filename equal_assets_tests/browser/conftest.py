"""One project, its servers and one browser tab for all browser tests.

The servers and the tab take long to start, so the tests share them, and what one test played
another one reads: session fixtures play, tests look.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from equal_assets_tests.browser.services import Services, running_services
from equal_assets_tests.project import REPOSITORY, Project

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from equal_assets_tests.browser.dagster_ui import DagsterUI
    from equal_assets_tests.browser.pictures import Pictures

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LONG_ROUNDS = 60  # of campaign `random`: enough to cancel it amid them
EVERY_ROUND = f"[round-001...round-{LONG_ROUNDS:03d}]"
RUN_SECONDS = 600
VIEWPORT = {"width": 1400, "height": 860}


@pytest.fixture(scope="session")
def page() -> "Iterator[Page]":
    """A tab of the system's Chromium; Playwright would bring a browser of its own."""
    api = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
    named = os.environ.get("EQUAL_BROWSER")
    found = [named] if named else [path for path in map(shutil.which, BROWSERS) if path]
    if not found:
        pytest.skip(f"none of {', '.join(BROWSERS)} is on the PATH; name one in EQUAL_BROWSER")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found[0])
        page = browser.new_page(viewport=VIEWPORT)
        page.set_default_timeout(30_000)
        yield page
        browser.close()


@pytest.fixture(autouse=True)
def last_sight(request, tmp_path) -> Iterator[None]:
    """Keep what was on the screen when a test ended, beside its other files."""
    yield
    if "page" in request.fixturenames:
        request.getfixturevalue("page").screenshot(path=tmp_path / "last_sight.png")


@pytest.fixture(scope="session")
def project(tmp_path_factory, models) -> Project:
    """A project with a short campaign, and a long one of small rounds."""
    project = Project.make(tmp_path_factory.mktemp("browser") / "project", models=models)
    small = {"budget_documents": 2 * LONG_ROUNDS, "documents_per_pull": 2, "arms_per_round": 1}
    project.edit(campaigns={"random": small})
    return project


@pytest.fixture(scope="session")
def services(project) -> Iterator[Services]:
    """Dagster and MLflow over the project."""
    with running_services(project) as services:
        yield services
    assert services.processes() == []


@pytest.fixture(scope="session")
def ui(page, services) -> "DagsterUI":
    """The Dagster UI of the project."""
    from equal_assets_tests.browser.dagster_ui import DagsterUI

    return DagsterUI(page, services.dagster)


@dataclass(frozen=True)
class Launched:
    """What a click brought about.

    Attributes
    ----------
    path : str
        Of the page of the run or backfill.
    run : str
        Path of the page of the run.
    outcome : str
        As that page shows it.
    """

    path: str
    run: str
    outcome: str


@pytest.fixture(scope="session")
def await_run(ui) -> Callable[[str], Launched]:
    """Wait until what was launched has ended."""

    def wait(path: str) -> Launched:
        run = ui.run_of(path)
        return Launched(path, run, ui.outcome(run))

    return wait


@pytest.fixture(scope="session")
def prepared(ui, await_run) -> list[Launched]:
    """Job `prepare`, and the targets of two campaigns: what their rounds need."""
    paths = [ui.materialize_job("prepare")]
    paths += [ui.materialize("target_qa", (campaign,)) for campaign in ("equal", "random")]
    return [await_run(path) for path in paths]


@pytest.fixture(scope="session")
def refused(ui, prepared, await_run) -> Launched:
    """Round 2 of campaign `equal`, which has no round 1."""
    return await_run(ui.materialize("bandit_round", ("equal",), "round-002"))


@pytest.fixture(scope="session")
def backfilled(ui, refused, await_run, pictures) -> Launched:
    """All rounds of campaign `equal`."""
    dialog = ui.choose_partitions("bandit_round", ("equal",), "[round-001...round-003]")
    pictures.take("backfill_dialog", ui.page, dialog)
    return await_run(ui.launch(dialog))


@pytest.fixture(scope="session")
def cancelled(ui, backfilled, await_run) -> tuple[Launched, list[int]]:
    """Campaign `random`, cancelled amid its rounds; how many of them showed as materialized."""
    path = ui.materialize("bandit_round", ("random",), EVERY_ROUND)
    ui.run_of(path)
    ui.open_partitions("bandit_round")
    before = shown = ui.partitions("Materialized")
    ui.page.get_by_text(re.compile(rf"^Materialized \((?!{before}\))")).wait_for(
        timeout=RUN_SECONDS * 1000
    )
    shown = ui.partitions("Materialized")
    ui.cancel_backfill(path)
    launched = await_run(path)
    ui.open_partitions("bandit_round")
    return launched, [shown - before, ui.partitions("Materialized") - before]


@pytest.fixture(scope="session")
def resumed(ui, cancelled, await_run, pictures) -> Launched:
    """The rounds of campaign `random` that were missing."""
    dialog = ui.choose_partitions("bandit_round", ("random",), EVERY_ROUND, missing_only=True)
    dialog.get_by_text(re.compile(r"Only \d+ failed and missing")).wait_for()
    pictures.take("resume_dialog", ui.page, dialog)
    return await_run(ui.launch(dialog))


@pytest.fixture(scope="session")
def finished(ui, backfilled, await_run) -> list[Launched]:
    """What follows the rounds of campaign `equal`."""
    campaign = await_run(ui.materialize_job("finish_campaign", ("equal",)))
    # made only where a campaign has milestones; without, the comparison has less to show
    comparison = ui.materialize_without("accuracy_over_budget", "strategy_comparison")
    return [campaign, await_run(comparison)]


@pytest.fixture(scope="session")
def gallery(page, request, tmp_path_factory) -> "Iterator[DagsterUI]":
    """The UI over a copy of the project in ``EQUAL_SCREENSHOT_STATE``; else that of the tests."""
    from equal_assets_tests.browser.dagster_ui import DagsterUI

    named = os.environ.get("EQUAL_SCREENSHOT_STATE")
    if not named:
        request.getfixturevalue("finished")
        yield request.getfixturevalue("ui")
        return
    played, copied = Path(named).resolve(), tmp_path_factory.mktemp("gallery") / "project"
    for state in (".equal", ".dagster"):
        shutil.copytree(played / state, copied / state)
    shutil.copy(REPOSITORY / "dagster.yaml", copied)
    # read where they stand: they name files beside them
    settings = {
        "EQUAL_CAMPAIGNS": str(played / "campaigns.yaml"),
        "EQUAL_HOME": str(copied / ".equal"),
    }
    with running_services(Project(copied), settings) as services:
        yield DagsterUI(page, services.dagster)


@pytest.fixture(scope="session")
def pictures() -> "Pictures":
    """Takes pictures where ``EQUAL_SCREENSHOTS`` names a folder."""
    from equal_assets_tests.browser.pictures import Pictures

    named = os.environ.get("EQUAL_SCREENSHOTS")
    return Pictures(Path(named).resolve() if named else None)

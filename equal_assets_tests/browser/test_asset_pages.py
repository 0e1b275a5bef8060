"""The page of each asset: what it is, what it holds, and something to look at."""

import re
from pathlib import Path

import pytest

from equal_assets.definitions import defs

pytestmark = pytest.mark.browser

WHOLE = [
    "documents",
    "warmup_qa",
    "document_yields",
    "document_embeddings",
    "clusters",
    "cluster_geometry",
]
WHOLE += ["strategy_comparison"]
BY_CAMPAIGN = ["target_qa", "bandit_round", "reward_curve", "qa_dataset"]
OF_A_MODEL = {"contrastive_embedder": "path", "fine_tuned_student": "model"}  # a single row

EVERY_ASSET = sorted(
    key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()
)

IN_PLACE = [
    ("documents", "length of the documents"),
    ("clusters", "size of the clusters"),
    ("bandit_round", "target coverage so far"),
    ("reward_curve", "target coverage so far"),
    ("fine_tuned_student", "loss"),
]
"""Drawings that no link hides."""

PICTURES = [
    ("cluster_geometry", "map of the clusters"),
    ("reward_curve", "map, curves and tables"),
    ("strategy_comparison", "curves"),
]
TABLES = [
    ("target_qa", "sample questions"),
    ("warmup_qa", "sample pairs"),
    ("contrastive_embedder", "before and after tuning"),
    ("reward_curve", "most used clusters"),
    ("student_accuracy", "before and after"),
    ("strategy_comparison", "at the end"),
]
DIALOGS = [
    ("bandit_round", "pulls and numbers"),
    ("qa_dataset", "removed pairs and all tables"),
    ("strategy_comparison", "all tables"),
]
FIRST_SCREEN = {"width": 1280, "height": 800}


def test_what_follows_the_rounds_is_made_by_two_clicks(finished):
    assert [launched.outcome for launched in finished] == ["Success"] * 2


@pytest.mark.parametrize("asset", EVERY_ASSET)
def test_page_says_what_a_row_is(ui, finished, asset):
    ui.open(f"/assets/{asset}")
    ui.page.get_by_text(re.compile("^One row is ")).wait_for()


@pytest.mark.parametrize("asset", WHOLE)
def test_page_says_how_many_rows_there_are(ui, finished, project, asset):
    ui.open(f"/assets/{asset}")
    ui.page.get_by_text("Row count").wait_for()
    n_rows = project.sql(f"select count(*) from {asset}").item()
    ui.page.get_by_text(f"{n_rows:,}", exact=True).first.wait_for()


@pytest.mark.parametrize("asset", BY_CAMPAIGN)
def test_page_says_how_many_rows_the_last_partition_has(ui, finished, asset):
    ui.open(f"/assets/{asset}")
    row = ui.metadata("rows")
    assert int(row.get_by_role("cell").last.inner_text()) > 0


@pytest.mark.parametrize("asset", OF_A_MODEL)
def test_page_of_a_model_says_where_it_is(ui, finished, project, asset):
    ui.open(f"/assets/{asset}")
    path = ui.metadata(OF_A_MODEL[asset]).get_by_role("cell").last.inner_text().strip()
    assert Path(path).is_dir()
    assert Path(path).is_relative_to(project.folder)


@pytest.mark.parametrize(("asset", "key"), [*IN_PLACE, *PICTURES])
def test_page_has_a_picture(ui, finished, asset, key):
    ui.open(f"/assets/{asset}")
    is_in_place = (asset, key) in IN_PLACE
    image = (ui.metadata(key) if is_in_place else ui.show_metadata(key)).locator("img").first
    image.wait_for()
    assert image.evaluate("image => image.naturalWidth") > 200


@pytest.mark.parametrize(("asset", "key"), [*TABLES, *DIALOGS])
def test_page_has_a_table_to_read(ui, finished, asset, key):
    ui.open(f"/assets/{asset}")
    is_in_place = (asset, key) in TABLES
    shown = ui.metadata(key) if is_in_place else ui.show_metadata(key)
    rows = shown.get_by_role("table").first.get_by_role("row")
    rows.nth(1).wait_for()  # below its head
    assert rows.nth(1).inner_text().strip()


@pytest.mark.parametrize("asset", ["bandit_round", "qa_dataset"])
def test_page_has_pairs_to_read(ui, finished, asset):
    ui.open(f"/assets/{asset}")
    question = ui.metadata("sample pairs").locator("strong").first
    question.wait_for()
    assert question.inner_text().strip()


@pytest.mark.parametrize(
    ("asset", "first"),
    [("bandit_round", "this round"), ("reward_curve", "campaign"), ("qa_dataset", "what was kept")],
)
def test_what_matters_is_on_the_first_screen(ui, finished, asset, first):
    before = ui.page.viewport_size
    ui.page.set_viewport_size(FIRST_SCREEN)
    ui.open(f"/assets/{asset}")
    box = ui.metadata(first).bounding_box()
    ui.page.set_viewport_size(before)
    assert box["y"] + 40 < FIRST_SCREEN["height"]


def test_overview_of_the_rounds_shows_the_last_one(ui, backfilled):
    ui.open("/assets/bandit_round")
    ui.metadata("this round").get_by_text("Round 3 of campaign equal").wait_for()


def test_mlflow_opens_on_the_runs_with_the_columns_that_matter(page, services, finished):
    from equal_assets.cli.ui import runs_address

    page.goto(runs_address(services.mlflow, "equal-assets"))
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    page.get_by_role("columnheader", name="reward/coverage").wait_for()
    page.get_by_role("link", name="equal", exact=True).wait_for()


def test_a_run_of_rounds_is_tagged_with_campaign_rounds_and_spend(ui, backfilled):
    ui.open(backfilled.run)
    ui.page.get_by_role("button", name="View tags and config").click()
    tags = ui.page.get_by_role("dialog")
    for tag in ("campaign: equal", "strategy: equal", "rounds: 1-3", "documents: 55"):
        tags.get_by_text(tag, exact=True).first.wait_for()


def test_dagster_and_mlflow_lead_to_each_other(ui, finished, services):
    ui.open("/assets/reward_curve")
    to_mlflow = ui.metadata("MLflow run").get_by_role("link").first.get_attribute("href")
    assert to_mlflow.startswith(services.mlflow)
    ui.page.goto(to_mlflow)
    ui.page.get_by_role("heading", name="equal", exact=True).wait_for()
    back = ui.page.get_by_role("link", name="reward_curve", exact=True).get_attribute("href")
    assert back.startswith(services.dagster)
    ui.open(back.removeprefix(services.dagster))
    ui.metadata("map, curves and tables").wait_for()

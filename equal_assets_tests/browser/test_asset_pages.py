"""The page of each asset: what it is, what it holds, and something to look at."""

import re
from pathlib import Path

import pytest

from equal_assets.definitions import defs

pytestmark = pytest.mark.browser

WHOLE = ["documents", "warmup_qa", "document_embeddings", "clusters", "cluster_geometry"]
WHOLE += ["strategy_comparison"]
BY_CAMPAIGN = ["target_qa", "bandit_round", "reward_curve", "qa_dataset"]
OF_A_MODEL = {"contrastive_embedder": "path", "fine_tuned_student": "model"}  # a single row

EVERY_ASSET = sorted(
    key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()
)

PICTURES = {
    "bandit_round": "reward curve",
    "reward_curve": "reward curve",
    "strategy_comparison": "comparison",
}
SAMPLES = {
    "target_qa": "reference questions",
    "warmup_qa": "sample pairs",
    "cluster_geometry": "largest clusters",
    "bandit_round": "sample pairs",
    "qa_dataset": "sample pairs",
}


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
    row = ui.metadata("dagster/partition_row_count")
    assert int(row.get_by_role("cell").last.inner_text()) > 0


@pytest.mark.parametrize("asset", OF_A_MODEL)
def test_page_of_a_model_says_where_it_is(ui, finished, project, asset):
    ui.open(f"/assets/{asset}")
    path = ui.metadata(OF_A_MODEL[asset]).get_by_role("cell").last.inner_text().strip()
    assert Path(path).is_dir()
    assert Path(path).is_relative_to(project.folder)


@pytest.mark.parametrize("asset", PICTURES)
def test_page_has_a_picture(ui, finished, asset):
    ui.open(f"/assets/{asset}")
    image = ui.show_metadata(PICTURES[asset]).locator("img").first
    image.wait_for()
    assert image.evaluate("image => image.naturalWidth") > 400


@pytest.mark.parametrize("asset", SAMPLES)
def test_page_has_a_sample_to_read(ui, finished, asset):
    ui.open(f"/assets/{asset}")
    table = ui.show_metadata(SAMPLES[asset]).get_by_role("table")
    assert table.get_by_role("row").count() > 3

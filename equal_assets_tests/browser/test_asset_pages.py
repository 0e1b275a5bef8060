"""The page of each asset: what it is, what it holds, and something to look at."""

import re

import pytest

pytestmark = pytest.mark.browser

WHOLE = ["documents", "warmup_qa", "contrastive_embedder"]
WHOLE += ["document_embeddings", "clusters", "cluster_geometry", "strategy_comparison"]
BY_CAMPAIGN = ["target_qa", "bandit_round", "reward_curve", "qa_dataset"]
BY_CAMPAIGN += ["fine_tuned_student", "student_accuracy"]

PICTURES = {
    "bandit_round": "reward curve",
    "reward_curve": "reward curve",
    "strategy_comparison": "comparison",
}
SAMPLES = {
    "warmup_qa": "sample pairs",
    "cluster_geometry": "largest clusters",
    "bandit_round": "sample pairs",
    "qa_dataset": "sample pairs",
}


def test_what_follows_the_rounds_is_made_by_two_clicks(finished):
    assert [launched.outcome for launched in finished] == ["Success"] * 2


@pytest.mark.parametrize("asset", WHOLE + BY_CAMPAIGN)
def test_page_says_what_a_row_is_and_how_many_there_are(ui, finished, asset):
    ui.open(f"/assets/{asset}")
    ui.page.get_by_text(re.compile("^One row is ")).wait_for()
    if asset in WHOLE:
        assert ui.page.get_by_text("Row count").is_visible()
    else:
        assert re.search(r"\d", ui.metadata("dagster/partition_row_count").inner_text())


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

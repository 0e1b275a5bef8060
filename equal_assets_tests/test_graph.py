"""The one table of assets: in order, complete, and what follows from it."""

import pytest

from equal_assets.automation.jobs import DESCRIPTIONS
from equal_assets.graph import ASSETS, ancestors, descendants, made_by, stages
from equal_assets.resources.warehouse_file import table_names
from equal_assets.settings import Settings, load_settings
from equal_assets_tests.conftest import TINY


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(TINY)


def test_each_asset_comes_after_those_that_it_reads():
    seen = set()
    for name, row in ASSETS.items():
        assert set(row.reads) <= seen
        seen.add(name)


def test_every_asset_is_made_by_a_job_and_no_job_makes_nothing():
    assert {row.stage.job for row in ASSETS.values()} == DESCRIPTIONS.keys()


def test_tables_written_beside_an_asset_exist_and_belong_to_one_asset_alone():
    tables = [table for row in ASSETS.values() for table in row.tables]
    assert len(tables) == len(set(tables))
    assert set(tables) <= table_names()


def test_settings_decide_whether_milestones_and_lm_eval_are_made(settings):
    assert made_by("finish_campaign", settings) == (
        "reward_curve",
        "qa_dataset",
        "fine_tuned_student",
        "student_accuracy",
    )
    assert list(stages("finish_campaign", settings)) == ["data set and student"]
    milestones = settings.with_milestones(["20%"])
    assert stages("finish_campaign", milestones)["students on the way"] == ("accuracy_over_budget",)


def test_ancestors_and_descendants_are_in_order():
    assert ancestors("clusters") == [
        "documents",
        "warmup_qa",
        "contrastive_embedder",
        "document_embeddings",
        "clusters",
    ]
    assert descendants("fine_tuned_student") == [
        "student_accuracy",
        "accuracy_over_budget",
        "harness_accuracy",
        "strategy_comparison",
    ]


def test_version_is_stored_by_campaign_or_for_all():
    assert ASSETS["qa_dataset"].partition("first") == "first"
    assert ASSETS["clusters"].partition("first") == ""

import polars as pl
import pytest

from equal_assets.algorithms.strategies.strategy import Pull
from equal_assets.errors import CampaignError
from equal_assets.steps.preview import check_plan, in_turn, of_sample
from equal_assets.steps.sample import draw_sample
from equal_assets_tests.assets.test_checks import finished_round, store
from equal_assets_tests.planning.test_estimate import project as project


def test_documents_of_pulls_are_taken_in_turn():
    pulls = [Pull(3, (7, 8, 9)), Pull(1, (4,)), Pull(2, (5, 6))]
    assert in_turn(pulls) == [7, 4, 5, 8, 6, 9]


def test_documents_of_the_sample_are_drawn_from_all_of_it_and_stay_the_same(project, warehouse):
    settings, _ = project()
    sample = draw_sample(warehouse, settings.warmup)
    asked = of_sample(settings, warehouse, n_documents=20)
    assert set(asked.document_ids) < set(sample)
    assert asked.document_ids != sorted(asked.document_ids)
    assert asked.payer == "warm-up"
    fewer = of_sample(settings, warehouse, n_documents=5)
    assert fewer.document_ids == asked.document_ids[:5]


def test_sample_that_is_smaller_is_shown_whole(project, warehouse):
    settings, _ = project(warmup={"share": 0.003})
    asked = of_sample(settings, warehouse, n_documents=5)
    assert sorted(asked.document_ids) == draw_sample(warehouse, settings.warmup)
    assert len(asked.document_ids) == 3


def test_plan_is_that_of_the_next_round(project, warehouse):
    settings, _ = project()
    assert check_plan("c", settings, warehouse) == 1
    store(warehouse, rounds=finished_round(3))
    assert check_plan("c", settings, warehouse) == 4


def test_campaign_that_has_ended_asks_for_nothing(project, warehouse):
    settings, _ = project()
    store(warehouse, rounds=finished_round(3).with_columns(ended_by=pl.lit("budget")))
    with pytest.raises(CampaignError, match=r"c: ended with round 3, by budget.*c --random"):
        check_plan("c", settings, warehouse)


def test_ratings_that_are_not_paid_are_not_asked_for(project, warehouse):
    settings, _ = project(strategy="llm-scoring")
    with pytest.raises(CampaignError, match=r"= 'llm-scoring': .* which is paid for.*--random"):
        check_plan("c", settings, warehouse)

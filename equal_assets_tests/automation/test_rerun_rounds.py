"""What playing a campaign again makes invalid is said exactly, and removed in one transaction."""

import dagster as dg
import pytest

from equal_assets.automation.rerun_rounds import (
    START_TABLES,
    forget_rounds,
    plan_rerun,
    rerun_rounds,
)
from equal_assets.errors import CampaignError
from equal_assets.graph import ASSETS, descendants
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.settings import fingerprint
from equal_assets.versions import expected_inputs, stored_versions
from equal_assets_tests.stored_rounds import store_rounds
from equal_assets_tests.stored_runs import store_run

NAME = "random"


@pytest.fixture
def extractor(campaigns, tmp_path):
    return build_extractor(campaigns.load().extractor, tmp_path)


@pytest.fixture
def played(warehouse, campaigns):
    """Three rounds of a campaign, its data set, and the comparison of strategies."""
    store_rounds(warehouse, campaigns.load(), {NAME: 3}, ended_by="budget")
    with warehouse.transaction() as transaction:
        transaction.record("qa_dataset", partition=NAME, inputs="old", seconds=0.0)
        transaction.record("strategy_comparison", inputs="old", seconds=0.0)
    return warehouse


def rounds_of(warehouse) -> list[int]:
    return [
        warehouse.query("last_round", campaign=NAME)["round"].item(),
        len(warehouse.query("strategy_state", campaign=NAME, round=3)),
    ]


def test_every_table_of_a_campaign_is_forgotten_with_it():
    from equal_assets.resources.warehouse import read_sql, table_names

    of_campaign = {
        name for name in table_names() if "\n  campaign varchar" in read_sql("tables", name)
    }
    made_together = {"strategy_comparison", "student_comparison"}
    kept = {*ASSETS["target_qa"].tables, "published"}  # the files stay until they are made again
    removed = {
        table
        for asset in ("bandit_round", *descendants("bandit_round"))
        for table in ASSETS[asset].tables
    }
    assert {*START_TABLES, *removed} - made_together == of_campaign - made_together - kept


def test_plan_names_rounds_and_stored_results(played, campaigns):
    plan = plan_rerun(NAME, campaigns.load(), played, from_round=2)
    assert (plan.from_round, plan.last_round, plan.n_documents) == (2, 3, 2)
    assert plan.results == ("qa_dataset", "strategy_comparison")
    for text in (
        "removes rounds 2 to 3 (2 documents",
        "rounds 1 to 1",
        "nothing is paid for twice",
    ):
        assert text in str(plan)


@pytest.mark.parametrize("number", [0, 4])
def test_round_that_is_not_stored_is_refused(played, campaigns, number):
    with pytest.raises(CampaignError, match=f"round {number} of campaign random: must be 1 to 3"):
        plan_rerun(NAME, campaigns.load(), played, from_round=number)


def test_rounds_that_were_played_with_other_settings_cannot_be_gone_on_from(played, campaigns):
    settings = campaigns.load()
    changed = settings.campaigns[NAME].model_copy(update={"seed": 7})
    settings = settings.model_copy(update={"campaigns": {**settings.campaigns, NAME: changed}})
    with pytest.raises(CampaignError, match="seed: 0 then, 7 now"):
        plan_rerun(NAME, settings, played, from_round=2)
    assert plan_rerun(NAME, settings, played, from_round=1).from_round == 1


def test_removed_rounds_leave_the_campaign_as_it_was_before_them(
    played, campaigns, extractor, tracker
):
    settings = campaigns.load()
    forget_rounds(plan_rerun(NAME, settings, played, from_round=3), played, extractor, tracker)
    assert rounds_of(played) == [2, 0]
    assert len(played.query("strategy_state", campaign=NAME, round=2)) == 1
    stored = stored_versions(played)
    assert stored.keys() == {
        ("documents", ""),
        ("contrastive_embedder", ""),
        ("document_yields", ""),
        ("cluster_geometry", ""),
        ("target_qa", NAME),
        ("bandit_round", NAME),
    }
    inputs = fingerprint(expected_inputs("bandit_round", settings, stored, campaign=NAME))
    assert stored["bandit_round", NAME] == (inputs, fingerprint([inputs, 2]))


def test_from_the_first_round_on_the_campaign_starts_over(played, campaigns, extractor, tracker):
    forget_rounds(
        plan_rerun(NAME, campaigns.load(), played, from_round=1), played, extractor, tracker
    )
    assert rounds_of(played) == [0, 0]
    assert played.query("campaign_start", campaign=NAME).is_empty()


def run_job(resources, instance, **config) -> dg.ExecuteInProcessResult:
    return rerun_rounds.execute_in_process(
        run_config={"ops": {"remove_rounds": {"config": {"campaign": NAME, **config}}}},
        resources=resources,
        instance=instance,
    )


def test_job_without_confirm_says_what_it_would_remove_and_removes_nothing(
    played, campaigns, extractor, tracker, instance
):
    resources = {"warehouse": played, "campaigns": campaigns, "tracker": tracker}
    resources["extractor"] = extractor
    with pytest.raises(dg.Failure, match="removes rounds 2 to 3") as failure:
        run_job(resources, instance, from_round=2)
    assert "set confirm: true" in failure.value.description
    assert rounds_of(played) == [3, 1]
    assert run_job(resources, instance, from_round=2, confirm=True).success
    assert rounds_of(played) == [1, 0]


def test_job_removes_nothing_under_a_run_of_the_campaign(
    played, campaigns, extractor, tracker, instance
):
    resources = {"warehouse": played, "campaigns": campaigns, "tracker": tracker}
    resources["extractor"] = extractor
    tags = {"dagster/partition": f"{NAME}|round-004"}
    store_run(instance, dg.DagsterRunStatus.STARTED, **tags)
    with pytest.raises(dg.Failure, match="is queued or at work: wait for it"):
        run_job(resources, instance, from_round=2, confirm=True)
    assert rounds_of(played) == [3, 1]

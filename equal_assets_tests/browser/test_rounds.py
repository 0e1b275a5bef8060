"""Materialize, backfill, cancel and resume, by clicks; what is stored is looked at afterwards."""

import pytest

from equal_assets_tests.browser.conftest import LONG_ROUNDS

pytestmark = pytest.mark.browser


def rounds_of(project, campaign: str) -> list[tuple[int, int]]:
    """Return the rounds that are stored whole, with the documents that each asked for."""
    return project.sql(
        "select round, count(*) from rounds join bandit_documents using (campaign, round) "
        f"where campaign = '{campaign}' group by round order by round"
    ).rows()


def test_what_campaigns_share_is_made_by_one_click_and_their_targets_by_another(ui, prepared):
    assert [launched.outcome for launched in prepared] == ["Success"] * 3
    ui.open_partitions("target_qa")
    assert (ui.partitions("Materialized"), ui.partitions("Missing")) == (2, 1)


def test_a_round_whose_predecessor_is_missing_is_refused_and_the_partition_named(
    ui, refused, pictures
):
    assert refused.outcome == "Failure"
    ui.expect_event(refused.run, "type:STEP_FAILURE", "materialize equal|round-001 first")
    # of the event, what stands above the stack trace
    pictures.take("refused", ui.page, ui.page.get_by_text("TIMESTAMP"), size=(1130, 70))


def test_a_backfill_plays_the_rounds_in_order(ui, backfilled, project, pictures):
    assert backfilled.outcome == "Success"
    assert rounds_of(project, "equal") == [(1, 20), (2, 20), (3, 15)]
    seconds = project.sql("select round from rounds where campaign = 'equal' order by finished_at")
    assert seconds["round"].to_list() == [1, 2, 3]
    ui.await_backfill(backfilled.path, "Succeeded")
    pictures.take("backfill", ui.page)


def test_rounds_show_one_after_another_while_the_backfill_goes_on(cancelled):
    _, (shown, _) = cancelled
    assert 0 < shown < LONG_ROUNDS


def test_a_cancelled_backfill_keeps_whole_rounds_and_nothing_else(ui, cancelled, project):
    launched, (shown_before, shown_after) = cancelled
    assert launched.outcome == "Canceled"
    rounds = rounds_of(project, "random")
    assert rounds == [(number, 2) for number in range(1, len(rounds) + 1)]
    assert shown_before <= len(rounds) < LONG_ROUNDS
    assert shown_after in (len(rounds) - 1, len(rounds))  # a round is stored before it is shown
    for table in ("bandit_round", "bandit_documents"):
        beyond = f"select count(*) from {table} where campaign = 'random' and round > {len(rounds)}"
        assert project.sql(beyond).item() == 0
    ui.await_backfill(launched.path, "Canceled")


def test_missing_rounds_are_played_where_the_backfill_was_cancelled(ui, resumed, project):
    assert resumed.outcome == "Success"
    assert rounds_of(project, "random") == [(number, 2) for number in range(1, LONG_ROUNDS + 1)]
    asked = project.sql(
        "select count(distinct document_id) from bandit_documents where campaign = 'random'"
    )
    assert asked.item() == 2 * LONG_ROUNDS
    ui.open_partitions("bandit_round")
    assert ui.partitions("Materialized") == LONG_ROUNDS + 3  # of campaign `equal`


def test_a_stored_round_is_not_played_again_and_the_run_says_so(ui, resumed, project, await_run):
    before = project.sql("select * from rounds where campaign = 'random' and round = 7")
    again = await_run(ui.materialize("bandit_round", ("random",), "round-007"))
    assert again.outcome == "Success"
    ui.expect_event(again.run, "is there already", "round 7 is there already")
    after = project.sql("select * from rounds where campaign = 'random' and round = 7")
    assert after.equals(before)

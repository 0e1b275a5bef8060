"""What goes on without a click, as the page *Automation* offers it."""

import pytest

pytestmark = pytest.mark.browser


IS_ON = {
    "next_round": False,
    "finish_campaigns": False,
    "changed_sources": False,
    "failed_runs": True,
    "killed_runs": True,
    "outdated": True,
}


@pytest.mark.parametrize("name", IS_ON)
def test_schedule_and_sensors_say_what_they_do_and_whether_they_are_on(ui, name):
    ui.open("/automation")
    ui.link(name).click()
    described = ui.page.get_by_role("row").filter(has_text="Description")
    assert len(described.get_by_role("cell").last.inner_text()) > 20
    switch = ui.page.get_by_role("row").filter(has_text="Running").get_by_role("checkbox")
    assert switch.is_checked() == IS_ON[name]


def test_a_tick_of_the_schedule_asks_for_the_first_round_of_a_campaign(ui, prepared, pictures):
    ui.open("/automation")
    ui.link("next_round").click()
    ui.page.get_by_role("button", name="Preview tick result").click()
    ui.page.get_by_role("button", name="Continue").click()
    dialog = ui.page.get_by_role("dialog")
    dialog.get_by_text("run requests").wait_for()
    pictures.take("schedule", ui.page, dialog)

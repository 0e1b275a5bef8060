"""What goes on without a click, as the page *Automation* offers it."""

import pytest

pytestmark = pytest.mark.browser


def test_schedule_and_sensors_are_on_offer_with_what_they_do(ui):
    ui.open("/automation")
    for name in ("killed_runs", "next_round"):
        ui.link(name).wait_for()


def test_a_tick_of_the_schedule_asks_for_the_first_round_of_a_campaign(ui, prepared, pictures):
    ui.open("/automation")
    ui.link("next_round").click()
    ui.page.get_by_role("button", name="Preview tick result").click()
    ui.page.get_by_role("button", name="Continue").click()
    dialog = ui.page.get_by_role("dialog")
    dialog.get_by_text("run requests").wait_for()
    pictures.take("schedule", ui.page, dialog)

"""What a person does in the Dagster UI, as far as the tests do it: clicks, and what they see."""

import re
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

ENDED = re.compile(r"^(Success|Failure|Canceled)$")
RUN_MILLISECONDS = 600_000
"""A run waits for the one before it, and starts a process for each of its steps."""

BACKFILL_MILLISECONDS = 180_000
"""The daemon looks for new backfills every 30 seconds, as it does for ended ones."""


@dataclass(frozen=True)
class DagsterUI:
    """The Dagster UI in a browser tab."""

    page: Page
    address: str

    def open(self, path: str) -> None:
        """Open a page of the UI, and wait until it has fetched what it shows."""
        self.page.goto(self.address + path)
        self.page.wait_for_load_state("networkidle")

    def graph(self) -> dict[str, float]:
        """Return where the nodes of the asset graph begin, from the left; pixels."""
        nodes = self.page.locator("svg foreignObject")
        nodes.first.wait_for()
        boxes = [(node.text_content(), node.bounding_box()) for node in nodes.all()]
        return {name: box["x"] for name, box in boxes if name and box}

    def materialize_job(self, job: str, campaigns: tuple[str, ...] = ()) -> str:
        """Launch a job from its page; return the path of the run."""
        self.open("/jobs")
        self.link(job).click()
        self.page.get_by_role("button", name="Materialize all").click()
        return self.launch(self._fill_in(campaigns)) if campaigns else self._launched()

    def materialize(self, asset: str, campaigns: tuple[str, ...], rounds: str = "") -> str:
        """Launch partitions of an asset from its page; return the path of the run or backfill."""
        return self.launch(self.choose_partitions(asset, campaigns, rounds))

    def materialize_without(self, missing: str, asset: str) -> str:
        """Launch an asset although the UI warns of another one; return the path of the run."""
        self.open(f"/assets/{asset}")
        self.page.get_by_role("button", name="Materialize").first.click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog.get_by_role("listitem")).to_have_text([missing])
        dialog.get_by_role("button", name="Confirm").click()
        return self._launched()

    def choose_partitions(
        self,
        asset: str,
        campaigns: tuple[str, ...],
        rounds: str = "",
        *,
        missing_only: bool = False,
    ) -> Locator:
        """Open the *Materialize* dialog of an asset and fill it in; return the dialog."""
        self.open(f"/assets/{asset}")
        self.page.get_by_role("button", name="Materialize").first.click()
        dialog = self._fill_in(campaigns, rounds)
        if missing_only:
            dialog.get_by_text("Backfill only failed and missing").click()
        return dialog

    def launch(self, dialog: Locator) -> str:
        """Launch what a dialog asks for; return the path of the run or backfill."""
        dialog.get_by_role("button", name=re.compile("^Launch")).click()
        return self._launched()

    def run_of(self, path: str) -> str:
        """Return the path of the only run of what was launched, as soon as there is one."""
        if not path.startswith("/runs/b/"):
            return path
        self.open(path)
        self.page.get_by_role("tab", name="Runs").click()
        link = self.page.locator("a[href^='/runs/']").filter(has_text=re.compile("^[0-9a-f]{8}$"))
        expect(link).to_have_count(1, timeout=BACKFILL_MILLISECONDS)
        return str(link.get_attribute("href"))

    def cancel_backfill(self, path: str) -> None:
        """Cancel a backfill from its page."""
        self.open(path)
        self.page.locator("button:has([aria-label=expand_more])").click()
        self.page.get_by_role("menuitem", name="Cancel backfill").click()
        self.page.get_by_role("button", name="Cancel backfill").click()

    def await_backfill(self, path: str, status: str) -> None:
        """Wait on the page of a backfill until it shows a status."""
        self.open(path)
        shown = self.page.get_by_text(status, exact=True)
        expect(shown.first).to_be_visible(timeout=BACKFILL_MILLISECONDS)

    def outcome(self, run: str) -> str:
        """Wait on the page of a run until it has ended; return how."""
        self.open(run)
        status = self.page.get_by_text(ENDED).first
        status.wait_for(timeout=RUN_MILLISECONDS)
        return status.inner_text()

    def expect_event(self, run: str, events: str, text: str) -> None:
        """See a text among the events of a run that a filter leaves."""
        self.open(run)
        self.page.get_by_placeholder("Filter…").fill(events)
        expect(self.page.get_by_text(text).first).to_be_visible()

    def open_partitions(self, asset: str, *keys: str) -> None:
        """Open the partitions of an asset, and the one of these keys, a key a dimension."""
        self.open(f"/assets/{asset}?view=partitions")
        for key in keys:
            self.page.get_by_text(key, exact=True).locator("visible=true").first.click()

    def partitions(self, status: str) -> int:
        """Return how many partitions the page of partitions counts under a status."""
        shown = self.page.get_by_text(re.compile(rf"^{status} \([\d,]+\)$"))
        return int(re.sub(r"\D", "", shown.inner_text()))

    def link(self, text: str) -> Locator:
        """Return the link that shows a text, whatever icons stand beside it."""
        return self.page.get_by_role("link").filter(has=self.page.get_by_text(text, exact=True))

    def metadata(self, key: str) -> Locator:
        """Return the row of the open page that holds a piece of metadata."""
        return self.page.get_by_role("row").filter(has=self.page.get_by_text(key, exact=True))

    def show_metadata(self, key: str) -> Locator:
        """Return what shows a piece of metadata: its row, or the dialog that a link there opens."""
        row = self.metadata(key)
        row.wait_for()
        link = row.get_by_text("[Show Markdown]")
        if not link.count():  # the UI shows short text in place
            return row
        link.click()
        return self.page.get_by_role("dialog")

    def _fill_in(self, campaigns: tuple[str, ...], rounds: str = "") -> Locator:
        dialog = self.page.get_by_role("dialog")
        range_field = dialog.get_by_placeholder("ex: round-001")
        missing = dialog.get_by_role("button", name="Missing", exact=True)
        (range_field if rounds else missing).wait_for()  # until then its lists are made anew
        dialog.get_by_text("Select a partition or create one").click()
        for campaign in campaigns:
            named = self.page.get_by_text(campaign, exact=True)
            self.page.get_by_role("menuitem").filter(has=named).click()
        dialog.get_by_text(re.compile("^Launch runs to")).click()  # closes the list
        if rounds:
            range_field.fill(rounds)
            range_field.press("Enter")
        return dialog

    def _launched(self) -> str:
        """Return where the note leads that says that something was launched."""
        link = self.page.get_by_role("link", name="View", exact=True)
        path = link.get_attribute("href")
        assert path, "the note leads nowhere"
        return path

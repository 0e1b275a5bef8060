"""The pages of the rounds of a run, as it goes on."""

import math
import time
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import polars as pl

from equal_assets.pages.campaign_run import (
    campaign_run,
    link_campaign,
    round_spend,
    rounds_tags,
    tag_run,
)
from equal_assets.pages.selection import round_numbers, round_page
from equal_assets.partitions import round_key
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings

PAGES_EVERY_SECONDS = 60.0
"""In a run of several rounds, pages with pictures and tables are made so often, and at its end."""


@dataclass
class RoundPages:
    """Reports each round of a run at once, by its numbers; with pictures and to MLflow seldom.

    A run that is killed has reported every round that is stored. What MLflow lacks then is logged
    by the next run, or with `reward_curve`, which has the pictures too.
    """

    context: dg.AssetExecutionContext
    warehouse: Warehouse
    settings: Settings
    tracker: Tracker
    version: dg.DataVersion
    spent: list[dict[str, Any]] = field(default_factory=list)
    pending: tuple[str, int, dict] | None = None  # the last round, if only its numbers are shown
    made_at: float = -math.inf

    def add(self, campaign: str, number: int, *, is_new: bool) -> None:
        """Report a round."""
        if self.pending and is_new and self.pending[0] == campaign:
            self._keep(*self.pending)
            self.pending = None
        self.complete()
        curve = self.warehouse.query("reward_curve", campaign=campaign)
        if is_new:
            self.spent.append(round_spend(curve, number))
        is_due = time.monotonic() - self.made_at >= PAGES_EVERY_SECONDS
        if is_new and not is_due and len(self.context.partition_keys) > 1:
            page = round_numbers(curve, number)
            self.pending = (campaign, number, page)
        else:
            page = self._page(campaign, number, curve, is_new=is_new)
            self._keep(campaign, number, page)
        self._log(campaign, number, page)

    def complete(self) -> None:
        """Make the page of the last round, if that is still to be done."""
        if self.pending is None:
            return
        campaign, number, _ = self.pending
        curve = self.warehouse.query("reward_curve", campaign=campaign)
        self._keep(campaign, number, self._page(campaign, number, curve, is_new=True))
        self.pending = None

    def _page(self, campaign: str, number: int, curve: pl.DataFrame, *, is_new: bool) -> dict:
        """Return all that the page of a round shows; MLflow and the run are up to date then."""
        page = round_page(self.warehouse, campaign, number, curve=curve, is_new=is_new)
        if len(curve):
            run_id = campaign_run(self.warehouse, self.tracker, campaign)
            self.tracker.log_rounds(run_id, curve)
            page["MLflow run"] = link_campaign(
                self.context, self.settings, self.warehouse, self.tracker, campaign
            )
        if self.spent:
            tag_run(self.context, rounds_tags(self.spent))
        self.made_at = time.monotonic()
        return page

    def _log(self, campaign: str, number: int, page: dict) -> None:
        """Record the round's partition now, so that a later failure in the same run keeps it."""
        if len(self.context.partition_keys) > 1:
            self.context.log_event(
                dg.AssetMaterialization(
                    "bandit_round",
                    partition=str(round_key(campaign, number)),
                    metadata=page,
                    tags={"dagster/data_version": self.version.value},
                )
            )

    def _keep(self, campaign: str, number: int, page: dict) -> None:
        """Record what the round's page shows once the run is over."""
        self.context.add_asset_metadata(page, partition_key=str(round_key(campaign, number)))

"""Playing a campaign again, from its first round or a later one, and the job that does it.

LLM answers stay in the store: a round that is played again uses the same documents, unless
something has changed, and pays for none of them twice.
"""

import json
from dataclasses import dataclass

import dagster as dg
import polars as pl
from pydantic import Field

from equal_assets.errors import CampaignError
from equal_assets.graph import ASSETS, descendants
from equal_assets.partitions import round_key
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.verdicts import verdicts_beside
from equal_assets.resources.warehouse import Transaction, Warehouse
from equal_assets.runs import at_work
from equal_assets.settings import Settings, fingerprint
from equal_assets.versions import campaign_inputs, stored_versions

START_TABLES = ("campaign_settings", "document_ratings")
"""Written before the first round of a campaign, or with it."""


@dataclass(frozen=True)
class Rerun:
    """What becomes invalid when a campaign is played again from a round on.

    Attributes
    ----------
    campaign : str
    from_round, last_round : int
        The rounds that are removed.
    n_documents, n_pairs : int
        Documents used in these rounds, and pairs extracted.
    results : tuple of str
        Stored assets that were made from them.
    """

    campaign: str
    from_round: int
    last_round: int
    n_documents: int
    n_pairs: int
    results: tuple[str, ...]

    def __str__(self) -> str:
        kept = f"rounds 1 to {self.from_round - 1}, and " if self.from_round > 1 else ""
        return (
            f"{self.campaign}: removes rounds {self.from_round} to {self.last_round} "
            f"({self.n_documents:,} documents, {self.n_pairs:,} pairs)\n"
            f"  invalid with them: {', '.join(self.results) or 'nothing else is stored'}\n"
            f"  exported files and reports of {self.campaign} stay as they are until they are "
            "written again\n"
            f"  kept: {kept}everything that was extracted; nothing is paid for twice"
        )


def plan_rerun(
    campaign: str, settings: Settings, warehouse: Warehouse, *, from_round: int
) -> Rerun:
    """Return what becomes invalid if a campaign is played again from a round on.

    Raises
    ------
    CampaignError
        If the campaign is unknown or that round is not stored; or if rounds are to stay that
        were played with other settings.
    """
    if campaign not in settings.campaigns:
        raise CampaignError(
            f"campaign = {campaign}: must be one of {', '.join(settings.campaigns)}"
        )
    last = warehouse.query("last_round", campaign=campaign)["round"].item()
    if not 1 <= from_round <= last:
        rounds = f"1 to {last}, which are stored" if last else "stored, but none is yet"
        raise CampaignError(f"round {from_round} of campaign {campaign}: must be {rounds}")
    if from_round > 1:
        campaign_inputs(campaign, settings, warehouse)
    curve = warehouse.query("reward_curve", campaign=campaign)
    before = curve.filter(pl.col("round") < from_round)
    n_documents, n_pairs = (
        curve[column][-1] - (before[column][-1] if len(before) else 0)
        for column in ("documents", "pool_pairs")
    )
    stored = stored_versions(warehouse)
    results = [
        asset
        for asset in descendants("bandit_round")
        if (asset, ASSETS[asset].partition(campaign)) in stored
    ]
    return Rerun(campaign, from_round, last, n_documents, n_pairs, tuple(results))


def forget_rounds(
    rerun: Rerun, warehouse: Warehouse, extractor: Extractor, tracker: Tracker
) -> None:
    """Remove rounds and what was made from them, in one transaction.

    The strategy goes on from what it had learned before them. The MLflow run is left to the
    attempt before; the rounds that stay are logged to a new one.
    """
    name = rerun.campaign
    if rerun.from_round == 1:
        restart_campaign(name, warehouse, extractor, tracker)
        return
    with warehouse.transaction() as transaction:
        for number in range(rerun.from_round, rerun.last_round + 1):
            for table in ASSETS["bandit_round"].tables:
                transaction.delete(table, campaign=name, round=number)
        start = transaction.query("campaign_start", campaign=name).row(0, named=True)
        _forget_results(transaction, name)
        transaction.record(
            "bandit_round",
            partition=name,
            inputs=json.loads(start["settings"]),
            version=fingerprint([start["fingerprint"], rerun.from_round - 1]),
            seconds=0.0,
        )
    verdicts_beside(warehouse.database).forget_rounds(name, rerun.from_round)
    tracker.supersede(name)


def restart_campaign(
    name: str, warehouse: Warehouse, extractor: Extractor, tracker: Tracker
) -> None:
    """Forget a campaign's rounds and what was made from them; extractions stay in the store."""
    with warehouse.transaction() as transaction:
        for table in (*START_TABLES, *ASSETS["bandit_round"].tables):
            transaction.delete(table, campaign=name)
        _forget_results(transaction, name)
        transaction.delete("materialized", partition=name)
        transaction.execute("disown_extractions", campaign=name)
    verdicts_beside(warehouse.database).forget_rounds(name, 1)
    extractor.disown(name)
    tracker.supersede(name)


def _forget_results(transaction: Transaction, name: str) -> None:
    """Forget what was made from the rounds of a campaign; the comparison is only out of date."""
    made = [ASSETS[asset] for asset in ("bandit_round", *descendants("bandit_round"))]
    for row in made:
        transaction.delete("materialized", asset=row.name, partition=row.partition(name))
    for table in (table for row in made[1:] if row.is_of_campaign for table in row.tables):
        transaction.delete(table, campaign=name)


class RerunConfig(dg.Config):
    """Which rounds are removed."""

    campaign: str
    from_round: int = Field(description="the first round to go; all after it go too")
    confirm: bool = Field(
        default=False, description="false: fail, and say what would be removed and made invalid"
    )


@dg.op
def remove_rounds(
    context: dg.OpExecutionContext,
    config: RerunConfig,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
    tracker: Tracker,
) -> None:
    """Remove the rounds of a campaign from one on, and what was made from them."""
    try:
        rerun = plan_rerun(
            config.campaign, campaigns.load(), warehouse, from_round=config.from_round
        )
    except CampaignError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    busy = at_work(context.instance, config.campaign, but=context.run_id)
    if busy or not config.confirm:
        wanted = f"{busy}: wait for it" if busy else "Nothing was removed: set confirm: true"
        raise dg.Failure(f"{rerun}\n{wanted}", allow_retries=False)
    forget_rounds(rerun, warehouse, extractor, tracker)
    first, last = (round_key(config.campaign, n) for n in (rerun.from_round, rerun.last_round))
    context.log.info(
        f"{rerun}\nremoved; Dagster still shows their partitions as materialized. Launch "
        f"play_rounds for {first} to {last}, then finish_campaign for {config.campaign}, or leave "
        f"both to the automation; `equal run {config.campaign}` does the same"
    )


@dg.job(description="Removes rounds of a campaign, so that they can be played again.")
def rerun_rounds() -> None:
    """Remove rounds of a campaign."""
    remove_rounds()

"""Job `rerun_rounds`: removes rounds of a campaign, so that they can be played anew."""

import dagster as dg
from pydantic import Field

from equal_assets.errors import CampaignError
from equal_assets.partitions import round_key
from equal_assets.rerun import forget_rounds, plan_rerun
from equal_assets.resources.campaigns_file import CampaignsFile
from equal_assets.resources.extractors import Extractor
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.runs_at_work import at_work


class Rerun(dg.Config):
    """Which rounds are removed."""

    campaign: str
    from_round: int = Field(description="the first round to go; all after it go too")
    confirm: bool = Field(
        default=False, description="false: fail, and say what would be removed and made invalid"
    )


@dg.op
def remove_rounds(
    context: dg.OpExecutionContext,
    config: Rerun,
    warehouse: Warehouse,
    campaigns: CampaignsFile,
    extractor: Extractor,
    tracker: Tracker,
) -> None:
    """Remove the rounds of a campaign from one on, and what was made of them."""
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


@dg.job(description="Removes rounds of a campaign, so that they can be played anew.")
def rerun_rounds() -> None:
    """Remove rounds of a campaign."""
    remove_rounds()

"""Lost requests count as not charged, and campaigns that they ended early can go on."""

from collections.abc import Sequence

from equal_assets.records import WARM_UP
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings


def release_lost(
    settings: Settings, extractor: Extractor, warehouse: Warehouse, names: Sequence[str]
) -> list[str]:
    """Release what lost requests of campaigns and the warm-up hold; return what can go on.

    A campaign that a budget of tokens or money ended before its last round is open again. If there
    is still no room, the next run ends it as it was.
    """
    payers = [lost.payer for lost in extractor.lost() if lost.payer in (WARM_UP, *names)]
    reopened = []
    for payer in payers:
        extractor.release_lost(payer)
        if payer == WARM_UP:
            continue
        progress = warehouse.query("last_round", campaign=payer).row(0, named=True)
        is_short = progress["round"] < settings.campaigns[payer].n_rounds
        if progress["ended_by"] == "budget" and is_short:
            with warehouse.transaction() as transaction:
                transaction.execute("reopen_campaign", campaign=payer, round=progress["round"])
            reopened.append(payer)
    return reopened

"""The documents that a campaign would ask for first, extracted before it is played."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, zip_longest

import dagster as dg
import numpy as np

from equal_assets.algorithms.strategies.strategy import Pull
from equal_assets.errors import CampaignError
from equal_assets.progress import report
from equal_assets.records import PREVIEW, WARM_UP
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.extraction.store import (
    campaign_caps,
    extract_through_store,
    warmup_caps,
)
from equal_assets.resources.llm.spending import Cap
from equal_assets.resources.warehouse import Warehouse, read_documents
from equal_assets.settings import Settings
from equal_assets.steps.round_player import RoundPlayer
from equal_assets.steps.rounds import plan_round
from equal_assets.steps.sample import draw_sample


@dataclass(frozen=True)
class Asked:
    """Documents to look at, and who pays for them.

    Attributes
    ----------
    document_ids : list of str
        In the order in which they are shown.
    payer : str
        ``"warm-up"`` or ``"campaign|preview"``.
    """

    document_ids: list[str]
    payer: str

    def caps(self, settings: Settings, extractor: Extractor, warehouse: Warehouse) -> list[Cap]:
        """Return the caps that they count against."""
        if self.payer == WARM_UP:
            return warmup_caps(settings.warmup, extractor)
        name = self.payer.partition("|")[0]
        return campaign_caps(name, settings.campaigns[name], extractor, warehouse)


def of_sample(settings: Settings, warehouse: Warehouse, *, n_documents: int) -> Asked:
    """Return documents of the warm-up sample, drawn by chance: it is what is asked for first."""
    sample = draw_sample(warehouse, settings.warmup)
    order = np.random.default_rng(settings.warmup.seed).permutation(len(sample))
    return Asked([str(sample[row]) for row in order[:n_documents]], WARM_UP)


def check_plan(name: str, settings: Settings, warehouse: Warehouse) -> int:
    """Return the number of a campaign's next round.

    Raises
    ------
    CampaignError
        If it has ended, or rates documents first, which would be paid for.
    """
    else_random = f"`equal preview {name} --random` shows documents drawn by chance"
    progress = warehouse.query("last_round", campaign=name).row(0, named=True)
    if progress["ended_by"]:
        raise CampaignError(
            f"{name}: ended with round {progress['round']}, by {progress['ended_by']}, and asks "
            f"for no further document; {else_random}"
        )
    row = settings.campaigns[name].strategy_row
    if row.needs_ratings and warehouse.query("rated_documents", campaign=name).is_empty():
        raise CampaignError(
            f"campaigns.{name}.strategy = {row.name!r}: its first documents are known once the LLM "
            f"has rated its candidates, which is paid for; `equal run` does it first. {else_random}"
        )
    return int(progress["round"]) + 1


def of_plan(player: RoundPlayer, number: int, *, n_documents: int) -> Asked:
    """Return the first documents of a round, one of each of its pulls in turn."""
    rows = in_turn(plan_round(player, number))[:n_documents]
    return Asked([str(player.document_ids[row]) for row in rows], f"{player.name}|{PREVIEW}")


def in_turn(pulls: Sequence[Pull]) -> list[int]:
    """Return the documents of pulls: the first of each, then the second of each, and so on."""
    columns = zip_longest(*(pull.documents for pull in pulls))
    return [row for row in chain.from_iterable(columns) if row is not None]


def extract_asked(
    asked: Asked,
    extractors: dict[str, Extractor],
    settings: Settings,
    warehouse: Warehouse,
    *,
    run: str,
    log: dg.DagsterLogManager,
) -> None:
    """Extract documents by each extractor, through the store.

    Raises
    ------
    CampaignError
        If the caps have room for none of them.
    ExtractionError
        If a cap of the run is spent, or no server answers.
    """
    documents = read_documents(warehouse, asked.document_ids)
    for label, extractor in extractors.items():
        caps = asked.caps(settings, extractor, warehouse)
        with closing(extractor):
            extracted = extract_through_store(
                warehouse,
                extractor,
                documents,
                asked_by=asked.payer,
                run=run,
                caps=caps,
                progress=report(log, f"preview, {label}: extract"),
            )
        if extracted.is_empty():
            stated = ", ".join(f"{cap} ({cap.used:,.10g} used)" for cap in caps)
            raise CampaignError(
                f"{stated}: no room for a single document of the preview, whose requests are "
                "reserved at their maximum possible cost. Raise the budget, or lower "
                "extractor.max_reply_tokens or extractor.chunk_characters"
            )

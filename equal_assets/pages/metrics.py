"""How far campaigns are, as Prometheus reads it: text with a number per line."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from equal_assets.errors import EqualError
from equal_assets.records import WARM_UP
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

REREAD_SECONDS = 5.0
"""Who asks more often gets the same numbers: the warehouse is opened for none of it."""

CAMPAIGN = {
    "rounds": "Rounds that are stored.",
    "documents": "Documents that were extracted.",
    "failed": "Documents whose extraction failed.",
    "pairs": "Question-answer pairs that were found.",
    "examples": "Pairs in the data set.",
    "tokens": "Tokens of the LLM, also those that another campaign has paid.",
    "paid_tokens": "Tokens of the LLM that this campaign has paid.",
    "cost": "Money for these tokens, also what another campaign has paid.",
    "paid_cost": "Money that this campaign has paid.",
    "seconds": "Seconds that the rounds took.",
}
"""Columns of the query `campaign_status` that are metrics."""

COVERED = {
    "target_coverage": "How well the pairs cover the target, from 0 to 1.",
    "near_pairs": "Pairs near the target.",
}
"""The same of the view `coverage_curve`, in its last round."""

BUDGETS = ("rounds", "documents", "pairs", "tokens", "cost")

Labels = tuple[tuple[str, str], ...]


class Gauges:
    """Numbers by name and labels, written in the text format of Prometheus."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._values: dict[str, dict[Labels, float]] = defaultdict(dict)

    def set(self, name: str, told: str, value: float, **labels: str) -> None:
        """Set a number; ``told`` says what it is."""
        self._told[name] = told
        self._values[name][tuple(labels.items())] = value

    def text(self) -> str:
        """Return all numbers as text."""
        return "".join(f"{line}\n" for name in self._told for line in self._lines(name))

    def _lines(self, name: str) -> Iterator[str]:
        yield f"# HELP {name} {self._told[name]}"
        yield f"# TYPE {name} gauge"
        for labels, value in self._values[name].items():
            shown = ",".join(f'{label}="{_escaped(said)}"' for label, said in labels)
            yield f"{name}{{{shown}}} {value!r}" if labels else f"{name} {value!r}"


@dataclass
class CampaignMetrics:
    """The numbers of all campaigns, and those that were read last while others write.

    Attributes
    ----------
    settings : callable
        Returns the settings of now.
    extractor : callable
        Returns the extractor of settings.
    warehouse : Warehouse
        That gives up soon where another process writes.
    clock : callable
        Returns seconds.
    """

    settings: Callable[[], Settings]
    extractor: Callable[[Settings], Extractor]
    warehouse: Warehouse
    clock: Callable[[], float]
    _read: str = field(default="", init=False)
    _read_at: float | None = field(default=None, init=False)
    _is_up: bool = field(default=False, init=False)
    _one: threading.Lock = field(default_factory=threading.Lock, init=False)

    def text(self) -> str:
        """Return the numbers of now, or of the last time when the warehouse could be read."""
        with self._one:
            return self._text()

    def _text(self) -> str:
        now = self.clock()
        if self._read_at is None or now - self._read_at >= REREAD_SECONDS:
            try:
                self._read = _campaigns(self.settings(), self.extractor, self.warehouse).text()
                self._read_at, self._is_up = now, True
            except EqualError:  # others write, or the file is being edited: the next time
                self._is_up = False
        gauges = Gauges()
        gauges.set(
            "equal_up",
            "1: the numbers are of now; 0: the warehouse could not be read, for a run writes.",
            int(self._is_up),
        )
        if self._read_at is not None:
            gauges.set(
                "equal_age_seconds", "Since the numbers were read.", round(now - self._read_at, 3)
            )
        return gauges.text() + self._read


def _campaigns(
    settings: Settings, extractor: Callable[[Settings], Extractor], warehouse: Warehouse
) -> Gauges:
    """Return the numbers of the campaigns of campaigns.yaml."""
    gauges, names = Gauges(), list(settings.campaigns)
    with warehouse.reading() as read:
        standing = read.query("campaign_status")
        covered = read.query("coverage_curve", campaigns=names)
    covered = covered.group_by("campaign", maintain_order=True).last()
    for name, campaign in settings.campaigns.items():
        gauges.set(
            "equal_campaign_info",
            "A campaign of campaigns.yaml.",
            1,
            campaign=name,
            strategy=campaign.strategy,
            target=campaign.target,
            currency=settings.currency,
        )
        for unit in BUDGETS:
            budget = campaign.n_rounds if unit == "rounds" else getattr(campaign, f"budget_{unit}")
            if budget is not None:
                told = "Limit of campaigns.yaml, by unit."
                gauges.set("equal_campaign_budget", told, budget, campaign=name, unit=unit)
        row = _row(standing, name)
        told = "1: budget or gain have ended the campaign."
        gauges.set("equal_campaign_ended", told, int(bool(row.get("ended_by"))), campaign=name)
        for column, told in CAMPAIGN.items():
            gauges.set(f"equal_campaign_{column}", told, row.get(column) or 0, campaign=name)
        for column, told in COVERED.items():
            if (value := _row(covered, name).get(column)) is not None:
                gauges.set(f"equal_campaign_{column}", told, value, campaign=name)
    _requests(gauges, extractor(settings), [*names, WARM_UP])
    return gauges


def _requests(gauges: Gauges, extractor: Extractor, payers: list[str]) -> None:
    """Set what the journal of requests says."""
    in_flight = extractor.in_flight()
    lost = {found.payer: found.n_requests for found in extractor.lost()}
    for payer in payers:
        told = "Requests to the LLM whose reply has not come."
        gauges.set("equal_requests_in_flight", told, in_flight.get(payer, 0), campaign=payer)
        told = "Requests of which nobody knows whether they are charged; they count as paid."
        gauges.set("equal_requests_lost", told, lost.get(payer, 0), campaign=payer)


def _row(rows: pl.DataFrame, campaign: str) -> dict[str, Any]:
    found = rows.filter(pl.col("campaign") == campaign)
    return found.row(0, named=True) if len(found) else {}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

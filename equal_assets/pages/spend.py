"""What extraction will take, took and failed at, as the `equal` command prints it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl
from rich.console import Console
from rich.table import Table

from equal_assets.pages.corpus import chunks_of_pages
from equal_assets.pages.values import money
from equal_assets.planning.durations import lasting_between
from equal_assets.planning.estimate import (
    Estimate,
    estimates,
    together,
    tokens_per_document,
)
from equal_assets.planning.pairs import PairsToCome, pairs_to_come
from equal_assets.records import WARM_UP
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.extraction.store import campaign_caps
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import CampaignSettings, Settings

WHOLLY_FAILED = "Documents that failed (`equal retry` tries them again):"
PARTLY_FAILED = (
    "Documents that gave pairs, but perhaps not all (`equal retry` tries these again too; what was "
    "cut off, only with a higher max_reply_tokens):"
)

PLACES = {"tokens": ",.0f", "cost": ",.2f"}


def budget_used(
    name: str, campaign: CampaignSettings, extractor: Extractor, warehouse: Warehouse
) -> dict[str, str]:
    """Return a row of the status table for each budget of tokens or money."""
    return {
        f"budget_{cap.unit} used, with lost requests": (
            f"{cap.used:{PLACES[cap.unit]}} of {cap.limit:{PLACES[cap.unit]}}"
        )
        for cap in campaign_caps(name, campaign, extractor, warehouse)
    }


def warm_up_line(extractor: Extractor, currency: str = "") -> str | None:
    """Return what the warm-up has asked for, which no campaign's column counts; None for nothing.

    Requests that it has in flight count at their maximum.
    """
    paid = extractor.paid_by(WARM_UP)
    if not paid.documents:
        return None
    cost = f", cost {money(paid.cost, currency)}" if paid.cost else ""
    return (
        f"warm-up: {paid.documents:,} documents sent to the LLM, {paid.tokens:,} tokens{cost}, "
        "for all campaigns"
    )


def n_failed(extractor: Extractor, warehouse: Warehouse, names: Sequence[str]) -> int:
    """Return how many documents of the warm-up and of campaigns failed, whole or in part."""
    return int(_failures(extractor, warehouse, names)["documents"].sum())


def print_failures(
    console: Console, extractor: Extractor, warehouse: Warehouse, names: Sequence[str]
) -> None:
    """Print a line for each reason why documents failed, and then why some failed in part."""
    rows = _failures(extractor, warehouse, names)
    for head, found in (
        (WHOLLY_FAILED, rows.filter(~pl.col("gave_pairs"))),
        (PARTLY_FAILED, rows.filter("gave_pairs")),
    ):
        if not found.is_empty():
            console.print(head, soft_wrap=True)
        for row in found.iter_rows(named=True):
            tries = "1 try" if row["tries"] == 1 else f"{row['tries']:,} tries"
            console.print(
                f"  {row['campaign']}: {row['documents']:,} x {row['reason']} ({tries})",
                highlight=False,
                soft_wrap=True,
            )


def print_lost(
    console: Console, extractor: Extractor, names: Sequence[str], currency: str = ""
) -> bool:
    """Print what lost requests of the warm-up and of campaigns hold; say whether there are any."""
    found = [lost for lost in extractor.lost() if lost.payer in (WARM_UP, *names)]
    if not found:
        return False
    console.print(
        "Lost requests (nobody knows if they were charged, so they count at their maximum, or "
        "as far as their reply was followed; "
        "`equal retry --release-lost` counts them as not charged):",
        soft_wrap=True,
    )
    for lost in found:
        since = datetime.fromtimestamp(lost.since).strftime("%Y-%m-%d %H:%M")
        held = money(lost.amount.cost, currency, form=",.4f")
        cost = f", cost {held}" if lost.amount.cost else ""
        console.print(
            f"  {lost.payer}: {lost.n_requests:,} requests hold {lost.amount.tokens:,} tokens"
            f"{cost}, since {since}",
            highlight=False,
            soft_wrap=True,
        )
    return True


def print_estimate(
    console: Console,
    settings: Settings,
    extractor: Extractor,
    warehouse: Warehouse,
    names: Sequence[str],
) -> None:
    """Print what the warm-up and campaigns have still to pay for."""
    each = tokens_per_document(settings, extractor, warehouse)
    table = Table(title="Still to be extracted", title_justify="left")
    for heading in ("", "documents", "tokens", "between", "money", "ends by"):
        is_text = heading in ("", "ends by")
        table.add_column(heading, justify="left" if is_text else "right", overflow="fold")
    found = estimates(settings, names, each, extractor, warehouse)
    total = together(found, each, extractor, warehouse)
    for row in (*found, total):
        if row is total:
            table.add_section()
        cells = (f"{row.documents:,}", f"{row.tokens:,}", _between(*row.between))
        table.add_row(row.payer, *cells, money(row.cost, settings.currency), row.ends_by)
    console.print(table)
    console.print(
        f"A document: {each.prompt:,.0f} prompt and {each.completion:,.0f} completion tokens, "
        f"{each.basis}. A document is paid once, whoever asks for it; campaigns that choose alike "
        "take less.",
        highlight=False,
    )
    if each.n_measured:
        n_extracted = total.documents - sum(row.documents for row in found if row.of_ratings)
        lasts = lasting_between(*(n_extracted * seconds for seconds in each.pace))
        console.print(f"Extraction takes {lasts}, at the pace seen so far.", highlight=False)
    elif each.total:
        console.print(
            "`equal preview` measures tokens and time on five documents.", highlight=False
        )
    corpus = warehouse.query("corpus_summary").row(0, named=True)
    if cut := chunks_of_pages(corpus["n_chunks"], corpus["n_pages"]):
        n_documents = corpus["n_documents"]
        console.print(f"Documents: {n_documents:,}, among them {cut}.", highlight=False)
    for name in names:
        pairs = pairs_to_come(
            name, settings.campaigns[name], warehouse, extractor=extractor.fingerprint
        )
        if pairs is not None:
            console.print(_pairs_line(name, pairs, found), highlight=False)
    for cap in extractor.run_caps(""):
        console.print(f"A run stops at {cap}.", highlight=False)


def _pairs_line(name: str, pairs: PairsToCome, found: Sequence[Estimate]) -> str:
    """Return how many documents a budget of pairs takes, in a sentence."""
    row = next(row for row in found if row.payer == name)
    if row.documents_between is None:
        return f"{name}: {row.ends_by}."
    least, most = row.documents_between
    return (
        f"{name}: {row.documents:,} documents ({least:,} to {most:,}) until {row.ends_by} ends it; "
        f"{pairs.basis}."
    )


def _between(least: int, most: int) -> str:
    return f"{least:,} to {most:,}"


def _failures(extractor: Extractor, warehouse: Warehouse, names: Sequence[str]) -> pl.DataFrame:
    """Return campaign or warm-up, reason, documents and tries of what failed, whole or in part."""
    of_campaigns = warehouse.query("failures", campaigns=list(names), rounds=[])
    of_warm_up = (
        warehouse.query("failed_warmup", extractor=extractor.fingerprint)
        .group_by("campaign", "reason", "gave_pairs")
        .agg(documents=pl.len().cast(pl.Int64), tries=pl.col("n_tries").sum().cast(pl.Int64))
        .sort("documents", "reason", descending=[True, False])
    )
    return pl.concat([of_warm_up, of_campaigns])

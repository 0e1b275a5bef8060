"""How far campaigns are, as the `equal` command prints it: one column per campaign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
from rich.table import Table

from equal_assets.pages.corpus import chunks_of_pages
from equal_assets.pages.coverage import CoverageCurve, coverage_curves, lines
from equal_assets.pages.review import unreviewed
from equal_assets.pages.spend import budget_used
from equal_assets.pages.students import asked_questions
from equal_assets.pages.values import (
    NONE,
    change,
    metric_form,
    metric_label,
    money,
    number,
    with_interval,
)
from equal_assets.planning.estimate import estimates, tokens_per_document
from equal_assets.planning.pairs import pairs_to_come
from equal_assets.resources.extraction.extractors import Extractor
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings

COUNTED = (
    "rounds",
    "documents",
    "chunks",
    "pages",
    "pairs",
    "tokens",
    "paid_tokens",
    "cost",
    "paid_cost",
)
MEASURED = (
    "ended_by",
    "ended_because",
    "accepted",
    "ot_cost_first",
    "ot_cost_last",
    "examples",
    "seconds",
)
LABEL_CHARACTERS, COLUMN_CHARACTERS = 27, 17
"""Least width of the labels and of a campaign, borders included: three fit in 80 characters."""

NOTHING_YET = {**dict.fromkeys(COUNTED, 0), **dict.fromkeys(MEASURED)}


def status_tables(
    settings: Settings,
    extractor: Extractor,
    warehouse: Warehouse,
    names: Sequence[str],
    *,
    width: int,
) -> Iterator[Table]:
    """Yield rounds, budget, reward and students of campaigns, as many beside each other as fit.

    Parameters
    ----------
    settings : Settings
    extractor : Extractor
    warehouse : Warehouse
    names : sequence of str
        Of the campaigns.
    width : int
        Of the terminal; characters.
    """
    rows = warehouse.query("campaign_status")
    standing = {row["campaign"]: row for row in rows.iter_rows(named=True)}
    students = warehouse.query("student_accuracy", campaigns=list(names))
    covered = coverage_curves(warehouse, names)
    columns = {
        name: _standing(settings, name, standing.get(name, NOTHING_YET), covered[name])
        | _to_come(name, settings, extractor, warehouse, standing.get(name, NOTHING_YET))
        | _students(students.filter(pl.col("campaign") == name))
        | budget_used(name, settings.campaigns[name], extractor, warehouse)
        for name in names
    }
    labels = list(dict.fromkeys(label for column in columns.values() for label in column))
    n_beside = max(1, (width - LABEL_CHARACTERS) // COLUMN_CHARACTERS)
    for start in range(0, len(names), n_beside):
        beside = names[start : start + n_beside]
        table = Table(title="Campaigns", title_justify="left")
        table.add_column("")
        for name in beside:
            table.add_column(name, justify="right", overflow="fold")
        for label in labels:
            table.add_row(label, *(columns[name].get(label, NONE) for name in beside))
        yield table


def said_below(warehouse: Warehouse, names: Sequence[str]) -> Iterator[str]:
    """Yield a sentence per campaign: why it ended, whether another document pays, what is open."""
    standing = {row["campaign"]: row for row in warehouse.query("campaign_status").to_dicts()}
    covered = coverage_curves(warehouse, names)
    for name in names:
        if because := standing.get(name, NOTHING_YET)["ended_because"]:
            yield f"{name} has ended. {because}."
        if covered[name]:
            yield f"{name}: {covered[name].verdict}"
    yield from unreviewed(warehouse, names)


def _standing(
    settings: Settings, name: str, row: dict[str, Any], covered: CoverageCurve
) -> dict[str, str]:
    campaign = settings.campaigns[name]
    return {
        "strategy": campaign.strategy,
        "rounds": f"{row['rounds']} of {campaign.n_rounds}",
        "ended by": row["ended_by"] or NONE,
        **lines(covered),
        "documents used": f"{row['documents']:,} of {campaign.budget_documents:,}",
        **({"of these": cut} if (cut := chunks_of_pages(row["chunks"], row["pages"])) else {}),
        "pairs extracted": f"{row['pairs']:,}",
        "LLM tokens (of these paid)": f"{row['tokens']:,} ({row['paid_tokens']:,})",
        "cost (of this paid)": (
            f"{money(row['cost'], settings.currency)} "
            f"({money(row['paid_cost'], settings.currency)})"
        ),
        "OT cost, first → last round": change(
            row["ot_cost_first"], row["ot_cost_last"], form=".3f"
        ),
        "seconds in rounds": number(row["seconds"], ".0f"),
        "training examples": number(row["examples"], ",d"),
    }


def _to_come(
    name: str,
    settings: Settings,
    extractor: Extractor,
    warehouse: Warehouse,
    row: dict[str, Any],
) -> dict[str, str]:
    """Return how far a budget of pairs is met, and what it should still take until it is."""
    campaign = settings.campaigns[name]
    wanted = campaign.budget_pairs
    if wanted is None:
        return {}
    pairs = pairs_to_come(name, campaign, warehouse, extractor=extractor.fingerprint)
    if row["ended_by"]:
        return {"accepted pairs": f"{row['accepted'] or 0:,} of {wanted:,}"}
    if pairs is None:
        return {"accepted pairs": f"0 of {wanted:,}"}
    each = tokens_per_document(settings, extractor, warehouse)
    found = estimates(settings, [name], each, extractor, warehouse)
    estimate = next(found for found in found if found.payer == name)
    least, most = estimate.documents_between or (estimate.documents, estimate.documents)
    shown = {
        "accepted pairs": f"about {pairs.accepted:,} of {wanted:,}",
        "documents to come": f"{estimate.documents:,} ({least:,} to {most:,})",
        "it ends by": estimate.ends_by,
    }
    if estimate.tokens:
        fewest, largest = estimate.between
        price = estimate.cost / estimate.tokens
        shown["tokens to come"] = f"{estimate.tokens:,} ({fewest:,} to {largest:,})"
        shown["cost to come"] = (
            f"{money(estimate.cost, settings.currency)} ({price * fewest:,.2f} to "
            f"{price * largest:,.2f})"
        )
    if row["documents"]:
        seconds = row["seconds"] / row["documents"]
        shown["minutes to come"] = (
            f"{seconds * estimate.documents / 60:.1f} ({seconds * least / 60:.1f} to "
            f"{seconds * most / 60:.1f})"
        )
    return shown


def _students(rows: pl.DataFrame) -> dict[str, str]:
    """Return two rows of the table per metric, and of how many test questions, if not of all."""
    asked = {asked_questions(row) for row in rows.iter_rows(named=True)}
    drawn = ", ".join(of for of in asked if " of " in of)
    return ({"test questions asked": drawn} if drawn else {}) | {
        f"{metric_label(row['metric'])}, {shown}": with_interval(
            row, name, form=metric_form(row["metric"])
        )
        for row in rows.iter_rows(named=True)
        for name, shown in (("base", "untuned"), ("tuned", "tuned"))
    }

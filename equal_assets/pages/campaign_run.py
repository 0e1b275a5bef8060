"""A campaign's run in MLflow, the tags of the Dagster runs that play it, and the links between."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import dagster as dg
import polars as pl

from equal_assets.pages.coverage import coverage_curves, lines
from equal_assets.pages.values import money
from equal_assets.resources.tracking import Tracker
from equal_assets.resources.warehouse import Warehouse
from equal_assets.settings import Settings

LINKED_ASSETS = ("reward_curve", "qa_dataset", "student_accuracy")
"""Whose pages an MLflow run leads to, beside the Dagster run that wrote to it last."""


def campaign_run(warehouse: Warehouse, tracker: Tracker, campaign: str) -> str:
    """Return the MLflow run id of a campaign that has started."""
    start = warehouse.query("campaign_start", campaign=campaign).row(0, named=True)
    return tracker.campaign_run(campaign, start["fingerprint"], json.loads(start["settings"]))


def link_campaign(
    context: dg.AssetExecutionContext,
    settings: Settings,
    warehouse: Warehouse,
    tracker: Tracker,
    campaign: str,
) -> dg.MarkdownMetadataValue:
    """Lead from the MLflow run of a campaign to this Dagster run, and return the way back.

    The Dagster run is tagged with the campaign, its strategy and its target.
    """
    tag_run(context, {"campaign": campaign, **settings.tags_of(campaign)})
    run_id = describe_run(settings, warehouse, tracker, campaign, dagster_run_id=context.run_id)
    return run_link(tracker.run_url(run_id), campaign)


def run_link(address: str, name: str) -> dg.MarkdownMetadataValue:
    """Return a link to a run in MLflow by its name: an address would widen the page."""
    return dg.MetadataValue.md(f"[{name}]({address})")


def describe_run(
    settings: Settings,
    warehouse: Warehouse,
    tracker: Tracker,
    campaign: str,
    *,
    dagster_run_id: str | None = None,
) -> str:
    """Say on the MLflow page of a campaign what it is and how far; return the id of its run."""
    run_id = campaign_run(warehouse, tracker, campaign)
    standing = warehouse.query("campaign_status").filter(campaign=campaign).row(0, named=True)
    tags = campaign_tags(settings, campaign, standing)
    covered = lines(coverage_curves(warehouse, [campaign])[campaign])
    tags["covers"] = ", ".join(f"{name}: {value}" for name, value in covered.items())
    tracker.describe(
        run_id,
        {f"equal.{name}": value for name, value in tags.items()},
        _note(settings.tracking.dagster_pages, campaign, dagster_run_id),
    )
    return run_id


def campaign_tags(settings: Settings, name: str, standing: dict[str, Any]) -> dict[str, str]:
    """Return what sets a campaign apart, and how far it is.

    Parameters
    ----------
    settings : Settings
    name : str
        Of the campaign.
    standing : dict
        Its row of the query ``campaign_status``.
    """
    campaign = settings.campaigns[name]
    limits = {"documents": campaign.budget_documents, "tokens": campaign.budget_tokens}
    limits["money"] = campaign.budget_cost  # type: ignore[assignment]
    ended = standing["ended_by"]
    playing = f"round {standing['rounds']} of {campaign.n_rounds}"
    return {
        "strategy": campaign.strategy,
        "target": campaign.target,
        "budget": ", ".join(f"{n:,} {unit}" for unit, n in limits.items() if n is not None),
        "spent": f"{standing['documents']:,} documents, {standing['tokens']:,} tokens, "
        f"{money(standing['cost'], settings.currency or 'money')}",
        "state": f"ended by {ended} after {standing['rounds']} rounds" if ended else playing,
    }


def tag_run(context: dg.AssetExecutionContext, tags: dict[str, str]) -> None:
    """Add tags to a Dagster run while it runs."""
    context.instance.add_run_tags(context.run_id, tags)


def round_spend(curve: pl.DataFrame, number: int) -> dict[str, Any]:
    """Return campaign, round, and what that round alone spent.

    Parameters
    ----------
    curve : DataFrame
        Rows of ``reward_curve`` of one campaign, whose spend is that up to each round.
    number : int
    """
    until = curve.filter(pl.col("round") <= number).select("documents", "tokens", "cost")
    spent = until[-1].row(0, named=True)
    before = until[-2].row(0, named=True) if number > 1 else dict.fromkeys(spent, 0)
    own = {unit: spent[unit] - before[unit] for unit in spent}
    return {"campaign": curve["campaign"][0], "round": number, **own}


def rounds_tags(played: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return the tags of a Dagster run that played rounds: which, and what they spent.

    Parameters
    ----------
    played : sequence of dict
        What :func:`round_spend` says of each round that was new, in order.
    """
    numbers: dict[str, list[int]] = {}
    for row in played:
        numbers.setdefault(row["campaign"], []).append(row["round"])
    ranges = {name: _range(rounds) for name, rounds in numbers.items()}
    named = ranges.values() if len(ranges) == 1 else map(" ".join, ranges.items())
    spent = {unit: sum(row[unit] for row in played) for unit in ("documents", "tokens", "cost")}
    return {
        "campaign": ", ".join(numbers),
        "rounds": ", ".join(named),
        **{unit: f"{value:.10g}" for unit, value in spent.items()},
    }


def _range(rounds: list[int]) -> str:
    first, last = min(rounds), max(rounds)
    return str(first) if first == last else f"{first}-{last}"


def _note(dagster: str, campaign: str, dagster_run_id: str | None) -> str:
    """Return the Markdown that leads to Dagster; MLflow shows a few lines of it."""
    of_campaign = f"view=partitions&partition={quote(campaign)}"
    pages = [("Dagster run", f"{dagster}/runs/{dagster_run_id}")] if dagster_run_id else []
    pages += [(asset, f"{dagster}/assets/{asset}?{of_campaign}") for asset in LINKED_ASSETS]
    return " · ".join(f"[{label}]({address})" for label, address in pages)

"""What the pages of group `selection` show: of a round, and of a whole campaign."""

import json
from typing import Any

import polars as pl

from equal_assets.pages.coverage import BEHIND, CoverageCurve, coverage_curves
from equal_assets.pages.figures.canvas import Picture, drawn
from equal_assets.pages.figures.clusters import campaign_map_figure, pulls_figure
from equal_assets.pages.figures.curves import coverage_figure, reward_curve_figure, spend_figure
from equal_assets.pages.metadata import (
    first_words,
    in_place,
    in_short,
    opened,
    pairs_in_place,
    sparkline,
    with_bars,
)
from equal_assets.pages.values import text
from equal_assets.resources.warehouse import Warehouse

CLUSTERS_AT_A_GLANCE, LISTED_CLUSTERS = 8, 100

NUMBERS = {
    "documents": "documents so far",
    "pool_pairs": "pairs so far",
    "near_pairs": "pairs near the target so far",
    "random_near_pairs": "the same, of random documents",
    "tokens": "LLM tokens so far",
    "paid_tokens": "of these paid",
    "cost": "cost so far",
    "paid_cost": "of this paid",
    "n_cached": "documents found in the store so far",
    "n_failed": "documents that failed so far",
    "n_rejected": "pairs rejected so far",
    "n_requests": "requests of this round",
    "n_tries": "tries of this round",
    "latency_seconds": "seconds a try took",
    "mean_reward": "mean reward of this round",
    "best_reward": "best reward of this round",
    "pool_ot_cost": "OT cost of all pairs so far",
    "seconds": "seconds of this round",
}
"""What people read for the numbers of a round, in order."""

REPLACED = (
    "{campaign} ended after round {last}, before this one ({because}). Below is round {last}, its "
    "last."
)

STORED = (
    "It was there already and was not played again: equal rerun {campaign} --from-round {number} "
    "removes it and all after it, then plays them."
)


def round_page(
    warehouse: Warehouse, campaign: str, number: int, *, curve: pl.DataFrame, is_new: bool
) -> dict:
    """Return the metadata of a round; no figure is drawn for it.

    Parameters
    ----------
    warehouse : Warehouse
    campaign : str
    number : int
        Of the round. Of one that its campaign did not come to, the last round is shown.
    curve : DataFrame
        Rows of ``reward_curve`` of the campaign so far.
    is_new : bool
        Whether the round has just been played.
    """
    if curve.is_empty():
        return {"this round": "the campaign ended before its first round"}
    shown = min(number, len(curve))
    row = curve.row(shown - 1, named=True)
    pulls = warehouse.query("round_pulls", campaign=campaign, round=shown)
    pairs = warehouse.query("sample_pairs", campaign=campaign, round=shown)
    covered = coverage_curves(warehouse, [campaign])[campaign].until(shown)
    said = [
        _replaced(warehouse, campaign, shown) if number > shown else "",
        f"Round {shown} of {_named(warehouse, campaign)}: {pulls['documents'].sum():,} documents "
        f"gave {pulls['pairs'].sum():,} pairs.",
        _verdict(covered),
        "" if is_new or number > shown else STORED.format(campaign=campaign, number=number),
    ]
    return {
        "this round": " ".join(filter(None, said)),
        **_covered(covered),
        "sample pairs": pairs_in_place(pairs),
        "pulls and numbers": opened(
            {
                "clusters pulled, why, and what came out": _without_empty(pulls),
                "numbers": _in_words(row),
                "rewards and OT cost": BEHIND,
                "pairs": in_short(pairs),
                **_not_kept(warehouse, campaign, shown),
            }
        ),
        "rows": row["n_pulls"],
    }


def round_numbers(curve: pl.DataFrame, number: int) -> dict:
    """Return the page of a round that the next one follows at once: its numbers.

    Parameters
    ----------
    curve : DataFrame
        Rows of ``reward_curve`` of the campaign so far.
    number : int
        Of the round.
    """
    row = curve.row(number - 1, named=True)
    return {
        "this round": f"Round {number}: {row['documents']:,} documents so far gave "
        f"{row['pool_pairs']:,} pairs. The curve, pulls and pairs are shown with the last round of "
        "its run.",
        "pulls and numbers": opened({"numbers": _in_words(row)}),
        "rows": row["n_pulls"],
    }


def campaign_figures(
    warehouse: Warehouse, campaign: str, curve: pl.DataFrame
) -> dict[str, Picture]:
    """Return the pictures of a campaign by name; its page and MLflow show the same.

    Parameters
    ----------
    warehouse : Warehouse
    campaign : str
    curve : DataFrame
        Its rows of ``reward_curve``.
    """
    clusters = warehouse.query("campaign_clusters", campaign=campaign)
    reference = warehouse.query("reference_plane", campaign=campaign)
    covered = coverage_curves(warehouse, [campaign])[campaign]
    figures = {
        "cluster map": campaign_map_figure(clusters, reference, campaign),
        **({"target coverage": coverage_figure(covered)} if covered else {}),
        "pulls per cluster": pulls_figure(clusters),
        "reward curve": reward_curve_figure(curve, campaign),
        "spend": spend_figure(curve),
    }
    return {name: drawn(figure) for name, figure in figures.items()}


def campaign_page(
    warehouse: Warehouse, campaign: str, curve: pl.DataFrame, pictures: dict[str, Picture]
) -> dict:
    """Return the page of a campaign whose rounds, and the place of its target, are stored.

    Parameters
    ----------
    warehouse : Warehouse
    campaign : str
    curve : DataFrame
        Its rows of ``reward_curve``.
    pictures : dict of str to Picture
        Of :func:`campaign_figures`.
    """
    clusters = warehouse.query("campaign_clusters", campaign=campaign)
    pulled = clusters.filter(pl.col("pulls") > 0)
    covered = coverage_curves(warehouse, [campaign])[campaign]
    used = pulled.select(pl.col("terms").list.head(3), "documents").head(CLUSTERS_AT_A_GLANCE)
    return {
        "campaign": _campaign(warehouse, campaign, curve, covered),
        **_covered(covered),
        "most used clusters": in_place(with_bars(used, "documents")),
        "map, curves and tables": opened(
            {
                **pictures,
                "rewards and OT cost": BEHIND,
                "clusters pulled": _without_empty(
                    pulled.drop("x", "y")
                    .head(LISTED_CLUSTERS)
                    .with_columns(medoid=first_words(pl.col("medoid"), 80))
                ),
                "expected and real pairs": warehouse.query("yield_calibration", campaign=campaign),
                "rounds": _without_empty(curve.drop("campaign")),
            }
        ),
    }


def _named(warehouse: Warehouse, campaign: str) -> str:
    """Return a campaign with its strategy and target, as it was started."""
    start = json.loads(warehouse.query("campaign_start", campaign=campaign)["settings"].item())
    of = start["settings"]["campaign"]
    return f"campaign {campaign} (strategy {of['strategy']}, target {of['target']})"


def _campaign(
    warehouse: Warehouse, campaign: str, curve: pl.DataFrame, covered: CoverageCurve
) -> str:
    """Return what a campaign is, what it took and gained, and whether it goes on."""
    last = curve.row(-1, named=True)
    standing = warehouse.query("campaign_status").filter(campaign=campaign).row(0, named=True)
    tokens = f", {last['tokens']:,} LLM tokens" if last["tokens"] else ""
    said = [
        f"{last['documents']:,} documents{tokens} gave {last['pool_pairs']:,} pairs to "
        f"{_named(warehouse, campaign)}.",
        f"It has ended: {standing['ended_because']}." if standing["ended_because"] else "",
        _verdict(covered),
    ]
    return " ".join(filter(None, said))


def _replaced(warehouse: Warehouse, campaign: str, shown: int) -> str:
    """Return why another round is shown than the one that was asked for."""
    standing = warehouse.query("campaign_status").filter(campaign=campaign)
    because = standing["ended_because"].item() or "no document is left"
    return REPLACED.format(campaign=campaign, last=shown, because=because)


def _verdict(covered: CoverageCurve) -> str:
    verdict = covered.verdict if covered else ""
    return f"{verdict[:1].upper()}{verdict[1:]}"


def _in_words(row: dict[str, Any]) -> pl.DataFrame:
    """Return the numbers of a round under the names that people read, without those of nothing."""
    shown = [(label, text(row[name])) for name, label in NUMBERS.items() if row[name]]
    return pl.DataFrame(shown, schema=["number", "value"], orient="row")


def _covered(covered: CoverageCurve) -> dict:
    """Return two curves beside those of random documents, each with a sentence."""
    if not covered:
        return {}
    rows = covered.rows
    return {
        "target coverage so far": sparkline(
            rows["target_coverage"].to_list(),
            covered.coverage_sentence,
            beside=rows["random_coverage"].to_list(),
        ),
        f"near pairs per {covered.unit} so far": sparkline(
            rows["near_pairs_per_unit"].to_list(),
            covered.near_sentence,
            beside=covered.random_per_unit().to_list(),
        ),
    }


def _without_empty(rows: pl.DataFrame) -> pl.DataFrame:
    """Drop columns that say nothing: tokens and cost without an LLM, scores without a bandit."""
    say_nothing = [
        column
        for column in rows.columns
        if rows[column].null_count() == len(rows)
        or (column in ("tokens", "cost") and rows[column].sum() == 0)
    ]
    return rows.drop(say_nothing)


def _not_kept(warehouse: Warehouse, campaign: str, number: int) -> dict[str, pl.DataFrame]:
    """Return why documents of a round failed, and why pairs were not kept."""
    query = warehouse.query
    failures = query("failures", campaigns=[campaign], rounds=[number]).drop("campaign")
    rejections = query("rejections", campaign=campaign, round=number)
    unrated = query("failed_ratings", campaign=campaign) if number == 1 else pl.DataFrame()
    return {
        "failed documents": failures,
        "pairs not kept": rejections,
        "documents without a rating": unrated,
    }

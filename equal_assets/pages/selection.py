"""What the pages of group `selection` show: of a round, and of a whole campaign."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from equal_assets.pages.coverage import BEHIND, CoverageCurve, coverage_curves
from equal_assets.pages.figures.clusters import campaign_map_figure, pulls_figure
from equal_assets.pages.figures.curves import coverage_figure, reward_curve_figure, spend_figure
from equal_assets.pages.metadata import (
    first_words,
    in_short,
    markdown,
    readable,
    sparkline,
    with_bars,
)
from equal_assets.resources.tracking import ROUND_METRICS
from equal_assets.resources.warehouse import Warehouse

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLUSTERS_AT_A_GLANCE, LISTED_CLUSTERS = 8, 100


@dataclass(frozen=True)
class CampaignPage:
    """What the page of `reward_curve` shows.

    Attributes
    ----------
    metadata : dict
    figures : dict of str to Figure
        Those that MLflow keeps as well, by name.
    """

    metadata: dict
    figures: dict[str, "Figure"]


def round_page(
    warehouse: Warehouse, campaign: str, number: int, *, curve: pl.DataFrame, is_new: bool
) -> dict:
    """Return the metadata of a round.

    Parameters
    ----------
    warehouse : Warehouse
    campaign : str
    number : int
        Of the round.
    curve : DataFrame
        Rows of ``reward_curve`` of the campaign so far.
    is_new : bool
        Whether the round has just been played.
    """
    if not is_new and number > len(curve):
        return {"outcome": "the campaign ended before this round"}
    row = curve.row(number - 1, named=True)
    pulls = warehouse.query("round_pulls", campaign=campaign, round=number)
    pairs = warehouse.query("sample_pairs", campaign=campaign, round=number)
    so_far = curve.head(number)
    covered = coverage_curves(warehouse, [campaign])[campaign].until(number)
    page: dict = {
        **_covered(covered),
        "reward curve": markdown(reward_curve_figure(so_far, campaign)),
        "pulls": markdown(_without_empty(pulls)),
        "sample pairs": markdown(in_short(pairs)),
        "rewards and OT cost": BEHIND,
    }
    for title, rows in _not_kept(warehouse, campaign, number):
        if len(rows):
            page[title] = markdown(rows)
    page |= {name: row[name] for name in ROUND_METRICS if row[name] is not None}
    if not is_new:
        page["outcome"] = (
            f"was there already and is not played again; `equal rerun {campaign} "
            f"--from-round {number}` removes it and all after it, then plays them"
        )
    return readable(page) | {"dagster/partition_row_count": row["n_pulls"]}


def round_numbers(curve: pl.DataFrame, number: int) -> dict:
    """Return the metadata of a round that the next one follows at once: its numbers.

    Parameters
    ----------
    curve : DataFrame
        Rows of ``reward_curve`` of the campaign so far.
    number : int
        Of the round.
    """
    row = curve.row(number - 1, named=True)
    page = {"curve, pulls and pairs": "shown with the last round of this run"}
    page |= {name: row[name] for name in ROUND_METRICS if row[name] is not None}
    return readable(page) | {"dagster/partition_row_count": row["n_pulls"]}


def campaign_page(warehouse: Warehouse, campaign: str, curve: pl.DataFrame) -> CampaignPage:
    """Return the page of a campaign whose rounds, and the place of its target, are stored.

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
    standing = warehouse.query("campaign_status").filter(campaign=campaign)
    because = standing["ended_because"].item()
    figures = {
        **({"target coverage": coverage_figure(covered)} if covered else {}),
        "reward curve": reward_curve_figure(curve, campaign),
        "cluster map": campaign_map_figure(clusters, reference, campaign),
        "pulls per cluster": pulls_figure(clusters),
    }
    last = curve.row(-1, named=True)
    pulled = clusters.filter(pl.col("pulls") > 0)
    metadata = {
        **({"why it ended": because} if because else {}),
        **_covered(covered),
        **{name: markdown(figure) for name, figure in figures.items()},
        "most used clusters": markdown(
            with_bars(
                pulled.head(CLUSTERS_AT_A_GLANCE).select(pl.col("terms").list.head(3), "documents"),
                "documents",
            )
        ),
        "spend": markdown(spend_figure(curve)),
        "rewards and OT cost": BEHIND,
        "clusters pulled": markdown(
            _without_empty(
                pulled.drop("x", "y")
                .head(LISTED_CLUSTERS)
                .with_columns(medoid=first_words(pl.col("medoid"), 80))
            )
        ),
        "expected and real pairs": markdown(
            warehouse.query("yield_calibration", campaign=campaign)
        ),
        "rounds": markdown(curve.drop("campaign")),
        "documents used": last["documents"],
        "pairs extracted": last["pool_pairs"],
        "tokens": last["tokens"],
        "cost": last["cost"],
        "OT cost of the pool": last["pool_ot_cost"] if last["pool_pairs"] else "no pairs",
        "clusters never pulled": len(clusters) - len(pulled),
    }
    return CampaignPage(readable(metadata), figures)


def _covered(covered: CoverageCurve) -> dict:
    """Return what a page begins with: two curves, each with a sentence, and if more would pay."""
    if not covered:
        return {}
    near = covered.rows["near_pairs_per_unit"].to_list()
    return {
        "target coverage so far": sparkline(
            covered.rows["target_coverage"].to_list(), covered.coverage_sentence
        ),
        f"near pairs per {covered.unit} so far": sparkline(near, covered.near_sentence),
        "does another document pay?": covered.verdict,
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


def _not_kept(warehouse: Warehouse, campaign: str, number: int) -> list[tuple[str, pl.DataFrame]]:
    """Return why documents of a round failed, and why pairs were not kept."""
    query = warehouse.query
    failures = query("failures", campaigns=[campaign], rounds=[number]).drop("campaign")
    rejections = query("rejections", campaign=campaign, round=number)
    unrated = query("failed_ratings", campaign=campaign) if number == 1 else pl.DataFrame()
    return [
        ("failed documents", failures),
        ("pairs not kept", rejections),
        ("documents without a rating", unrated),
    ]

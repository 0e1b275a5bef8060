"""``equal compare`` and ``equal report``: what campaigns gained, and what it cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from equal_assets.cli.options import FILE, complete_campaigns, file_to_write
from equal_assets.cli.project import (
    build_extractor,
    build_tracker,
    known_campaigns,
    open_project,
    short,
)
from equal_assets.cli.terminal import console, guarded, progress_bars, say
from equal_assets.errors import CampaignError
from equal_assets.pages.values import NONE, number
from equal_assets.resources.publishing import publishing
from equal_assets.settings import Settings, load_settings, state_folder

if TYPE_CHECKING:
    import polars as pl
    from dagster import DagsterInstance

    from equal_assets.resources.warehouse import Warehouse

COMPARED_AT_POINTS = (
    ("ot_cost_test", "OT cost to the test split", ".3f"),
    ("ot_cost_test_nearest", "OT cost of the pruned pool", ".3f"),
    ("coverage_test", "coverage of the test split", ".3f"),
    ("near", "pairs near the test split (of all pairs)", ""),
)
COMPARED_AT_SHARED_END = (
    ("n_pairs", "pairs extracted", ",d"),
    ("tokens", "LLM tokens", ",d"),
    ("seconds_per_round", "seconds per round", ".1f"),
)
COMPARED_AT_OWN_END = (
    ("documents", "documents used", ",d"),
    ("ot_cost_test", "OT cost to the test split", ".3f"),
    ("coverage_test", "coverage of the test split", ".3f"),
    ("pmi_accuracy", "PMI accuracy of the student", ".3f"),
    ("perplexity", "perplexity of the student", ".1f"),
)
COSTS_EXPLAINED = (
    "LLM tokens and FLOPs cover all that a campaign used; seconds are as measured: what "
    "another campaign had extracted or embedded before took none. FLOPs of selection and "
    "clustering are not counted; FLOPs of extraction need extractor.parameters."
)


@click.command()
@click.argument("campaigns", nargs=-1, shell_complete=complete_campaigns)
@click.option(
    "--csv",
    type=FILE,
    callback=file_to_write,
    help="Write the rows of strategy_comparison to this file.",
)
@click.option(
    "--plot",
    type=FILE,
    callback=file_to_write,
    help="Draw the curves over documents to this .png file.",
)
def compare(campaigns: tuple[str, ...], csv: Path | None, plot: Path | None) -> None:
    """Compare campaigns side by side at the same budget.

    Compares all CAMPAIGNS that have rounds unless some are named. Updates the asset
    strategy_comparison first if there are new rounds or students. The test split is used for
    evaluation only.
    """
    from equal_assets.comparison.costs import campaign_costs
    from equal_assets.comparison.points import at_shared_points, matches
    from equal_assets.pages.costs import cost_table, print_table, shared_cost_table

    settings = load_settings()
    named = known_campaigns(campaigns, settings)
    instance, warehouse = open_project()
    names = _campaigns_with_rounds(named if campaigns else [], settings, warehouse)
    _refresh_comparison(settings, instance, warehouse)
    rows = in_order(warehouse.query("strategy_comparison", campaigns=names), names)
    for of_target in rows.partition_by("target", maintain_order=True):
        shown = [name for name in names if name in of_target["campaign"]]
        console.print()
        console.print(_comparison_table(shown, of_target, at_shared_points(of_target)))
        if len(shown) > 1:
            console.print(
                "\nDocuments that each row needed to reach the OT cost to the test split that each "
                f"column has after {of_target['shared_budget'][0]:,} documents:"
            )
            console.print(_matches_table(shown, matches(of_target)))
        console.print("\nWhat each campaign cost, and what its student gained for it:")
        print_table(console, cost_table(of_target))
    print_table(
        console, shared_cost_table(campaign_costs(warehouse, build_extractor(settings), names))
    )
    console.print(COSTS_EXPLAINED, soft_wrap=True)
    print_students(names, warehouse)
    if not settings.has_student:
        say("no students: student.kind = none in campaigns.yaml, so only data sets are compared")
    if csv:
        with publishing(csv) as draft:
            rows.write_csv(draft)
        say(f"table   {csv}")
    if plot:
        from equal_assets.pages.figures.students import comparison_figure

        accuracy = warehouse.query("accuracy_over_budget", campaigns=names)
        with publishing(plot) as draft:
            comparison_figure(rows, accuracy).savefig(draft, dpi=150, format="png")
        say(f"picture {plot}")


@click.command()
@click.argument("campaign", shell_complete=complete_campaigns)
@click.option(
    "--out",
    type=FILE,
    callback=file_to_write,
    help="The file to write; by default report.html beside the campaign's data set.",
)
def report(campaign: str, out: Path | None) -> None:
    """Write what a campaign did and gained as one HTML file.

    The file can be mailed: it holds its pictures and loads nothing from elsewhere. The campaign's
    MLflow run keeps the same page. Other campaigns stand in it as they were when they were compared
    last, by `equal run` or `equal compare`.
    """
    from equal_assets.pages.report import publish_report

    settings = load_settings()
    names = known_campaigns((campaign,), settings)
    _, warehouse = open_project()
    _campaigns_with_rounds(names, settings, warehouse)
    path = out or state_folder() / "exports" / campaign / "report.html"
    publish_report(
        campaign, path, settings, warehouse, build_extractor(settings), build_tracker(settings)
    )
    say(f"report  {short(path)}")


def _campaigns_with_rounds(names: list[str], settings: Settings, warehouse: Warehouse) -> list[str]:
    """Return the named campaigns, or all that have rounds; refuse those without."""
    from equal_assets.comparison.points import compared_campaigns
    from equal_assets.versions import stored_versions

    there = compared_campaigns(settings, stored_versions(warehouse))
    missing = [name for name in names if name not in there]
    if missing or not there:
        raise CampaignError(
            f"no rounds yet of {', '.join(missing or settings.campaigns)}; campaigns with rounds: "
            f"{', '.join(there) or 'none'}. `equal run` plays them"
        )
    return names or there


def _refresh_comparison(
    settings: Settings, instance: DagsterInstance, warehouse: Warehouse
) -> None:
    """Materialize strategy_comparison on the project's instance, unless it is up to date."""
    from equal_assets.cli.runner import Runner

    with progress_bars() as announce:
        guarded(Runner(instance, warehouse, settings, announce).compare)


def in_order(rows: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Return rows by target, and in it in the order in which the campaigns are named."""
    import polars as pl

    places = {name: place for place, name in enumerate(names)}
    of = pl.col("campaign").replace_strict(places, return_dtype=pl.Int64)
    return rows.sort("target", of, maintain_order=True)


def _comparison_table(names: list[str], rows: pl.DataFrame, points: pl.DataFrame) -> Table:
    """Return one column per campaign: curves at the shared points, then the values at the end."""
    import polars as pl

    near, n_pairs = pl.col("near_pairs"), pl.col("n_pairs")
    percent = (100 * near / n_pairs).round(1)
    points = points.with_columns(
        near=pl.when(n_pairs > 0).then(pl.format("{} ({}%)", near, percent))
    )
    shared_budget = rows["shared_budget"][0]
    table = Table(
        title=f"{rows['target'][0]}: after the same number of documents", title_justify="left"
    )
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    strategies = dict(rows.select("campaign", "strategy").rows())
    table.add_row("strategy", *(strategies[name] for name in names))
    for column, label, form in COMPARED_AT_POINTS:
        table.add_section()
        table.add_row(f"[bold]{label}[/bold]")
        for (point,), at_point in points.group_by("point", maintain_order=True):
            cells = _cells(names, at_point, column, form)
            table.add_row(f"  {point:,} documents", *cells)
    shared_end = points.filter(pl.col("point") == shared_budget)
    own_end = rows.filter(pl.col("is_last"))
    for label, at_end, columns in (
        (f"after {shared_budget:,} documents", shared_end, COMPARED_AT_SHARED_END),
        ("at the end of each campaign", own_end, COMPARED_AT_OWN_END),
    ):
        table.add_section()
        table.add_row(f"[bold]{label}[/bold]")
        for column, row_label, form in columns:
            table.add_row(f"  {row_label}", *_cells(names, at_end, column, form))
    return table


def _matches_table(names: list[str], found: pl.DataFrame) -> Table:
    """Return one row per campaign: the documents it needed to match each of the others."""
    table = Table()
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for name in names:
        needed = dict(found.filter(campaign=name).select("matched", "documents").rows())
        table.add_row(name, *(NONE if other == name else _needed(needed[other]) for other in names))
    return table


def _needed(documents: int | None) -> str:
    return "never" if documents is None else f"{documents:,}"


def _cells(names: list[str], rows: pl.DataFrame, column: str, form: str) -> list[str]:
    values = dict(rows.select("campaign", column).rows())
    return [number(values.get(name), form) for name in names]


def print_students(names: list[str], warehouse: Warehouse) -> None:
    """Print how good students are by documents used, and which differences are real."""
    from equal_assets.pages.students import over_budget_table, paired_tables

    points = warehouse.query("accuracy_over_budget", campaigns=names)
    if points.is_empty():
        return
    console.print()
    console.print(over_budget_table(names, points))
    for table in paired_tables(names, warehouse.query("student_comparison", campaigns=names)):
        console.print()
        console.print(table)

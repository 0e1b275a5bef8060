"""What campaigns cost and gained, as tables for people: in the terminal and in the Dagster UI."""

from __future__ import annotations

import polars as pl
from rich.console import Console
from rich.table import Table

from equal_assets.comparison.costs import COUNTED_PARTS, TIMED_PARTS, gains
from equal_assets.pages.values import number

FLOPS = ".2e"
SECONDS = ",.1f"
GAIN = "+.3g"


def cost_table(comparison: pl.DataFrame) -> pl.DataFrame:
    """Return cost by part, and gain for it, as texts: one row per figure, one column per campaign.

    Parameters
    ----------
    comparison : DataFrame
        Rows of ``strategy_comparison`` of one target.
    """
    rows = comparison.filter("is_last").join(
        gains(comparison), on="campaign", maintain_order="left"
    )
    shown = _shown(uses_llm=bool(rows["tokens"].max()))
    cells = {
        row["campaign"]: [number(row[column], form) if column else "" for _, column, form in shown]
        for row in rows.iter_rows(named=True)
    }
    return pl.DataFrame({"cost by part": [label for label, _, _ in shown], **cells})


def shared_cost_table(costs: pl.DataFrame) -> pl.DataFrame:
    """Return what all campaigns share as texts: one row per part.

    Parameters
    ----------
    costs : DataFrame
        Rows of ``campaign_costs``.
    """
    shared = costs.filter(pl.col("campaign").is_null())
    return pl.DataFrame(
        {
            "paid once, for all campaigns": shared["part"].str.strip_prefix("shared "),
            "LLM tokens": [
                number(row["tokens"], ",d") if row["part"] == "shared warm-up extraction" else ""
                for row in shared.iter_rows(named=True)
            ],
            "FLOPs": [number(flops, FLOPS) for flops in shared["flops"]],
            "seconds": [number(seconds, SECONDS) for seconds in shared["seconds"]],
        }
    )


def print_table(console: Console, texts: pl.DataFrame) -> None:
    """Print a table of texts; a row whose label is not indented begins a section."""
    table = Table()
    for heading in texts.columns:
        table.add_column(heading, justify="right" if table.columns else "left")
    for label, *cells in texts.iter_rows():
        if not label.startswith(" ") and not any(cells):
            table.add_section()
            label = f"[bold]{label}[/bold]"
        table.add_row(label, *cells)
    console.print(table)


def _shown(*, uses_llm: bool) -> list[tuple[str, str, str]]:
    """Return label, column and form of each row; a heading has no column."""
    per_text = (
        ("  per million LLM tokens", "per_million_tokens")
        if uses_llm
        else ("  per 1,000 documents (no LLM)", "per_1000_documents")
    )
    rows = [
        ("documents used", "documents", ",d"),
        ("LLM tokens used", "tokens", ",d"),
        ("FLOPs of models", "", ""),
        *((f"  {part}", f"{part}_flops", FLOPS) for part in COUNTED_PARTS),
        ("  in all", "total_flops", FLOPS),
        ("seconds, as measured", "", ""),
        *((f"  {part}", f"{part}_seconds", SECONDS) for part in TIMED_PARTS),
        ("  in all", "total_seconds", SECONDS),
    ]
    for gain, label in (
        ("accuracy_gain", "PMI accuracy, tuned - base"),
        ("perplexity_gain", "perplexity, ln(base / tuned)"),
    ):
        rows += [
            (label, "", ""),
            ("  gain", gain, GAIN),
            (per_text[0], f"{gain}_{per_text[1]}", GAIN),
            ("  per 10^15 FLOPs", f"{gain}_per_petaflop", GAIN),
        ]
    return rows

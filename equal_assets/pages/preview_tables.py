"""The figures of a preview in rows of words, for the terminal and for the page."""

from __future__ import annotations

from equal_assets.pages.preview import Preview, Variant
from equal_assets.pages.sections import ReportTable
from equal_assets.pages.values import number
from equal_assets.planning.durations import lasting_between
from equal_assets.planning.projection import Projection

EXPLAINED = (
    "In brackets: between what it lies (95%) if the documents to come are like those extracted so "
    "far. Pairs count before leaks and repeats are removed. The time is that of the extraction: "
    "from as many requests at once as extractor.concurrency allows, to the pace that was seen. The "
    "score of a pair is how likely a careful reader calls it good, by what the checks see of it."
)
LABELS = ("documents", "tokens", "cost", "pairs", "time", "ends by")
"""Of what a payer takes and gets, in the order of the rows."""

DIGITS = 3
"""Of a count that is estimated."""


def outlook_table(preview: Preview) -> ReportTable:
    """Return what the campaign has still to take, and what comes of it."""
    cells = [
        (variant.named(row.estimate.payer), _outlook(row))
        for variant in preview.variants
        for row in variant.outlook.rows
    ]
    rows = [
        [label, *(of_payer.get(label, "") for _, of_payer in cells)]
        for label in LABELS
        if any(label in of_payer for _, of_payer in cells)
    ]
    basis = ", ".join(variant.named(variant.outlook.basis) for variant in preview.variants)
    return ReportTable(f"Still to come, {basis}", ["", *(payer for payer, _ in cells)], rows)


def variants_table(preview: Preview) -> ReportTable:
    """Return what prompts or models gave and took on the same documents."""
    of_variants = [_totals(variant) for variant in preview.variants]
    rows = [[label, *(totals[label] for totals in of_variants)] for label in of_variants[0]]
    names = [variant.named(variant.label) for variant in preview.variants]
    return ReportTable("The same documents", ["", *names], rows)


def rounded(count: float) -> str:
    """Return an estimated count with the digits that mean something.

    >>> rounded(104_052), rounded(7.6)
    ('104,000', '8')
    """
    places = DIGITS - len(f"{count:.0f}")
    return f"{round(count, min(places, 0)):,.0f}"


def _totals(variant: Variant) -> dict[str, str]:
    return {
        "pairs": f"{variant.n_pairs}",
        "rejected": f"{variant.n_rejected}",
        "mean score": number(variant.mean_score, ".2f"),
        "tokens": f"{variant.tokens:,}",
        "tokens per pair": number(variant.tokens_per_pair, ",.0f"),
        "cost": f"{variant.cost:,.4g}",
    }


def _outlook(row: Projection) -> dict[str, str]:
    """Return what a payer takes and gets, by what it is called; what does not apply is left out."""
    estimate = row.estimate
    found = {"documents": f"{estimate.chosen or estimate.documents:,}"}
    n_paid = estimate.chosen - estimate.documents
    if estimate.chosen and n_paid > 0:
        found["documents"] += f", {n_paid:,} extracted already"
    if estimate.tokens:
        found["tokens"] = _between(*map(rounded, (estimate.tokens, *estimate.between)))
    if estimate.cost:
        found["cost"] = _between(*map(_money, (estimate.cost, *row.cost)))
    if estimate.chosen:
        found["pairs"] = _between(*map(rounded, (row.pairs, *row.between)))
    if row.seconds[1]:
        found["time"] = lasting_between(*row.seconds)
    return found | {"ends by": estimate.ends_by}


def _money(cost: float) -> str:
    return f"{cost:,.2f}" if cost >= 1 else f"{cost:.2g}"


def _between(value: str, low: str, high: str) -> str:
    return value if low == high == value else f"{value} ({low} to {high})"

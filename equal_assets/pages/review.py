"""What reviewers have left open, as the `equal` command prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from equal_assets.pages.values import counted
from equal_assets.resources.warehouse import Warehouse


def unreviewed(warehouse: Warehouse, names: Sequence[str]) -> Iterator[str]:
    """Yield a line per campaign whose data set holds pairs that nobody judged beside judged ones.

    Parameters
    ----------
    warehouse : Warehouse
    names : sequence of str
        Of the campaigns.
    """
    for row in warehouse.query("unreviewed_examples", campaigns=list(names)).to_dicts():
        if n_open := row["unreviewed"]:
            yield (
                f"{row['campaign']}: {counted(n_open, 'pair')} of {row['examples']:,} in the data "
                f"set without a verdict; `equal review {row['campaign']}` shows them"
            )

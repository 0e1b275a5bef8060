"""Campaigns stand in one order in all tables of `equal compare`."""

import polars as pl

from equal_assets.cli.compare import in_order


def test_rows_are_in_the_order_in_which_campaigns_are_named_and_points_stay_in_theirs():
    rows = pl.DataFrame(
        [
            {"target": target, "campaign": campaign, "documents": documents}
            for target, campaign, documents in (
                ("t", "alpha", 10),
                ("t", "alpha", 20),
                ("t", "zeta", 10),
                ("s", "beta", 10),
            )
        ]
    )
    ordered = in_order(rows, ["zeta", "beta", "alpha"])
    assert ordered["campaign"].to_list() == ["beta", "zeta", "alpha", "alpha"]
    assert ordered["documents"].to_list() == [10, 10, 10, 20]

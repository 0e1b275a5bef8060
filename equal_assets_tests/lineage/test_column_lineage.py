import pytest

from equal_assets.graph import ASSETS
from equal_assets.lineage.column_lineage import LINEAGE, made_from
from equal_assets.lineage.schemas import read_table


def columns(asset):
    return [column.name for column in read_table(asset).columns]


def above(asset):
    """Return an asset and all that it is made from."""
    return {asset}.union(*(above(upstream) for upstream in ASSETS[asset].reads))


def test_every_asset_has_its_lineage_declared():
    assert LINEAGE.keys() == ASSETS.keys()


@pytest.mark.parametrize("asset", LINEAGE)
def test_each_column_is_said_once_to_be_made_from_others_or_new(asset):
    said = " ".join(LINEAGE[asset]).split()
    assert sorted(said) == sorted(columns(asset))


@pytest.mark.parametrize("asset", LINEAGE)
def test_columns_are_made_from_columns_that_are_there_in_assets_above(asset):
    for column, parts in made_from(asset).items():
        for upstream, name in parts:
            assert upstream in above(asset), column
            assert name in columns(upstream), column
            assert (upstream, name) != (asset, column)

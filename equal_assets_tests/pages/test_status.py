"""How many campaigns stand beside each other; what the columns hold: `test_end_to_end`."""

from io import StringIO

import pytest
from rich.console import Console

from equal_assets.pages.status import status_tables
from equal_assets.resources.extraction.extractors import build_extractor
from equal_assets.settings import load_settings
from equal_assets_tests.conftest import TINY


@pytest.fixture
def made(warehouse, tmp_path):
    """Return the tables of all campaigns of the tiny file, and their names, at a width."""
    settings = load_settings(TINY)
    extractor, names = build_extractor(settings.extractor, tmp_path), list(settings.campaigns)
    return lambda width: (
        list(status_tables(settings, extractor, warehouse, names, width=width)),
        names,
    )


@pytest.mark.parametrize(("width", "n_tables"), [(80, 1), (70, 2), (20, 3)])
def test_campaigns_go_on_in_another_table_where_the_terminal_ends(made, width, n_tables):
    tables, names = made(width)
    assert len(tables) == n_tables
    assert [column.header for table in tables for column in table.columns[1:]] == names


def test_tables_fit_the_terminal(made):
    for table in made(61)[0]:
        printed = StringIO()
        Console(file=printed, width=61).print(table)
        assert "0 of 3" in printed.getvalue()
        assert "…" not in printed.getvalue()

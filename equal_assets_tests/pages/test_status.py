"""How many campaigns stand beside each other; what the columns hold: `test_end_to_end`."""

from datetime import UTC, datetime
from io import StringIO

import polars as pl
import pytest
from rich.console import Console

from equal_assets.pages.status import said_below, status_tables
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


def test_pairs_that_nobody_judged_are_told_of_where_others_were(warehouse):
    names = ("qa_id", "document_id", "source", "extractor", "question", "answer")
    numbers = dict.fromkeys(("cluster", "round", "pull"), 1)
    examples = [
        {"campaign": name, "license": None, **dict.fromkeys(names, qa_id), **numbers}
        | {"qa_id": qa_id}
        for name in ("judged", "untouched", "done")
        for qa_id in ("a", "b", "c")
    ]
    said = {"reason": None, "new_question": None, "new_answer": None, "reviewer": "anna"}
    said |= {"reviewed_at": datetime(2026, 1, 1, tzinfo=UTC)}
    verdicts = [("judged", "a", "accepted"), ("judged", "gone", "rejected")]
    verdicts += [("done", qa_id, "accepted") for qa_id in ("a", "b", "c")]
    with warehouse.transaction() as transaction:
        transaction.insert("qa_dataset", pl.DataFrame(examples))
        rows = [{"campaign": c, "qa_id": q, "verdict": v, **said} for c, q, v in verdicts]
        columns = ("reason", "new_question", "new_answer")
        transaction.insert(
            "verdicts", pl.DataFrame(rows, schema_overrides=dict.fromkeys(columns, pl.String))
        )
    assert list(said_below(warehouse, ["judged", "untouched", "done"])) == [
        "judged: 2 pairs of 3 in the data set without a verdict; `equal review judged` shows them"
    ]

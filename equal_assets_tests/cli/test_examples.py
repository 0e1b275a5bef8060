"""`equal pairs` and `equal review` where there is something to read, and where there is not."""

import pytest
from click.testing import CliRunner

from equal_assets.cli import terminal
from equal_assets.cli.main import main


@pytest.fixture
def typed(stored, monkeypatch):
    """A function that runs a command in this process; returns its exit code and what it said."""
    monkeypatch.setenv("EQUAL_CAMPAIGNS", str(stored.campaigns_file))
    monkeypatch.setenv("EQUAL_HOME", str(stored.folder / ".equal"))
    monkeypatch.setattr(terminal.console, "width", 200)

    def run(*arguments):
        done = CliRunner().invoke(main, arguments)
        return done.exit_code, " ".join(done.output.split())

    return run


@pytest.mark.parametrize(
    ("command", "to"),
    [(("pairs", "idle"), "read"), (("review", "idle", "--out", "x.csv"), "review")],
)
def test_campaign_without_rounds_has_nothing_to_show_and_says_what_plays_them(typed, command, to):
    code, said = typed(*command)
    assert code == 1
    assert f"no rounds yet of idle: there is nothing to {to}; `equal run idle` plays them" in said


def test_campaign_without_a_data_set_is_told_what_makes_it(stored, typed):
    with stored.warehouse.get_connection() as connection:
        connection.execute("delete from materialized where asset = 'qa_dataset'")
    code, said = typed("pairs", "rivers")
    assert (code, said) == (
        1,
        "error: campaign rivers has no data set yet: `equal run rivers` makes it",
    )


def test_what_no_pair_contains_is_no_error(typed):
    assert typed("pairs", "rivers", "--contains", "zebra") == (0, "0 of 0 pairs")
    assert typed("pairs", "rivers")[1].endswith("9 of 9 pairs")

"""The line that a stage of `equal run` leaves behind."""

from equal_assets.cli.runner import UNITS, result_line
from equal_assets.graph import ASSETS


def test_line_says_what_came_of_a_stage_and_how_long_it_took():
    found = ["1,500 documents", "1,529 pairs"]
    assert result_line("equal: 10 rounds", found, 44.8) == (
        "equal: 10 rounds: 1,500 documents, 1,529 pairs (45 s)"
    )


def test_stage_without_a_number_is_done():
    assert result_line("equal: lm-eval", [], 1234.5) == "equal: lm-eval: done (1,234 s)"


def test_units_are_of_assets():
    assert UNITS.keys() <= ASSETS.keys()

from pathlib import Path

import pytest

from equal_assets.algorithms.strategies.docs import strategy_reference
from equal_assets.algorithms.strategies.table import STRATEGIES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "strategies.md"


def test_page_is_what_the_table_says_now():
    assert PAGE.read_text(encoding="utf-8") == strategy_reference(), "make docs"


@pytest.mark.parametrize(
    "line",
    [
        "| `random` | documents at random | documents |",
        "| `influence-mab` | `student`, `influence` |",
        "| `perplexity` | perplexity of documents, from the student | "
        "a forward pass per document | – |",
        "`stop_below_gain` works only with a strategy that predicts its gain: `equal`.",
    ],
)
def test_what_a_row_says_is_told(line):
    assert line in strategy_reference().splitlines()


def test_every_strategy_is_told_once_in_the_first_table():
    first = strategy_reference().split("\n## ")[0]
    assert [first.count(f"| `{name}` |") for name in STRATEGIES] == [1] * len(STRATEGIES)

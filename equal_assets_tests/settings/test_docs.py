import subprocess
import sys
from pathlib import Path

import pytest

from equal_assets.settings.docs import settings_reference
from equal_assets.settings.reading import UNIONS

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = settings_reference()
ROWS = [line for line in TEXT.splitlines() if line.startswith("| `")]


def test_committed_reference_is_what_the_code_says():
    made = subprocess.run(
        [sys.executable, "-m", "equal_assets.settings.docs"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert (REPOSITORY / "docs" / "settings.md").read_text(encoding="utf-8") == made, "make docs"


@pytest.mark.parametrize("row", ROWS)
def test_every_key_says_what_it_is(row):
    assert row.split(" | ")[-1].strip(" |"), f"no description: {row}"


@pytest.mark.parametrize(
    "row",
    [
        "| `share` | number > 0, ≤ 1 | `0.05` | of the documents; paper: 0.05 |",
        "| `budget_documents` | integer ≥ 1 |  | documents used; never exceeded |",
        "| `budget_cost` | number > 0 or `null` | `null` | the same in money |",
        "| `paths` | a list of text |  | files, folders or globs, relative to campaigns.yaml |",
    ],
)
def test_a_row_has_bounds_default_and_meaning(row):
    assert row in ROWS


def test_keys_of_several_variants_stand_once_with_the_variants_named():
    assert "### `extractor` of `openai`, `vllm`" in TEXT
    assert sum(row.startswith("| `max_reply_tokens`") for row in ROWS) == 1


def test_every_variant_is_named():
    for name, union in UNIONS.items():
        section = TEXT.split(f"\n## `{name}`\n")[1].split("\n## ")[0]
        assert all(f"`{variant}`" in section for variant in union.names)


def test_nested_sections_have_tables_of_their_own():
    assert "### `extractor.quality`" in TEXT
    assert "### `evaluation.harness`" in TEXT

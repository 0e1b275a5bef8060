from pathlib import Path

from equal_assets.lineage.docs import table_reference
from equal_assets.resources.warehouse_file import table_names, view_names

REPOSITORY = Path(__file__).resolve().parents[2]


def test_page_is_what_the_files_say_now():
    made = table_reference()
    assert (REPOSITORY / "docs" / "tables.md").read_text(encoding="utf-8") == made, "make docs"


def test_every_table_and_view_is_told_with_its_columns():
    told = table_reference()
    for name in table_names() | view_names():
        assert f"### `{name}`\n" in told
    assert "| `weight` | `double` | `default 1` | how much it counts, > 0 |" in told
    assert "| `ot_cost_change` | `double` |  | below 0: the pool came nearer |" in told

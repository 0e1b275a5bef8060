"""The headings of docs/troubleshooting.md are messages that the code can print."""

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = (REPOSITORY / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)


def messages():
    """Return the texts of the package, each value that is put in replaced by one ellipsis."""
    for path in (REPOSITORY / "equal_assets").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
                yield "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.fixture(scope="module")
def all_messages():
    return "\n".join(messages())


@pytest.mark.parametrize("heading", HEADINGS)
def test_heading_is_a_message_of_the_code(heading, all_messages):
    pieces = [re.escape(piece.strip()) for piece in heading.split("…") if piece.strip()]
    assert pieces
    assert re.search(r"[^\n]*?".join(pieces), all_messages), heading


def test_invented_heading_is_found_out(all_messages):
    assert not re.search("the moon is too close", all_messages)
    assert len(HEADINGS) > 20

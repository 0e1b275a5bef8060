import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from equal_assets.extras import install_command

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGES = [
    *REPOSITORY.glob("*.md"),
    *REPOSITORY.glob("docs/**/*.md"),
    *REPOSITORY.glob("examples/*.md"),
]


def names(requirements):
    return [re.match(r"[\w-]+", requirement)[0] for requirement in requirements]


@pytest.mark.parametrize("extra", ["files", "eval", "vllm"])
def test_command_installs_what_an_extra_declares_where_this_runs(extra):
    words = shlex.split(install_command(extra))
    assert words[:4] == [sys.executable, "-m", "pip", "install"]
    assert names(words[4:]) == names(PROJECT["optional-dependencies"][extra])


def test_code_and_pages_name_no_install_that_an_index_would_have_to_know():
    package = (REPOSITORY / "equal_assets").rglob("*.py")
    assert [path for path in package if "pip install" in path.read_text(encoding="utf-8")] == []
    assert [path for path in PAGES if "equal-assets[" in path.read_text(encoding="utf-8")] == []

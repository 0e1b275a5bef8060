"""What is installed is what the package reads: nothing is left out or looked for elsewhere."""

import os
import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "equal_assets"
DECLARED = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
PINNED = [
    line
    for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def normal(requirement):
    """Return the name of a requirement as indexes compare it."""
    name = re.match(r"[\w.-]+", requirement)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_file_of_the_package_is_installed():
    globs = DECLARED["tool"]["setuptools"]["package-data"]["equal_assets"]
    installed = {path for pattern in globs for path in PACKAGE.glob(pattern)}
    files = {
        Path(folder, name)
        for folder, _, names in os.walk(PACKAGE, followlinks=True)
        for name in names
        if not folder.endswith("__pycache__") and not name.endswith(".py")
    }
    assert len(files) > 100  # SQL, prompts, the demo
    assert files == installed


def test_no_module_looks_for_a_file_above_the_package():
    above = [
        path
        for path in PACKAGE.rglob("*.py")
        for climb in re.findall(r"\.parents\[(\d+)\]", path.read_text(encoding="utf-8"))
        if int(climb) >= len(path.relative_to(PACKAGE).parts)
    ]
    assert above == []


def test_every_requirement_is_pinned_and_no_pin_names_a_place():
    project = DECLARED["project"]
    extras = (
        project["optional-dependencies"][extra] for extra in ("dev", "files", "eval", "languages")
    )
    required = {normal(line) for lines in (project["dependencies"], *extras) for line in lines}
    assert required - {"equal-assets"} <= {normal(line) for line in PINNED}
    assert [line for line in PINNED if not re.fullmatch(r"[\w.-]+==[\w.!]+", line)] == []


def test_torch_is_pinned_without_its_build():
    assert "torch==2.13.0" in PINNED

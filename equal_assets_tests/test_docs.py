"""The pages in Markdown: their links lead somewhere, and the modules that they name exist."""

import re
from pathlib import Path

import pytest
import yaml

from equal_assets_tests.test_architecture import ALLOWED

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "equal_assets"
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "benchmarks/**/*.md")
    for page in REPOSITORY.glob(pattern)
)
NAMES = [str(page.relative_to(REPOSITORY)) for page in PAGES]


def prose(page):
    """Return a page without its blocks of code: those fenced, and those indented after a blank."""
    text = re.sub(r"^( *)```.*?^\1```$", "", page, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"\n\n(?: {4}.*\n)+", "\n\n", text)


def links(page):
    """Return the targets of all links and pictures that stay within the repository."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(page):
    """Return the anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def leads_somewhere(target, page, folder):
    """Say whether the target of a link is a file or folder, and its anchor a heading in it."""
    path, _, anchor = target.partition("#")
    file = folder / path
    if path and not file.exists():
        return False
    return not anchor or anchor in anchors(file.read_text("utf-8") if path else page)


def broken(page, folder):
    """Return the links of a page in a folder that lead nowhere."""
    return [target for target in links(page) if not leads_somewhere(target, page, folder)]


def code(page):
    """Return what a page shows as code within its sentences."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def paths(page):
    """Return the modules, SQL files and folders within folders that a page names in a sentence."""
    return [text for text in code(page) if re.fullmatch(r"\w[\w./]*\.(py|sql)|\w+/[\w/]+/", text)]


def exists(path):
    """Say whether a file or folder is there: from the repository, the package, or by its end."""
    if any((root / path).exists() for root in (REPOSITORY, PACKAGE)):
        return True
    return path.endswith(".py") and any(PACKAGE.rglob(path))


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    page = REPOSITORY / name
    assert broken(page.read_text("utf-8"), page.parent) == []


@pytest.mark.parametrize("name", NAMES)
def test_modules_that_a_page_names_exist(name):
    named = paths((REPOSITORY / name).read_text("utf-8"))
    assert [path for path in named if not exists(path)] == []


def test_links_and_paths_are_found():
    page = (
        "# A title, *here*\n\n[a](b.md#c) ![d](e.png) [f](https://g.h) [i](#a-title-here)\n\n"
        "    [j](k.md)\n\n```text\n[l](m.md)\n```\nsee `resources/nothing.py`, `sql/tables/`.\n"
    )
    assert links(page) == ["b.md#c", "e.png", "#a-title-here"]
    assert anchors(page) == {"a-title-here"}
    assert broken(page, REPOSITORY / "docs") == ["b.md#c", "e.png"]
    assert paths(page) == ["resources/nothing.py", "sql/tables/"]
    assert not exists("resources/nothing.py")
    assert exists("judges/sandbox.py")


def test_every_page_of_docs_is_in_the_index():
    folder = REPOSITORY / "docs"
    index = (folder / "README.md").read_text("utf-8")
    pages = {page.name for page in folder.glob("*.md")} - {"README.md"}
    assert pages - set(links(index)) == set()
    decisions = folder / "decisions"
    listed = links((decisions / "README.md").read_text("utf-8"))
    assert {page.name for page in decisions.glob("[0-9]*.md")} == set(listed)


def test_every_room_of_the_package_is_on_the_map():
    page = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    rooms = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    rooms |= {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    named = set(code(page))
    assert {room for room in rooms if room not in named} == set()


def below(room, imported):
    """Return all rooms that a room imports, directly or through others."""
    return imported[room].union(*(below(other, imported) for other in imported[room]))


def test_picture_shows_who_imports_whom():
    page = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    drawn = {room: set() for room in ALLOWED}
    for room, other in re.findall(r"^ +(\w+) --> (\w+)$", page, re.MULTILINE):
        drawn[room].add(other)
    assert {room: below(room, drawn) for room in drawn} == {
        room: below(room, ALLOWED) for room in ALLOWED
    }


def test_citation_names_the_version_and_the_paper():
    cited = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text("utf-8"))
    project = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    assert f'version = "{cited["version"]}"' in project
    changes = (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
    assert f"## {cited['version']} ({cited['date-released']})" in changes
    assert cited["preferred-citation"]["url"] in (REPOSITORY / "README.md").read_text("utf-8")

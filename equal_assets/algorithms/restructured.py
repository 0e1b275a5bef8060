"""reStructuredText as it is written: its titles with their levels, and its literal blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

MAX_LEVEL = 6

USUAL = "=-`:.'\"~^_*+#"
"""Punctuation that the specification recommends for titles."""

MIN_SHORT_ADORNMENT = 4
"""Characters of an adornment that is shorter than its title; below, it is text."""

ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1+")
DIRECTIVE = re.compile(r"\s*\.\. (?:\|[^|\n]+\| )?(?P<name>[\w:+.-]+?)::(?:\s+(?P<argument>.*)|$)")
TARGET = re.compile(r"\s*\.\. (?:_`[^`]+`|_[^:]+|_):(?:\s|$)")
ROLE = re.compile(r"(?<![\w`]):[A-Za-z][\w+.-]*(?::[\w+.-]+)*:`[^`]+`")
LISTED = re.compile(r"\s*(?:(?:[-*+•]|#\.|\(?(?:\d{1,3}|[A-Za-z])[.)])\s+)*")
BULLET = re.compile(r"[-*+•]\s|\.\.(?:\s|$)|>>> |\|\s")
"""How a line begins that is no title: an item, explicit markup, a session, a line of verse."""

FENCE = re.compile(r"`{3,}[^`]*|~{3,}[ \t]*[\w+.-]*")
OTHER = re.compile(
    r"#{1,6}[ \t]+\S|={1,6}[ \t]+\S.*[^=\s]\s*$|\|={3,}\s*$|\[[^\]]+\]{1,2}\s*$|\+\s*$"
    r"|(?:.*\W)?[a-z]+::?[\w./#{-][^\s\[]*\[[^\]]*\]|<<[^>]+>>"
)
"""How lines begin that Markdown and AsciiDoc have and reStructuredText has not."""

MOST_OTHER_SHARE = 0.1
"""Of such lines, to the titles of a text that is reStructuredText."""

CODE = (
    "code-block", "code", "sourcecode", "parsed-literal", "console", "prompt", "doctest",
    "testcode", "testoutput", "ipython", "math", "productionlist", "graphviz", "kernel-render",
    "raw", "table", "list-table", "csv-table", "flat-table", "tabularcolumns",
)  # fmt: skip
"""Directives whose content is code, a formula or a table."""


@dataclass(frozen=True, slots=True)
class Markup:
    """What the lines of a text are, by their numbers from 0.

    Attributes
    ----------
    levels : mapping of int to int
        The titles, with their levels from 1.
    adornments : frozenset of int
        Lines of punctuation above and below titles.
    literal : frozenset of int
        Lines that are content of literal blocks, code, formulas and tables, blank ones between
        them among them.
    """

    levels: Mapping[int, int]
    adornments: frozenset[int]
    literal: frozenset[int]


def read_markup(lines: Sequence[str]) -> Markup | None:
    """Return the markup of a text, ``None`` where it is not plainly reStructuredText.

    The level of a title is that of its style, which is its punctuation with or without a line
    above; styles are counted as they first appear, as docutils does.

    >>> markup = read_markup(["=====", "Title", "=====", "", "Part", "====", "", ".. note:: so"])
    >>> dict(markup.levels)
    {1: 1, 4: 2}
    """
    literal = frozenset(_literal(lines))
    titles = list(_titles(lines, literal))
    if not _is_restructured(lines, titles, literal):
        return None
    styles: dict[tuple[str, bool], int] = {}
    levels = {}
    for title in titles:
        level = styles.setdefault((title.mark, title.is_overlined), len(styles) + 1)
        levels[title.line] = min(level, MAX_LEVEL)
    above = (title.line - 1 for title in titles if title.is_overlined)
    return Markup(levels, frozenset([*above, *(title.line + 1 for title in titles)]), literal)


@dataclass(frozen=True, slots=True)
class _Title:
    """A title: the number of its line, the punctuation below it, and whether it is above, too."""

    line: int
    mark: str
    is_overlined: bool


def _literal(lines: Sequence[str]) -> Iterator[int]:
    """Yield the lines of indented blocks that ``::`` or a directive of code announces."""
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        directive = DIRECTIVE.match(line)
        if directive:
            is_announced = directive["name"].rpartition(":")[2] in CODE
        else:
            is_announced = line.rstrip().endswith("::") and not line.lstrip().startswith(".. ")
        if not is_announced:
            continue
        indentation = _width(line) if directive else len(LISTED.match(line)[0].expandtabs())  # type: ignore[index]
        end = last = at
        while end < len(lines) and (not lines[end].strip() or _width(lines[end]) > indentation):
            end += 1
            last = end if lines[end - 1].strip() else last
        first = at
        while first < last and not lines[first].strip():
            first += 1
        yield from range(first, last)
        at = last


def _width(line: str) -> int:
    """Return the columns of white space with which a line begins."""
    line = line.expandtabs()
    return len(line) - len(line.lstrip())


def _titles(lines: Sequence[str], literal: frozenset[int]) -> Iterator[_Title]:
    number = 1
    is_free = True  # whether a title can begin in the line above
    while number < len(lines):
        above, mark = lines[number - 1], _mark(lines[number])
        over = _mark(above)
        if number in literal or number - 1 in literal:
            is_free = True
        elif is_free and over and _is_overlined(lines, number):
            yield _Title(number, over, is_overlined=True)
            number, is_free = number + 3, True
            continue
        elif is_free and mark and not over and _fits(above, lines[number]) and _can_be_title(above):
            yield _Title(number - 1, mark, is_overlined=False)
            number, is_free = number + 2, True
            continue
        else:
            is_free = not above.strip() or above[0].isspace() or above.startswith("..")
        number += 1


def _mark(line: str) -> str:
    """Return the character that a line repeats, if it is punctuation alone."""
    found = ADORNMENT.fullmatch(line.rstrip())
    return found[1] if found and line.rstrip() != "::" else ""


def _is_overlined(lines: Sequence[str], number: int) -> bool:
    """Tell whether a line is a title between two lines of the same punctuation."""
    if number + 1 >= len(lines):
        return False
    above, title, below = (line.rstrip() for line in lines[number - 1 : number + 2])
    return above == below and bool(title) and not _mark(title) and _fits(title, below)


def _can_be_title(line: str) -> bool:
    return bool(line.strip()) and not line[0].isspace() and not BULLET.match(line)


def _fits(title: str, adornment: str) -> bool:
    columns = sum(1 + (east_asian_width(sign) in "WF") for sign in title.rstrip())
    length = len(adornment.rstrip())
    return length >= min(columns, MIN_SHORT_ADORNMENT)


def _is_restructured(
    lines: Sequence[str], titles: Sequence[_Title], literal: frozenset[int]
) -> bool:
    """Tell reStructuredText by what other formats do not have."""
    own = {title.line + place for title in titles for place in (0, 1, -title.is_overlined)}
    others = [n for n in range(len(lines)) if n not in own and n not in literal]
    n_other = sum(OTHER.match(lines[n]) is not None for n in others)
    n_fences = sum(FENCE.fullmatch(lines[n].rstrip()) is not None for n in others)
    if n_fences > 1 or n_other > MOST_OTHER_SHARE * len(titles):
        return False
    if any(_is_explicit(lines[n]) for n in others):
        return True
    plain = [title for title in titles if title.mark != "-" and _is_plain(lines, title)]
    n_styled = sum(title.mark != "=" for title in plain)
    return not n_other and (n_styled > 1 or any(title.is_overlined for title in plain))


def _is_plain(lines: Sequence[str], title: _Title) -> bool:
    """Tell a title that can be nothing else: words, marked along their length."""
    words, marks = lines[title.line].strip(), lines[title.line + 1].rstrip()
    return words[0].isalnum() and title.mark in USUAL and len(marks) >= max(len(words), 3)


def _is_explicit(line: str) -> bool:
    return bool(DIRECTIVE.match(line) or TARGET.match(line) or ROLE.search(line))

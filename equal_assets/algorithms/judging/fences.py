"""Fenced blocks of Markdown, as language models write them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import islice

from equal_assets.algorithms.judging.programs import parsed, tree_of

OPENING = re.compile(
    r"""
    (?P<lead>[ \t]*+(?:>[ \t]?)*+(?:(?:[-*+]|\d+[.)])[ \t]++){0,4}+[ \t]*+)  # of a quote, a list
    (?:[^`]*[:.!][ \t]*(?=`{3,}(?:py\w*)?[ \t]*\Z))?                   # a sentence before it
    (?P<fence>`{3,}|~{3,})[ \t]*\{?\.?(?P<language>[\w+#.-]*)[^`]*\Z
    """,
    re.VERBOSE,
)
ON_ONE_LINE = re.compile(r"[ \t]*```(?:python\d?|py)?[ \t]*(?P<code>[^`\s][^`]*)```[ \t]*\Z")
PYTHON = re.compile(r"(?:i?python[\d.]*|py\d?|pycon|python-repl|)\Z", re.IGNORECASE)
PROMPT = re.compile(r"^(?:>>>|\.\.\.)(?: |\Z)")
OPEN_TEXT = "unterminated triple-quoted"  # as Python says it

MOST_ENDS = 50
"""Fences within docstrings that are looked past: each is a program to be parsed."""


def python_blocks(text: str) -> tuple[list[str], str]:
    """Return the fenced blocks of a text that may hold Python, and the text without any block.

    A block without an end goes to the end of the text. A fence within a docstring ends no block.
    """
    lines = text.split("\n")
    blocks: list[str] = []
    outside: list[str] = []
    number = 0
    while number < len(lines):
        opening, on_one_line = OPENING.match(lines[number]), ON_ONE_LINE.match(lines[number])
        if on_one_line:
            blocks.append(on_one_line["code"])
            outside.append("")
        elif opening:
            end, body = _block(lines, number, opening)
            if PYTHON.match(opening["language"]):
                blocks.append(body)
            outside.append("")
            number = end
        else:
            outside.append(lines[number])
        number += 1
    return blocks, "\n".join(outside)


def _block(lines: list[str], begun: int, opening: re.Match[str]) -> tuple[int, str]:
    """Return the line of the closing fence, and what stands before it."""
    first: tuple[int, str] | None = None
    for end, last in islice(_ends(lines, begun, opening["fence"]), MOST_ENDS):
        body = _body([*lines[begun + 1 : end], *last], opening["lead"])
        if not _is_open_text(body):
            return end, body
        first = first or (end, body)
    return first or (len(lines), _body(lines[begun + 1 :], opening["lead"]))


def _ends(lines: list[str], begun: int, fence: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that may close a fence, each with the code before the fence in it."""
    closing = re.compile(rf"(?P<code>[^`~]*[^`~\s>])?[ \t>]*{fence[0]}{{{len(fence)},}}[ \t]*\Z")
    for number in range(begun + 1, len(lines)):
        if found := closing.match(lines[number]):
            yield number, [found["code"]] if found["code"] else []


def _is_open_text(body: str) -> bool:
    """Tell whether a body ends within a text in triple quotes."""
    mistake = parsed(textwrap.dedent(body))
    return isinstance(mistake, SyntaxError) and OPEN_TEXT in str(mistake)


def _body(lines: list[str], lead: str) -> str:
    """Return the lines of a block without what leads the line of its fence."""
    if ">" in lead:
        lines = [re.sub(r"\A[ \t]*>[ \t]?", "", line) for line in lines]
        lead = lead.rpartition(">")[2]
    indented = len(lead.expandtabs(4))
    lines = [re.sub(rf"\A(?:\t| {{1,{indented}}})", "", line) if lead else line for line in lines]
    if any(line.startswith(">>> ") for line in lines) and tree_of("\n".join(lines)) is None:
        lines = [PROMPT.sub("", line) for line in lines if PROMPT.match(line)]
    return "\n".join(lines)

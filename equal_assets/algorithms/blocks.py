"""What of a text stays together: a paragraph, code, a table, a question with its answer."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import accumulate, pairwise

from equal_assets.algorithms.extraction.laid_out import (
    ANSWER_LIST,
    ITEM,
    REASONING_WORDS,
    Line,
    read_lines,
)
from equal_assets.algorithms.restructured import DIRECTIVE

QUESTION, PARAGRAPH, ANSWER = 7, 8, 9
"""How little a text suffers from being cut before a block; 1 to 6 is the level of a heading."""

MAX_HEADING_CHARACTERS = 200
"""Of a heading; a longer line is text."""

LATEX = re.compile(
    r"\s*\\(?P<name>part|chapter|section|subsection|subsubsection|paragraph)\*?\{(?P<title>[^{}]+)\}"
)
LATEX_LEVELS = {"part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4}

ANSWER_LABEL = re.compile(
    r"\s{0,3}(?:#{1,6} )?[*_【\[(]{0,3}(?:proof|解|解答|解析|答|答案|证明|證明|証明|lösung|beweis"
    r"|antwort|solución|respuesta|demostración|réponse|corrigé|démonstration|soluzione|risposta|решение"
    r"|ответ|доказательство)[*_】\])]{0,3}(?:\s*[:：.]|\s*$|】)",
    re.IGNORECASE,
)
"""An answer or a proof, where `laid_out` knows no pairs: in other languages."""

BEGIN = re.compile(
    r"\\begin\{((?:equation|align|alignat|gather|multline|eqnarray|displaymath|math|cases|split"
    r"|array|tabular|tabularx|longtable|table|verbatim|lstlisting|minted)\*?)\}"
)
END = re.compile(r"\\end\{[a-z]+\*?\}|\\\]|</(?:table|pre)>", re.IGNORECASE)
TAG = re.compile(r"<(table|pre)\b", re.IGNORECASE)

LABEL = re.compile(r"\.\. _[^:\n]+:\s*$|<a\s[^>]*>(?:\s*</a>)?\s*$|\([\w.:-]+\)=\s*$")
"""A line that names what is below it, for links: of reStructuredText, HTML, MyST."""

WITH_OPTIONS = ("index", "module", "currentmodule", "program", "sectionauthor", "highlight", "meta")
"""Directives that may have indented lines, none of which is text of a section."""

OF_ITS_OWN = (
    "versionadded", "versionchanged", "versionremoved", "deprecated", "image", "figure", "include",
    "literalinclude", "contents", "toctree", "rubric", "raw",
)  # fmt: skip
"""Directives that name no section, though they may stand above one."""

SET_OFF = re.compile(
    r"[ ]{2}|\t|\s*(?:\||\+[-=]|<(?:table|pre)\b|\\begin\{|\$\$|\\\[)", re.IGNORECASE
)
"""How what is announced begins, beside code: indented; a table; a formula."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: where it begins with its labels, from 1 (outermost) to 6, and what it says."""

    start: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a text that should not be cut.

    Attributes
    ----------
    start, end : int
        Its span, without white space around it.
    body : int
        Where what follows its headings begins; ``end`` where nothing does.
    strength : int
        The lower, the better can the text be cut before it.
    level : int
        Of its first line, if that is a heading; else 0.
    is_question, is_answer, is_item, is_key : bool
        Whether its first line says so: a number, or "Answers" of what is numbered.
    is_set_off : bool
        Whether its first line is code, a table or a formula, or announces it as a directive.
    announces : str
        How its last line announces what follows: ``colon`` what is set off, ``label`` whatever
        it is; else empty.
    """

    start: int
    body: int
    end: int
    strength: int
    level: int = 0
    is_question: bool = False
    is_answer: bool = False
    is_item: bool = False
    is_key: bool = False
    is_set_off: bool = False
    announces: str = ""

    @property
    def length(self) -> int:
        """Characters below its headings."""
        return self.end - self.body

    def joined(self, last: Block) -> Block:
        """Return the block from this one to the end of another that follows it."""
        is_heading = self.body == self.end
        return replace(
            self,
            end=last.end,
            body=last.body if is_heading else self.body,
            is_item=self.is_item or (is_heading and last.is_item),
            announces=last.announces,
        )

    def is_open_to(self, following: Block) -> bool:
        """Tell whether it is nothing without the block that follows: it announces it."""
        if self.body == self.end or self.announces == "label":
            return True
        return bool(self.announces) and following.is_set_off


def read_blocks(text: str, *, longest: int) -> tuple[list[Block], list[Heading]]:
    """Return the blocks of a text and its headings, in order.

    A block is a paragraph with the headings directly above it, and their labels. Code, formulas
    and tables that go over several paragraphs are one, with the line that announces them, as is a
    question with its answers, if it is not longer than ``longest`` characters.
    """
    lines = read_lines(text)
    starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    inside = _inside(lines, starts, longest)
    above_headings = _above_headings(lines, text.split("\n"))
    begun: int | None = None
    headings: list[Heading] = []
    blocks: list[Block] = []
    is_apart = True
    spans = pairwise(starts)
    for number, (line, (start, following)) in enumerate(zip(lines, spans, strict=True)):
        written, is_inside = text[start:following], inside[number]
        if not written.strip():
            is_apart |= not is_inside
            continue
        if number in above_headings:
            begun = start if begun is None else begun
            continue
        read = _read(line, written, start)
        if begun is not None:
            read, begun = replace(read, start=begun), None
        last = blocks[-1] if blocks else None
        above = headings[-1].level if headings else 0
        if level := read.level:
            headings.append(Heading(read.start, level, _title(written)))
        if last is None or (not is_inside and _begins(read, last, above, is_apart=is_apart)):
            blocks.append(read)
        else:
            blocks[-1] = last.joined(read)
        is_apart = False
    blocks = _with_keys(_with_announced(blocks, longest), longest)
    return list(_kept_together(blocks, longest)), headings


def _above_headings(lines: Sequence[Line], texts: Sequence[str]) -> set[int]:
    """Return the lines that belong to the heading below them: labels, and a line of marks."""
    found: set[int] = set()
    waiting: list[int] = []  # lines that may be options of a directive that belongs to it
    is_above = False
    for number in reversed(range(len(lines))):
        text = texts[number].rstrip()
        if not text:
            continue
        is_marks = not lines[number].text.strip() and not (number and lines[number - 1].level)
        if lines[number].level:
            is_above, waiting = True, []
        elif is_above and text[0].isspace():
            waiting.append(number)
        elif is_above and (is_marks or _is_label(text, has_options=bool(waiting))):
            found.update([number, *waiting])
            waiting = []
        else:
            is_above = False
    return found


def _is_label(line: str, *, has_options: bool) -> bool:
    """Tell a line that names the section below it."""
    if not (directive := DIRECTIVE.match(line)):
        return not has_options and LABEL.match(line) is not None
    name = directive["name"].rpartition(":")[2]
    if name in WITH_OPTIONS:
        return True
    return bool(directive["argument"]) and not has_options and name not in OF_ITS_OWN


def _with_announced(blocks: Sequence[Block], longest: int) -> list[Block]:
    """Join what is set off with the line that announces it, if they fit."""
    kept: list[Block] = []  # the last one first
    for block in reversed(blocks):
        whole = block.joined(kept[-1]) if kept and block.is_open_to(kept[-1]) else None
        if whole and block.announces and whole.length <= longest:
            kept[-1] = whole
        else:
            kept.append(block)
    return kept[::-1]


def _read(line: Line, written: str, start: int) -> Block:
    """Return a line as a block of its own."""
    latex = None if line.is_code else LATEX.match(written)
    level = LATEX_LEVELS.get(latex["name"], 5) if latex else line.level
    level = level if len(_title(written)) <= MAX_HEADING_CHARACTERS else 0
    label = line.label
    is_answer = not line.is_code and ANSWER_LABEL.match(written) is not None
    if label and label.role == "answer":
        is_answer |= not level or label.word not in REASONING_WORDS
    is_question = label is not None and label.role == "question"
    end = start + len(written.rstrip())
    start += len(written) - len(written.lstrip())
    directive = None if line.is_code else DIRECTIVE.match(written)
    is_heading = level or not line.text.strip()  # the line below a heading that underlines it
    return Block(
        start,
        end if is_heading else start,
        end,
        ANSWER if is_answer else level or (QUESTION if is_question else PARAGRAPH),
        level=level,
        is_question=is_question,
        is_answer=is_answer,
        is_item=not line.is_code and ITEM.match(written) is not None,
        is_key=not line.is_code and ANSWER_LIST.fullmatch(written.strip()) is not None,
        is_set_off=line.is_code or directive is not None or SET_OFF.match(written) is not None,
        announces="" if line.is_code or is_heading else _announced(written.strip()),
    )


def _announced(line: str) -> str:
    """Say how a line announces what follows it."""
    if LABEL.match(line) or _names_what_follows(line):
        return "label"
    return "colon" if line.endswith((":", "：")) or DIRECTIVE.match(line) else ""


def _names_what_follows(line: str) -> bool:
    """Tell a directive that gives a word to what is below it, which need not be its content."""
    directive = DIRECTIVE.match(line)
    if not directive or directive["name"].rpartition(":")[2] in OF_ITS_OWN:
        return False
    return len((directive["argument"] or "").split()) == 1


def _title(written: str) -> str:
    if latex := LATEX.match(written):
        return latex["title"].strip()
    title = written.strip().lstrip("#").strip()
    without = title.rstrip("#")  # what may close a heading, but not the sharp of C#
    return without.rstrip() if without.endswith((" ", "\t")) else title


def _begins(read: Block, last: Block, above: int, *, is_apart: bool) -> bool:
    """Tell whether a line begins a block; headings wait for what is below them."""
    if last.body == last.end:
        return 0 < read.level <= above
    return is_apart or read.is_key or read.strength != PARAGRAPH


def _inside(lines: Sequence[Line], starts: Sequence[int], longest: int) -> list[bool]:
    """Tell which lines continue code, a formula or a table that is short enough to be kept whole.

    What is never closed is none.
    """
    inside = [False] * len(lines)
    closing: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        for mark in () if line.is_code else _closed(line.text):
            closing.setdefault(mark, []).append(number)
    at = 0
    while at < len(lines):
        last = _last_line(lines, at, closing)
        is_short = starts[last + 1] - starts[at] <= longest
        if is_short:
            inside[at + 1 : last + 1] = [True] * (last - at)
        # what is too long may be no formula: what is in it can be kept whole
        at = last + 1 if is_short or lines[at].is_code else at + 1
    return inside


def _last_line(lines: Sequence[Line], first: int, closing: dict[str, list[int]]) -> int:
    """Return the last line of what opens in a line: this one, if nothing does."""
    last = first
    if lines[first].is_code:
        while last + 1 < len(lines) and lines[last + 1].is_code:
            last += 1
    elif mark := _opened(lines[first].text):
        closed = closing.get(mark, [])
        if (found := bisect_right(closed, first)) < len(closed):
            last = closed[found]
    return last


def _opened(line: str) -> str | None:
    """Return what closes the formula, the table or the code that a line opens."""
    text = line.strip()
    if text.startswith("$$"):
        return "$$" if text.count("$$") % 2 else None
    if text.startswith("\\["):
        return None if "\\]" in text else "\\]"
    if begin := BEGIN.search(text):
        end = f"\\end{{{begin[1]}}}"
        return None if end in text else end
    if tag := TAG.match(text):
        end = f"</{tag[1].lower()}>"
        return None if end in text.lower() else end
    return None


def _closed(line: str) -> set[str]:
    """Return the marks in a line that close something."""
    found = {mark.lower() for mark in END.findall(line)}
    return found | {"$$"} if line.count("$$") % 2 else found


def _with_keys(blocks: Sequence[Block], longest: int) -> list[Block]:
    """Join numbered exercises with the answers below them, if they fit."""
    kept: list[Block] = []
    for block in blocks:
        if block.is_item and kept and kept[-1].is_key:
            parts = [kept[-1], block]
        elif block.is_key:
            first = len(kept)
            while first and kept[first - 1].is_item and not kept[first - 1].is_key:
                first -= 1
            parts = [*kept[first:], block]
        else:
            parts = [block]
        whole = reduce(Block.joined, parts)
        if len(parts) > 1 and whole.length <= longest:
            kept[len(kept) - len(parts) + 1 :] = [replace(whole, is_key=True)]
        else:
            kept.append(block)
    return kept


def _kept_together(blocks: Sequence[Block], longest: int) -> Iterator[Block]:
    """Join what is between two headings or questions where an answer is in it and it fits."""
    unit: list[Block] = []
    for block in [*blocks, None]:
        if unit and (block is None or block.strength <= QUESTION):
            whole = reduce(Block.joined, unit)
            is_kept = whole.length <= longest and any(part.is_answer for part in unit)
            yield from [whole] if is_kept else _answered(unit, longest)
            unit = []
        if block:
            unit.append(block)


def _answered(unit: Sequence[Block], longest: int) -> Iterator[Block]:
    """Join an answer with the paragraph that asks, but not further answers to a question."""
    waiting, is_answered = unit[0], unit[0].is_answer
    for block in unit[1:]:
        if block.is_answer and (waiting.is_answer or (unit[0].is_question and is_answered)):
            block = replace(block, strength=PARAGRAPH)
        elif block.is_answer and waiting.joined(block).length <= longest:
            waiting, is_answered = waiting.joined(block), True
            continue
        yield waiting
        waiting, is_answered = block, is_answered or block.is_answer
    yield waiting

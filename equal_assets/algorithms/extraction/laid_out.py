r"""QA pairs that are laid out in a text: found, never made up.

The only words that are not the author's come from a question template ("How do I ... with
`numpy.unique`?"). Layouts are tried in this order; the first that yields a usable pair wins:

1. docstring: the summary asks, the code of the example sections answers (the only layout tried
   on a text with a subject);
2. labels: ``Q:``/``A:``, question/answer, problem/solution, example/solution, exercise/answer;
   of several answers to a question the accepted one, else the first;
3. a question label, followed by an answer without a label of its own;
4. numbered exercises, then a list of answers with the same numbers;
5. forum thread: title and body, then an answer heading; the accepted answer, else the first;
6. exercises without a label, each directly followed by ``Solution:``;
7. FAQ: headings that end with a question mark.

Explicit layouts come before those that infer the question from its place. Lines are classified
once and patterns stay within a line or a bounded paragraph, so time grows linearly with the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Literal

from equal_assets.algorithms.extraction.docstrings import FENCE, docstring_pairs
from equal_assets.algorithms.restructured import Markup, read_markup
from equal_assets.records import QAPair

MIN_ANSWER_CHARACTERS = 1
MAX_ANSWER_CHARACTERS = 8_000
MAX_QUESTION_CHARACTERS = 8_000
MAX_TITLE_CHARACTERS = 200
MAX_STATEMENT_CHARACTERS = 2_000

PLAIN = 7  # heading level of a label that is no heading: below every Markdown heading


def extract_pairs(text: str, *, max_pairs: int, subject: str | None = None) -> list[QAPair]:
    """Return the QA pairs that are laid out in a text, in its order.

    Parameters
    ----------
    text : str
        The document; a docstring may still have its indentation.
    max_pairs : int
        Pairs to keep, >= 1.
    subject : str, optional
        Qualified name of the object that a docstring documents (``numpy.linalg.solve``), so that
        its question can be understood alone; ``None`` for other documents.

    Returns
    -------
    list of QAPair
        Empty if no layout fits. No question occurs twice; an answer has 1 to 8,000 characters.

    Raises
    ------
    ValueError
        If ``max_pairs`` is below 1.
    """
    if max_pairs < 1:
        raise ValueError(f"max_pairs = {max_pairs}: must be at least 1")
    text = text.replace("\r\n", "\n")
    for candidates in _layouts(text, subject):
        pairs = list(islice(_usable(candidates), max_pairs))
        if pairs:
            return pairs
    return []


def _layouts(text: str, subject: str | None) -> Iterator[Iterator[QAPair]]:
    """Yield the candidates of one layout after another."""
    yield docstring_pairs(text, subject)
    if subject is not None:
        return  # the other layouts mistake the sections of a docstring for answers to its summary
    lines = read_lines(text)
    yield _labelled_pairs(lines)
    yield _unlabelled_answer_pairs(lines)
    yield _answer_list_pairs(lines)
    yield _forum_pairs(lines)
    yield _exercise_pairs(lines)
    yield _faq_pairs(lines)


def _usable(candidates: Iterable[QAPair]) -> Iterator[QAPair]:
    """Yield the pairs worth keeping: stripped, within bounds, each question once."""
    seen = set()
    for pair in candidates:
        question, answer = _tidy(pair.question), _tidy(pair.answer)
        key = question.casefold()
        if not MIN_ANSWER_CHARACTERS <= len(answer) <= MAX_ANSWER_CHARACTERS:
            continue
        if not any(map(str.isalnum, question)) or len(question) > MAX_QUESTION_CHARACTERS:
            continue
        if key not in seen:
            seen.add(key)
            yield QAPair(question, answer)


def _tidy(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", text).strip()


# Lines and labels


@dataclass(frozen=True, slots=True)
class Label:
    """The word at the start of a line that says what follows."""

    role: Literal["question", "answer"]
    word: str
    level: int
    is_accepted: bool
    rest: str

    @property
    def is_answer(self) -> bool:
        """Whether it announces an answer by itself, without a labelled question before it."""
        return self.word in ("answer", "solution")


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and what it is."""

    text: str
    level: int = 0  # of a heading; 0 for other lines
    label: Label | None = None
    is_code: bool = False

    @property
    def is_blank(self) -> bool:
        """Whether nothing is written in it."""
        return not self.text.strip()

    @property
    def is_text(self) -> bool:
        """Whether it is neither blank, code nor a heading."""
        return not (self.is_blank or self.is_code or self.level)


@dataclass(slots=True)
class _Section:
    """A labelled stretch of text."""

    label: Label
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join([self.label.rest, *self.lines]).strip()


QUESTION_WORDS = ("q", "question", "problem", "exercise", "example", "task", "challenge")
REASONING_WORDS = ("explanation", "analysis", "rationale")  # answers, but never to an example
ACCEPTED = re.compile(r"\b(accepted|best|chosen|verified)\b|[✓✔✅]", re.IGNORECASE)
LABEL = re.compile(
    r"""[ ]{0,3}(?:[-+>][ ])?(?:(?P<hashes>\#{1,6})[ ]{1,3})?(?:[✓✔✅][ ]?)?(?P<bold>[*_]{0,3})
    (?:(?P<prefix>accepted|best|chosen|verified|correct|example|model|practice|review|sample
        |suggested|worked)[ ])?
    (?P<word>q|question|problem|exercise|example|task|challenge
        |a|answer|ans|solution|sol|explanation|analysis|rationale)(?![^\W\d_])
    (?:[ ]?\#?(?P<number>\d{1,4}(?:[.-]\d{1,4}){0,3}[a-z]?)(?!\w))?
    (?:[ ]?(?P<note>\([^()]{0,60}\)|\[[^][]{0,60}\]))?
    [*_]{0,3}(?P<separator>[:.)]?)[*_]{0,3}(?P<space>\s*)(?P<rest>.*)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
ATTRIBUTION = re.compile(r"(?:by|from)\b.{0,80}|[-–—(].{0,80}", re.IGNORECASE)
HEADING = re.compile(r"(?P<hashes>#{1,6})\s+\S")
SETEXT = re.compile(r"(?:={3,}|-{3,}|~{3,}|\^{3,})\s*")
SHORT_TITLE = 4
SETEXT_LEVELS = {"=": 1, "-": 2, "~": 3, "^": 4}
"""Of Markdown the first two; of AsciiDoc all, as long as their title."""
NO_TITLE = re.compile(r"[-*+]\s|[>|]|\[.*\]\s*$|\s{4}")
"""An item, a quotation, a row or an attribute in brackets: dashes below it are a rule."""
CHOICE = re.compile(r"\s*(?:[-*+•]|\(?\w{1,2}[.)])\s")
OPTION = re.compile(r"\s*(?:[-*+]\s+)?\(?[A-E][.):]\s")
ITEM = re.compile(
    r"[ ]{0,3}[*_]{0,2}\(?(?:Q|Question |Problem |Exercise )?"
    r"(?P<number>\d{1,3}(?:\.\d{1,3}){0,3})[.):]\)?[*_]{0,2}\s+(?P<text>\S.*)"
)
ANSWER_LIST = re.compile(
    r"[#*_ ]{0,9}(?:\d{1,4} )?(?:(?:answer|solution)s?\s+key|answers|solutions|key"
    r"|(?:answers|solutions)\s+(?:to|for)\s.{0,80})(?: \(\d{1,4}\))?[*_:. ]{0,5}",
    re.IGNORECASE,
)
INSTRUCTION = re.compile(
    r"(?:in|for) the (?:following|next)\b.{0,80}\b(?:exercise|problem|question)", re.IGNORECASE
)
ASKING = re.compile(
    r"(?:^|[^\w\s] )(?:what|why|how|when|where|who|whom|whose|which|is|are|was|were|am|can|could"
    r"|do|does|did|has|have|should|shall|will|would|may|must)\b",
    re.IGNORECASE,
)


def read_lines(text: str) -> list[Line]:
    """Classify every line; lines of code are never labels or headings."""
    texts = text.split("\n")
    markup = read_markup(texts)
    return _read_markdown(texts) if markup is None else list(_read_restructured(texts, markup))


def _read_restructured(texts: Sequence[str], markup: Markup) -> Iterator[Line]:
    for number, line in enumerate(texts):
        if number in markup.adornments:
            yield Line("")
        elif not line.strip() or number in markup.literal:
            yield Line(line, is_code=number in markup.literal)
        else:
            level = markup.levels.get(number, 0)
            read = replace(_read_line(line, texts[number + 1 : number + 7]), level=0)
            yield _as_heading(read, level=level) if level else read


def _read_markdown(texts: Sequence[str]) -> list[Line]:
    is_code, hidden = fenced_lines(texts), _commented(texts)
    lines: list[Line] = []
    for number, line in enumerate(texts):
        if is_code[number] or not line.strip():
            lines.append(Line(line, is_code=is_code[number]))
        elif SETEXT.fullmatch(line) and _is_underlined(texts, number, is_code):
            lines[-1] = _as_heading(lines[-1], level=SETEXT_LEVELS[line[0]])
            lines.append(Line(""))
        else:
            read = _read_line(line, texts[number + 1 : number + 7])
            lines.append(replace(read, level=0) if number in hidden else read)
    return lines


def _commented(texts: Sequence[str]) -> set[int]:
    """Return the lines of comments in HTML, which hold no headings; what is not closed is none."""
    found: set[int] = set()
    opened: int | None = None
    for number, line in enumerate(texts):
        if opened is None and line.startswith("<!--") and "-->" not in line:
            opened = number
        elif opened is not None and "-->" in line:
            found.update(range(opened, number + 1))
            opened = None
    return found


def _is_underlined(texts: Sequence[str], number: int, is_code: Sequence[bool]) -> bool:
    """Tell whether a line of marks underlines the line above it.

    Dashes below a paragraph or an item are a rule, whatever a parser makes of them; tildes open
    code, unless they are as long as a title above them.
    """
    title = texts[number - 1].strip() if number else ""
    if not title or is_code[number - 1] or HEADING.match(title) or SETEXT.fullmatch(title):
        return False
    mark, above = texts[number][0], texts[number - 2].strip() if number > 1 else ""
    if mark == "=":
        return True
    is_free = number > 1 and (is_code[number - 2] or above.startswith("<"))
    is_below_heading = HEADING.match(above) or (
        SETEXT.fullmatch(above) and number > 2 and texts[number - 3].strip()
    )
    is_alone = not above or is_free or is_below_heading
    if not is_alone or NO_TITLE.match(texts[number - 1]):
        return False
    return mark == "-" or _is_as_long(title, texts[number].rstrip())


def _is_as_long(title: str, marks: str) -> bool:
    """Tell whether marks are as long as the words above them, as AsciiDoc wants it."""
    is_worded = title[0].isalnum() and not title.endswith((":", "."))
    return is_worded and len(title) > SHORT_TITLE and abs(len(marks) - len(title)) <= 2


def _read_line(line: str, following: Sequence[str]) -> Line:
    heading = HEADING.match(line)
    label = _read_label(line)
    if label and label.word == "a" and _is_option(line, following):
        label = None
    return Line(line, level=len(heading["hashes"]) if heading else 0, label=label)


def _as_heading(line: Line, *, level: int) -> Line:
    return replace(line, level=level, label=line.label and replace(line.label, level=level))


def fenced_lines(texts: Sequence[str]) -> list[bool]:
    """Tell which lines belong to fenced code; a fence that is never closed is text."""
    is_code = [False] * len(texts)
    opened: tuple[int, str] | None = None
    for number, line in enumerate(texts):
        fence = FENCE.match(line)
        if fence is None:
            continue
        if opened is None:
            if SETEXT.fullmatch(line) and _is_underlined(texts, number, is_code):
                continue
            if fence["fence"][0] == "`" and "`" in line[fence.end("fence") :]:  # code in a line
                continue
            opened = number, fence["fence"]
        elif fence["fence"].startswith(opened[1]) and not fence["language"]:
            is_code[opened[0] : number + 1] = [True] * (number + 1 - opened[0])
            opened = None
    return is_code


def _read_label(line: str) -> Label | None:
    match = LABEL.match(line)
    if match is None:
        return None
    word, rest = match["word"].casefold(), match["rest"].strip()
    note = line[: match.start("rest")]
    is_heading = bool(match["hashes"] or match["bold"]) and not match["separator"]
    if is_heading and word in ("answer", "solution") and ATTRIBUTION.fullmatch(rest):
        note, rest = line, ""
    if not _is_label(match, rest):
        return None
    return Label(
        role="question" if word in QUESTION_WORDS else "answer",
        word=word,
        level=len(match["hashes"] or "") or PLAIN,
        is_accepted=ACCEPTED.search(note) is not None,
        rest=_unbold(rest),
    )


def _is_label(match: re.Match[str], rest: str) -> bool:
    """Tell a label from a word that begins a sentence."""
    word, separator = match["word"], match["separator"]
    is_marked = bool(match["hashes"] or match["bold"])
    if not word[0].isupper() and not match["prefix"]:
        return word in ("question", "answer") and separator == ":"
    if len(word) == 1:
        is_alone = bool(match["space"]) or not rest
        is_set_off = bool(separator) or (is_marked and not rest)
        return is_alone and is_set_off and not match["prefix"]
    if separator == ":":
        return True
    if separator:
        return bool(match["space"]) or not rest
    if match["number"] and rest:
        return rest[0].isupper() or rest[0] in "$\\"
    return not rest


def _is_option(line: str, following: Iterable[str]) -> bool:
    """Tell the first choice of a multiple-choice question from the label of an answer."""
    separator = line.strip(" -+>*_")[1:2]
    return separator in (".", ")", ":") and any(
        other.strip(" -+>*_").startswith(f"B{separator}") for other in following
    )


def _unbold(line: str) -> str:
    """Drop a bold mark that closes or opens at an end of a line without its partner."""
    for mark in ("**", "__"):
        if line.count(mark) == 1:
            line = line.removeprefix(mark).removesuffix(mark)
    return line.strip()


def _join(lines: Iterable[Line]) -> str:
    return "\n".join(line.text for line in lines).strip()


# Layouts of questions, problems and answers


def _labelled_pairs(lines: Sequence[Line]) -> Iterator[QAPair]:
    """Pair every labelled question with the labelled answer that follows it."""
    threads = list(_threads(lines))
    title = _title(lines) if len(threads) == 1 else ""
    for question, answers in threads:
        if answers:
            asked = question.text
            if title and not question.label.rest:
                asked = f"{title}\n\n{asked}"
            yield QAPair(asked, _choose_answer(answers))


def _threads(lines: Sequence[Line]) -> Iterator[tuple[_Section, list[_Section]]]:
    """Yield every labelled question with the answers up to the next question or boundary."""
    question: _Section | None = None
    answers: list[_Section] = []
    for section in [*_sections(lines), None]:
        if section is None or section.label.role == "question":
            if question is not None:
                yield question, answers
            question = None if section is None or _shows_input(section) else section
            answers = []
        elif question is not None and _can_answer(section.label, question.label):
            answers.append(section)


def _sections(lines: Sequence[Line]) -> Iterator[_Section | None]:
    """Yield the labelled sections, and ``None`` where a heading closes the section above it.

    A question may contain headings of its own level (examples, constraints); an answer ends there.
    """
    section: _Section | None = None
    for line in lines:
        if line.label is not None:
            if section is not None:
                yield section
            section = _Section(line.label, [])
        elif section is not None and _ends_section(line, section.label):
            yield section
            section = None
            if not _begins_answer_list(line):
                yield None
        elif section is not None:
            section.lines.append(line.text)
    if section is not None:
        yield section


def _ends_section(line: Line, label: Label) -> bool:
    level = label.level - (label.role == "question")
    return 0 < line.level <= level or _begins_answer_list(line)


def _shows_input(question: _Section) -> bool:
    """Tell the sample cases of a programming problem from worked examples."""
    shown = question.text.lstrip("*_`#-> \n")
    return question.label.word == "example" and shown.startswith("Input")


def _can_answer(answer: Label, question: Label) -> bool:
    return answer.word not in REASONING_WORDS or question.word != "example"


def _choose_answer(answers: Sequence[_Section]) -> str:
    """Return the accepted or first answer, and what continues it under another label."""
    first = next((n for n, answer in enumerate(answers) if answer.label.is_accepted), 0)
    parts = [answers[first].text]
    for later in answers[first + 1 :]:
        if later.label.word == answers[first].label.word:
            break
        parts.append(f"{later.label.word.capitalize()}: {later.text}")
    return "\n\n".join(parts)


def _title(lines: Sequence[Line]) -> str:
    """Return the text before the first label, if it is one short line."""
    before = []
    for line in lines:
        if line.label is not None:
            break
        if not line.is_blank:
            before.append(line.text)
        if len(before) > 1:
            return ""
    title = before[0].lstrip("# ").strip() if before else ""
    return title if len(title) <= MAX_TITLE_CHARACTERS else ""


def _unlabelled_answer_pairs(lines: Sequence[Line]) -> Iterator[QAPair]:
    """Pair ``Q:`` labels with the text that follows, if the document labels no answer."""
    if any(line.label is not None and line.label.role == "answer" for line in lines):
        return
    for section in _sections(lines):
        if section is not None and section.label.word in ("q", "question"):
            asked, told = _split_question(section)
            is_code = FENCE.match(told) is not None
            if is_code or (asked.endswith("?") and _is_prose_answer(told)):
                yield QAPair(asked, told)


def _split_question(section: _Section) -> tuple[str, str]:
    """Split a section behind the paragraph that asks: at a blank line or a fence."""
    lines = section.text.split("\n")
    end = next((n for n, line in enumerate(lines) if not line.strip() or FENCE.match(line)), None)
    if end is None:
        return section.text, ""
    return "\n".join(lines[:end]), "\n".join(lines[end:]).strip()


def _is_prose_answer(text: str) -> bool:
    """Tell an answer from the choices, hints or further questions that may follow a question."""
    paragraph = text.split("\n\n", 1)[0].strip()
    return bool(paragraph) and not paragraph.endswith("?") and not OPTION.match(paragraph)


def _answer_list_pairs(lines: Sequence[Line]) -> Iterator[QAPair]:
    """Pair numbered exercises with the same numbers in an answer list further down."""
    starts = [n for n, line in enumerate(lines) if _begins_answer_list(line)]
    questions = _numbered_items(lines[: starts[0]]) if starts else {}
    for start, stop in pairwise([*starts, len(lines)]):
        end = next((n for n in range(start + 1, stop) if lines[n].level), stop)
        for number, answer in _numbered_items(lines[start + 1 : end]).items():
            if number in questions:
                yield QAPair(questions[number], answer)
        questions = _numbered_items(lines[end:stop]) or questions


def _begins_answer_list(line: Line) -> bool:
    return not line.is_code and ANSWER_LIST.fullmatch(line.text) is not None


def _numbered_items(lines: Sequence[Line]) -> dict[str, str]:
    """Return the numbered items; a repeated number replaces the earlier item."""
    items: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in lines:
        item = None if line.is_code else ITEM.match(line.text)
        if item:
            current = items[item["number"]] = [item["text"]]
        elif line.level:
            current = None
        elif current is not None:
            current.append(line.text)
    return {number: "\n".join(texts).strip() for number, texts in items.items()}


def _forum_pairs(lines: Sequence[Line]) -> Iterator[QAPair]:
    """Pair all text before the first answer heading with the accepted or only answer."""
    starts = [n for n, line in enumerate(lines) if line.label and line.label.is_answer]
    labels = [label for n in starts if (label := lines[n].label) and not label.rest]
    is_thread = any(label.is_accepted for label in labels) or (
        len(labels) == len(starts) and {label.word for label in labels} == {"answer"}
    )
    if not (is_thread or len(starts) == len(labels) == 1):
        return
    answers = [s for s in _sections(lines) if s and s.label.is_answer and not s.label.rest]
    chosen = next((answer for answer in answers if answer.label.is_accepted), answers[0])
    yield QAPair(_statement(lines[: starts[0]]), chosen.text)


def _statement(lines: Sequence[Line]) -> str:
    """Return title and body of a question; of a chapter, only the text below its last heading."""
    lines = [line for line in lines if not _begins_answer_list(line)]
    statement = _join(lines)
    headings = [number for number, line in enumerate(lines) if line.level]
    if len(statement) > MAX_STATEMENT_CHARACTERS and headings:
        statement = _join(lines[headings[-1] :])
    return statement.lstrip("# ")


def _exercise_pairs(lines: Sequence[Line]) -> Iterator[QAPair]:
    """Pair each ``Solution:`` with the paragraph before it and the instruction above that."""
    instruction, paragraph = "", ""
    for block in _paragraphs(lines):
        label = block[0].label
        if label is not None and label.is_answer:
            told = _join([replace(block[0], text=label.rest), *block[1:]])
            if paragraph:
                yield QAPair(f"{instruction}\n{paragraph}", told)
            paragraph = ""
            continue
        paragraph = _join(line for line in block if not line.level)
        if block[0].level:
            instruction = ""
        if INSTRUCTION.match(paragraph):
            instruction, paragraph = paragraph, ""


def _paragraphs(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield runs of lines with no blank one between; a label or heading begins a new run.

    Text that a label on a line of its own announces belongs to it, even after a blank line.
    """
    block: list[Line] = []
    for line in lines:
        is_start = line.label is not None or line.level > 0
        is_announced = len(block) == 1 and block[0].label is not None and not block[0].label.rest
        if block and ((line.is_blank and not line.is_code and not is_announced) or is_start):
            yield block
            block = []
        if line.is_code or not line.is_blank:
            block.append(line)
    if block:
        yield block


def _faq_pairs(lines: Sequence[Line]) -> Iterator[QAPair]:
    """Pair headings that ask with the text below them."""
    if any(line.label is not None and line.label.is_answer for line in lines):
        return  # the lines below a question are its choices
    starts = [n for n in range(len(lines)) if _is_faq_heading(lines, n)]
    for start, following in pairwise([*starts, len(lines)]):
        level = lines[start].level or PLAIN
        stop = start + 1
        while stop < following and not 0 < lines[stop].level <= level:
            stop += 1
        asked = _without_number(lines[start].text.strip(" #*_"))
        told = _join(lines[start + 1 : stop])
        if len(asked.split()) > 2 and _is_prose_answer(told):
            yield QAPair(asked, told)


def _without_number(text: str) -> str:
    return re.sub(r"^\d{1,3}[.)]\s+", "", text)


def _is_faq_heading(lines: Sequence[Line], number: int) -> bool:
    """Tell a heading that asks; a plain line must ask in its first word and touch its answer."""
    line = lines[number]
    text = line.text.strip()
    asked = text.strip("#*_ ")
    if line.is_code or len(text) > MAX_TITLE_CHARACTERS or not asked.endswith("?"):
        return False
    asked = _without_number(asked)
    if line.level or (text.startswith(("**", "__")) and text.endswith(("**", "__"))):
        return ASKING.search(asked) is not None
    opens = number == 0 or lines[number - 1].is_blank
    following = lines[number + 1] if number + 1 < len(lines) else Line("")
    touches = following.is_text and not CHOICE.match(following.text)
    return opens and touches and ASKING.match(asked) is not None

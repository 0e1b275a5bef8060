r"""QA pairs that are laid out in a text: found, never made up.

The only words that are not the author's are those of a question template ("How do I ... with
`numpy.unique`?"). Layouts are tried in this order; the first that yields a usable pair wins:

1. docstring: the summary asks, the code of the example sections answers (the only layout that is
   tried on a text with a subject);
2. labels: ``Q:``/``A:``, question/answer, problem/solution, example/solution, exercise/answer;
   of several answers to a question the accepted one, else the first;
3. a question label that is followed by its answer without a label of its own;
4. numbered exercises, then a list of answers with the same numbers;
5. forum thread: title and body, then an answer heading; the accepted answer, else the first;
6. exercises without a label, each directly followed by ``Solution:``;
7. FAQ: headings that end with a question mark.

Explicit layouts stand before those that infer the question from its place. Lines are classified
once, and no pattern looks past its line, so the time grows linearly with the text.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Literal

from equal_assets.records import QAPair

MIN_ANSWER_CHARACTERS = 20
MAX_ANSWER_CHARACTERS = 8_000
MAX_QUESTION_CHARACTERS = 8_000
MAX_TITLE_CHARACTERS = 200
MAX_INTRODUCTION_CHARACTERS = 160
MAX_SUMMARY_CHARACTERS = 500
MAX_PHRASE_CHARACTERS = 160
MAX_OUTPUT_LINES = 3
MAX_OUTPUT_CHARACTERS = 200
MAX_BORROWED_STATEMENTS = 30

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
        Qualified name of what a docstring documents (``numpy.linalg.solve``), so that its question
        can be understood alone; ``None`` for other documents.

    Returns
    -------
    list of QAPair
        Empty if no layout fits. No question occurs twice; an answer has 20 to 8,000 characters.

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
    """Yield the candidates of one layout after the other."""
    yield _docstring_pairs(text, subject)
    if subject is not None:
        return  # the other layouts take the sections of a docstring for answers to its summary
    lines = _read_lines(text)
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
class _Label:
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
class _Line:
    text: str
    level: int = 0  # of a Markdown heading; 0 for other lines
    label: _Label | None = None
    is_code: bool = False

    @property
    def is_blank(self) -> bool:
        return not self.text.strip()

    @property
    def is_text(self) -> bool:
        return not (self.is_blank or self.is_code or self.level)


@dataclass(slots=True)
class _Section:
    """A labelled stretch of text."""

    label: _Label
    lines: list[str]

    @property
    def text(self) -> str:
        return _unbold("\n".join([self.label.rest, *self.lines]).strip())


QUESTION_WORDS = ("q", "question", "problem", "exercise", "example", "task", "challenge")
ANSWER_WORDS = ("a", "answer", "ans", "solution", "sol")
REASONING_WORDS = ("explanation", "analysis", "rationale")  # answers, but never to an example
ACCEPTED = re.compile(r"\b(accepted|best|chosen|verified)\b|[✓✔✅]", re.IGNORECASE)
LABEL = re.compile(
    r"""[ ]{0,3}(?:[-+>][ ])?(?P<hashes>\#{0,6})[ ]{0,3}(?P<mark>[✓✔✅]?)[ ]?(?P<bold>[*_]{0,3})
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
SETEXT = re.compile(r"(?:={3,}|-{3,})\s*")
FENCE = re.compile(r"\s*(?P<fence>`{3,}|~{3,})\s*(?P<language>[\w+.-]*)")
CHOICE = re.compile(r"\s*(?:[-*+•]|\(?\w{1,2}[.)])\s")
OPTION = re.compile(r"\s*(?:[-*+]\s+)?\(?[A-E][.):]\s")
ITEM = re.compile(
    r"[ ]{0,3}[*_]{0,2}\(?(?:Q|Question |Problem |Exercise )?"
    r"(?P<number>\d{1,3}(?:\.\d{1,3}){0,3})[.):]\)?[*_]{0,2}\s+(?P<text>\S.*)"
)
ANSWER_LIST = re.compile(
    r"[#*_ ]{0,9}(?:(?:answer|solution)s?\s+key|answers|solutions|key"
    r"|(?:answers|solutions)\s+(?:to|for)\s.{0,80})[*_:. ]{0,5}",
    re.IGNORECASE,
)
INSTRUCTION = re.compile(
    r"(?:in|for) the (?:following|next)\b.{0,80}\b(?:exercise|problem|quest)s?"
)
ASKING = re.compile(
    r"(?:what|why|how|when|where|who|whom|whose|which|is|are|was|were|am|can|could|do|does|did|has"
    r"|have|should|shall|will|would|may|must)\b",
    re.IGNORECASE,
)


def _read_lines(text: str) -> list[_Line]:
    """Classify every line; lines of fenced code are never labels or headings."""
    texts = text.split("\n")
    is_code = _fenced(texts)
    lines: list[_Line] = []
    for number, line in enumerate(texts):
        if is_code[number]:
            lines.append(_Line(line, is_code=True))
        elif SETEXT.fullmatch(line) and lines and lines[-1].is_text:
            lines[-1] = _as_heading(lines[-1], level=1 if line[0] == "=" else 2)
            lines.append(_Line(""))
        else:
            lines.append(_read_line(line, texts[number + 1 : number + 7]))
    return lines


def _read_line(line: str, following: Sequence[str]) -> _Line:
    heading = HEADING.match(line)
    label = _read_label(line)
    if label and label.word == "a" and _is_option(line, following):
        label = None
    return _Line(line, level=len(heading["hashes"]) if heading else 0, label=label)


def _as_heading(line: _Line, *, level: int) -> _Line:
    return replace(line, level=level, label=line.label and replace(line.label, level=level))


def _fenced(texts: Sequence[str]) -> list[bool]:
    """Tell which lines belong to fenced code; a fence that is never closed is text."""
    is_code = [False] * len(texts)
    opened: tuple[int, str] | None = None
    for number, line in enumerate(texts):
        fence = FENCE.match(line)
        if fence is None:
            continue
        if opened is None:
            opened = number, fence["fence"]
        elif fence["fence"].startswith(opened[1]) and not fence["language"]:
            is_code[opened[0] : number + 1] = [True] * (number + 1 - opened[0])
            opened = None
    return is_code


def _read_label(line: str) -> _Label | None:
    match = LABEL.match(line)
    if match is None:
        return None
    word, rest = match["word"].casefold(), match["rest"].strip()
    remark = ATTRIBUTION.fullmatch(rest) if not match["separator"] else None
    if remark and word in ("answer", "solution") and (match["hashes"] or match["bold"]):
        rest = ""
    if not _is_label(match, rest):
        return None
    return _Label(
        role="question" if word in QUESTION_WORDS else "answer",
        word=word,
        level=len(match["hashes"]) or PLAIN,
        is_accepted=bool(
            ACCEPTED.search(line[: match.start("rest")] + (remark[0] if remark else ""))
        ),
        rest=rest,
    )


def _is_label(match: re.Match[str], rest: str) -> bool:
    """Tell a label from a word that begins a sentence."""
    word, separator = match["word"], match["separator"]
    is_marked = bool(match["hashes"] or match["bold"])
    if not word[0].isupper() and not match["prefix"]:
        return word in ("question", "answer") and separator == ":"
    if len(word) == 1:
        is_spaced = bool(match["space"]) or not rest
        return is_spaced and bool(separator or (is_marked and not rest))
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


def _unbold(text: str) -> str:
    """Drop bold marks that open or close around the whole of a short text."""
    for mark in ("**", "__"):
        if text.count(mark) == 1:
            text = text.replace(mark, "")
        elif text.startswith(mark) and text.endswith(mark) and text.count(mark) == 2:
            text = text.removeprefix(mark).removesuffix(mark)
    return text.strip()


def _join(lines: Iterable[_Line]) -> str:
    return "\n".join(line.text for line in lines).strip()


# Layouts of questions, problems and answers


def _labelled_pairs(lines: Sequence[_Line]) -> Iterator[QAPair]:
    """Pair every labelled question with the labelled answer that follows it."""
    threads = list(_threads(lines))
    title = _title(lines) if len(threads) == 1 else ""
    for question, answers in threads:
        if answers:
            asked = question.text
            if title and not question.label.rest:
                asked = f"{title}\n\n{asked}"
            yield QAPair(asked, _choose_answer(answers))


def _threads(lines: Sequence[_Line]) -> Iterator[tuple[_Section, list[_Section]]]:
    """Yield every labelled question with the answers up to the next question or boundary."""
    question: _Section | None = None
    answers: list[_Section] = []
    for section in [*_sections(lines), None]:
        if section is None or section.label.role == "question":
            if question is not None:
                yield question, answers
            question, answers = section, []
            if question is not None and _shows_input(question):
                question = None
        elif question is not None and _can_answer(section.label, question.label):
            answers.append(section)


def _sections(lines: Sequence[_Line]) -> Iterator[_Section]:
    """Yield the labelled sections.

    A question may contain headings of its own level (examples, constraints); an answer ends there.
    """
    section: _Section | None = None
    for line in lines:
        if line.label is not None:
            if section is not None:
                yield section
            section = _Section(line.label, [])
        elif section is not None:
            limit = section.label.level - (section.label.role == "question")
            if 0 < line.level <= limit or ANSWER_LIST.fullmatch(line.text):
                yield section
                section = None
            else:
                section.lines.append(line.text)
    if section is not None:
        yield section


def _shows_input(question: _Section) -> bool:
    """Tell the sample cases of a programming problem from worked examples."""
    return question.label.word == "example" and question.text.lstrip("*_`#-> ").startswith("Input")


def _can_answer(answer: _Label, question: _Label) -> bool:
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


def _title(lines: Sequence[_Line]) -> str:
    """Return what stands before the first label, if it is one short line."""
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


def _unlabelled_answer_pairs(lines: Sequence[_Line]) -> Iterator[QAPair]:
    """Pair ``Q:`` labels with what follows them, where the document labels no answer."""
    if any(line.label is not None and line.label.role == "answer" for line in lines):
        return
    for section in _sections(lines):
        if section.label.word in ("q", "question"):
            asked, told = _split_question(section)
            is_code = FENCE.match(told) is not None
            if is_code or (asked.endswith("?") and _is_prose_answer(told)):
                yield QAPair(asked, told)


def _split_question(section: _Section) -> tuple[str, str]:
    """Split a section behind the paragraph that asks: at a blank line or a fence."""
    lines = [section.label.rest, *section.lines] if section.label.rest else section.lines
    while lines and not lines[0].strip():
        lines = lines[1:]
    end = next(
        (n for n, line in enumerate(lines) if not line.strip() or FENCE.match(line)), len(lines)
    )
    return _unbold("\n".join(lines[:end]).strip()), "\n".join(lines[end:]).strip()


def _is_prose_answer(text: str) -> bool:
    """Tell an answer from the choices, hints or further questions that may follow a question."""
    paragraph = text.split("\n\n", 1)[0].strip()
    return bool(paragraph) and not paragraph.endswith("?") and not OPTION.match(paragraph)


def _answer_list_pairs(lines: Sequence[_Line]) -> Iterator[QAPair]:
    """Pair numbered exercises with the same numbers of an answer list further down."""
    start = 0
    questions: dict[str, str] = {}
    for number, line in enumerate(lines):
        if line.is_code or not ANSWER_LIST.fullmatch(line.text):
            continue
        questions = _numbered_items(lines[start:number]) or questions
        start = number + 1
        end = next((n for n in range(start, len(lines)) if lines[n].level), len(lines))
        for key, answer in _numbered_items(lines[start:end]).items():
            if key in questions:
                yield QAPair(questions[key], answer)


def _numbered_items(lines: Sequence[_Line]) -> dict[str, str]:
    """Return the numbered items; a number that comes again replaces what it had."""
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


def _forum_pairs(lines: Sequence[_Line]) -> Iterator[QAPair]:
    """Pair all that stands before the first answer heading with the accepted or only answer."""
    starts = [n for n, line in enumerate(lines) if line.label and line.label.is_answer]
    labels = [label for n in starts if (label := lines[n].label) and not label.rest]
    is_thread = any(label.is_accepted for label in labels) or (
        len(labels) == len(starts) and {label.word for label in labels} == {"answer"}
    )
    if not (is_thread or len(starts) == len(labels) == 1):
        return
    answers = [s for s in _sections(lines) if s.label.is_answer and not s.label.rest]
    question = _join(
        replace(line, text=line.text.lstrip("# ")) if line.level == 1 else line
        for line in lines[: starts[0]]
    )
    chosen = next((answer for answer in answers if answer.label.is_accepted), answers[0])
    yield QAPair(question, chosen.text)


def _exercise_pairs(lines: Sequence[_Line]) -> Iterator[QAPair]:
    """Pair each ``Solution:`` with the paragraph before it, and the instruction it stands under."""
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
        if INSTRUCTION.match(paragraph.casefold()):
            instruction, paragraph = paragraph, ""


def _paragraphs(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Yield runs of lines without a blank one between; a label or heading begins a new run.

    What a label on a line of its own announces belongs to it, also behind a blank line.
    """
    block: list[_Line] = []
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


def _faq_pairs(lines: Sequence[_Line]) -> Iterator[QAPair]:
    """Pair headings that ask with the text below them."""
    if any(line.label is not None and line.label.is_answer for line in lines):
        return  # what stands below a question are its choices
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


def _is_faq_heading(lines: Sequence[_Line], number: int) -> bool:
    """Tell a heading that asks; a plain line must ask in its first word and touch its answer."""
    line = lines[number]
    text = line.text.strip()
    if line.is_code or len(text) > MAX_TITLE_CHARACTERS or not text.rstrip("*_").endswith("?"):
        return False
    if line.level or (text.startswith(("**", "__")) and text.endswith(("**", "__"))):
        return True
    opens = number == 0 or lines[number - 1].is_blank
    following = lines[number + 1] if number + 1 < len(lines) else _Line("")
    touches = following.is_text and not CHOICE.match(following.text)
    return opens and touches and ASKING.match(_without_number(text)) is not None


# Layout of docstrings


@dataclass(slots=True)
class _Example:
    """Code with the sentence that introduces it, which may be missing."""

    introduction: str
    code: str


Block = tuple[Literal["prose", "code"], str]

EXAMPLE_TITLE = re.compile(
    r":?(?:[A-Z][a-z]+ )?(?:examples?|usage)(?: usage)?(?: ?\d{1,2})?:?", re.IGNORECASE
)
COLON_TITLE = re.compile(
    r"(?:args|arguments|attributes|caution|fields|keyword arg(?:ument)?s|keywords|notes?"
    r"|(?:other )?param(?:eter)?s|raises|references|returns?|see also|shape|side effects"
    r"|throws|todo|warnings?|warns|yields?):",
    re.IGNORECASE,
)
FIELD = re.compile(r":[A-Za-z]\w{0,20}(?: [^:]{0,80})?:(?:\s|$)")
RUBRIC = re.compile(r"\.\. rubric::\s*(?P<title>.*)")
UNDERLINE = re.compile(r"([-=~^*+#\"'`])\1{2,}\s*")
DIRECTIVE = re.compile(r"\.\. (?P<name>[\w:-]{1,40})::\s*(?P<argument>.*)")
CODE_DIRECTIVES = ("code-block", "code", "sourcecode", "testcode", "plot", "ipython")
CODE_LANGUAGES = ("", "python", "python3", "py", "py3", "pycon", "ipython", "default")
DOCTEST = re.compile(r"\s*[A-Z][^\n]*\.\s*\n\s*\n(?s:.*)^\s*>>> ", re.MULTILINE)
CONTINUATION = re.compile(r"\.\.\.(?: |$)")
DOCTEST_FLAG = re.compile(r"\s*#\s*x?doctest:.*")
SIGNATURE = re.compile(r"[\w.]{1,80}\(.*\)(?:\s*->.*)?")
NO_SUMMARY = re.compile(r"^\s*(?:>>>|\.\. |```|[-*+] |\d{1,2}[.)] )", re.MULTILINE)
ADDRESS = re.compile(r"\bat (?:0x|\.\.\.)")
SENTENCE_END = re.compile(
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\bvs)(?<!\bcf)(?<!\betc)[.!?](?=\s+[A-Z`\"'(\[$]|\s*$)"
)
LIST_MARK = re.compile(r"(?:[-*+]|\(?\d{1,2}[.)])\s+")
TITLED_EXAMPLE = re.compile(r"(?:For )?[Ee]xamples?(?: \d{1,2})?[ :,-]{1,3}\(?(?P<title>.*?)\)?:?")
FINITE_VERB = re.compile(
    r"\S+(?: \S+){0,4} (?:is|are|was|were|can|has|have|will|should|must|may)\b"
)
THIS_FUNCTION = re.compile(r"This (?:\w+ )?(?:class|function|method|module|routine) ")
RETURN_TRUE = re.compile(r"[Rr]eturns? `?[Tt]rue`? (?:if and only if|iff?|when)\b")
OR_FALSE = re.compile(r"[,;.]? (?:(?:and|or|else|otherwise|returns?) )*`?[Ff]alse`?\b.{0,20}$")
SECOND_VERB = re.compile(r"(\b(?:and|or|then) )([a-z]+[^\Ws]s)(?= (?:the|a|an|it|its)\b)")
POINTING = re.compile(
    r"\b(?:above|as such|earlier|last|preceding|previous|same|these|this)\b|^\w+ (?:it|them)\b",
    re.IGNORECASE,
)
TRAILING_COLON = re.compile(r"(?:[,;.]? (?:for example|for instance|e\.g\.))?\s*:+$", re.IGNORECASE)
MARKUP = (
    (re.compile(r"\s?\[(?:\d{1,3}|#\w{0,20}|\w{1,10}\d{2,4}\w?)\]_"), ""),  # footnotes
    (re.compile(r":math:`([^`]*)`"), r"$\1$"),
    (re.compile(r"(?::\w[\w+.-]{0,20}){1,2}:`~(?:[^`<>]*\.)?([^`.]*)`"), r"`\1`"),
    (re.compile(r"(?::\w[\w+.-]{0,20}){1,2}:`([^`<]*?)\s*<[^`]*>`"), r"\1"),
    (re.compile(r"(?::\w[\w+.-]{0,20}){1,2}:`[.!]?([^`]*)`"), r"`\1`"),
    (re.compile(r"``([^`]*)``"), r"`\1`"),
    (re.compile(r"`~(?:[^`<>]*\.)?([^`.]+)`"), r"`\1`"),
    (re.compile(r"`([^`<]*?)\s*<[^`<>]*>`__?"), r"\1"),
    (re.compile(r"`([^`]*)`__?(?!\w)"), r"\1"),
    (re.compile(r"(?<![\w*])\*\*([^*\s][^*]{0,80})\*\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w*])\*([^*\s][^*]{0,80}(?<!\s))\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w|])\|(\w[\w ]{0,40})\|_{0,2}(?![\w|])"), r"\1"),
    (re.compile(r"\\ "), ""),
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Closed classes of words by which a verb phrase is told from a noun phrase.
DETERMINERS = _words(
    "a all an any both each every how if its some that the their this these two whether"
)
PLURAL_TAILS = _words("and are as by for in of on or that to used when which with")
FUNCTION_WORDS = _words(
    "a after all an and any are as at because before both but by can class each every for from"
    " given has here how however if in instead is it its like may most no not note now of on once"
    " one only or other same see similarly since so some such that the their then there these they"
    " this those thus to used usually we what when where which while with you your"
)
# Verbs that summaries use without an article behind them ("Compute eigenvalues").
BARE_VERBS = _words(
    "add apply build calculate cast check choose compute construct convert count create define"
    " delete determine display draw evaluate extract fill find fit generate get implement insert"
    " load make obtain parse perform plot print produce read register remove replace retrieve"
    " return run save select solve sort specify update use write"
)
# A sentence that begins with one of these introduces nothing to a reader who sees it alone.
BACK_REFERENCES = _words(
    "again also alternatively and but finally furthermore here however it its likewise moreover"
    " next note notice now or otherwise similarly so such that the then these they this those thus which"
)


def _docstring_pairs(text: str, subject: str | None) -> Iterator[QAPair]:
    """Ask what the summary of a docstring states; answer with the code of its examples."""
    if subject is None and not DOCTEST.match(text):
        return
    sections = list(_docstring_sections(inspect.cleandoc(text).split("\n")))
    summary = _summary(sections[0][1])
    question = _question(_first_sentence(summary), subject)
    if question is None:
        return
    bodies = [body for title, body in sections if title and EXAMPLE_TITLE.fullmatch(title)]
    if not bodies and subject is not None:
        bodies = [body for title, body in sections if title is None]
    examples = _examples(block for body in bodies for block in _example_blocks(body))
    codes = list(_complete(examples))
    usable = _on_subject([code for code in codes if code and "```" not in code], subject)
    for example, code in zip(examples, codes, strict=True):
        introduction = "" if example.introduction in summary else example.introduction
        asked = question
        if len(examples) > 1 and introduction:
            asked = _narrowed(question, introduction, subject)
        if code in usable:
            parts = (summary, introduction, f"```python\n{code}\n```")
            yield QAPair(asked, "\n\n".join(filter(None, parts)))


def _docstring_sections(lines: Sequence[str]) -> Iterator[tuple[str | None, list[str]]]:
    """Split a docstring at its section titles; text under no title has the title ``None``.

    Knows numpydoc (underlined), Google and Sphinx (``Title:`` over an indented body) and rubrics.
    """
    title: str | None = None
    body: list[str] = []
    is_indented = False
    number = 0
    while number < len(lines):
        found, width = _section_title(lines, number)
        is_dedent = is_indented and bool(lines[number].strip()) and not lines[number][0].isspace()
        if found or is_dedent:
            yield title, body
            title, body = found, []
            is_indented = width == 1 and _is_indented(lines, number + 1)
        if not found:
            body.append(lines[number])
        number += width
    yield title, body


def _section_title(lines: Sequence[str], number: int) -> tuple[str | None, int]:
    """Return the section title in a line, or ``None``, and how many lines it takes."""
    line = lines[number].rstrip()
    if not line or line[0].isspace() or line.startswith(">>>"):
        return None, 1
    following = lines[number + 1].rstrip() if number + 1 < len(lines) else ""
    if UNDERLINE.fullmatch(following) and abs(len(following) - len(line)) <= 3:
        return line, 2
    if rubric := RUBRIC.fullmatch(line):
        return rubric["title"].strip(), 1
    if FIELD.match(line) and not EXAMPLE_TITLE.fullmatch(line):
        return line, 1
    name = line.replace("::", ":").strip("*")
    is_example = EXAMPLE_TITLE.fullmatch(name) is not None and (
        name.endswith(":") or line.startswith("**")
    )
    return (name, 1) if is_example or COLON_TITLE.fullmatch(name) else (None, 1)


def _is_indented(lines: Sequence[str], number: int) -> bool:
    """Tell whether the next line that is not blank is indented."""
    return next((line[0].isspace() for line in lines[number:] if line.strip()), False)


def _summary(lines: Sequence[str]) -> str:
    """Return the first paragraph of prose: no signature, directive, list or example."""
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip()):
        prose = _plain(NO_SUMMARY.split(paragraph, maxsplit=1)[0])
        if prose and not SIGNATURE.fullmatch(prose) and not paragraph[0].isspace():
            prose = TRAILING_COLON.sub("", prose)
            prose += "." if prose[-1:].isalnum() else ""
            return prose if len(prose) <= MAX_SUMMARY_CHARACTERS else _first_sentence(prose)
    return ""


def _plain(text: str) -> str:
    """Return reST prose as one line of Markdown."""
    prose = " ".join(text.split())
    for pattern, replacement in MARKUP:
        prose = pattern.sub(replacement, prose)
    return prose.strip()


def _first_sentence(text: str) -> str:
    end = SENTENCE_END.search(text)
    return text[: end.end()] if end else text


# Questions from summaries


def _question(sentence: str, subject: str | None) -> str | None:
    """Return the question that a summary sentence answers; ``None`` if there is none to ask."""
    phrase = sentence.rstrip(" .!?:;,")
    request = _request(phrase)
    if request and len(request) > MAX_PHRASE_CHARACTERS:
        request = request.partition(",")[0]
    if request and len(request) <= MAX_PHRASE_CHARACTERS:
        return _how(request, subject)
    if subject is None:
        return None
    if not phrase or len(phrase) > MAX_PHRASE_CHARACTERS or not _is_noun_phrase(phrase):
        return f"How do I use `{subject}`?"
    return f"How do I use `{subject}` ({_lowered(phrase)})?"


def _how(request: str, subject: str | None) -> str:
    if subject is None:
        return f"How do I {request} in Python?"
    preposition = "using" if " with " in request else "with"
    return f"How do I {request} {preposition} `{subject}`?"


def _is_noun_phrase(phrase: str) -> bool:
    """Tell a phrase that names something from a sentence with a verb or an opening clause."""
    first = phrase.split(" ", 1)[0].casefold()
    opens_a_clause = first in FUNCTION_WORDS and first not in ("a", "an", "the")
    return not (opens_a_clause or FINITE_VERB.match(phrase))


def _request(phrase: str) -> str | None:
    """Return a verb phrase in its base form ("return the sum"); ``None`` for other phrases.

    >>> _request("Returns the sum"), _request("Compute the sum"), _request("Linear regression")
    ('return the sum', 'compute the sum', None)
    """
    phrase = THIS_FUNCTION.sub("", phrase)
    if RETURN_TRUE.match(phrase):
        phrase = OR_FALSE.sub("", RETURN_TRUE.sub("Check if", phrase))
    words = phrase.split(" ")
    adverbs = 1 if words[0].endswith("ly") else 0
    if len(words) < adverbs + 2:
        return None
    verb = _base_form(words[adverbs], words[adverbs + 1].casefold().strip("`,"))
    if verb is None:
        return None
    rest = " ".join(words[adverbs + 1 :])
    if verb != words[adverbs].casefold():
        rest = SECOND_VERB.sub(lambda match: match[1] + _without_s(match[2]), rest)
    return " ".join([*map(str.lower, words[:adverbs]), verb, rest])


def _base_form(word: str, following: str) -> str | None:
    """Return the base form of a word that has, before the following one, the shape of a verb."""
    lowered = word.casefold()
    if not word.isalpha() or word[1:] != lowered[1:] or lowered in FUNCTION_WORDS:
        return None
    is_plain = following not in PLURAL_TAILS
    if lowered.endswith(("ing", "ed")):
        return None
    if lowered in BARE_VERBS and following not in ("of", "for", "that", "which"):
        return lowered
    if lowered.endswith("s") and not lowered.endswith(("ss", "us", "is", "ics")):
        return _without_s(lowered) if is_plain or _without_s(lowered) in BARE_VERBS else None
    if following in DETERMINERS or (lowered.endswith(("ize", "ify")) and is_plain):
        return lowered
    return None


def _without_s(verb: str) -> str:
    """Return the base form of a verb in the third person."""
    if verb.endswith("ies") and len(verb) > 4:
        return verb[:-3] + "y"
    if verb.endswith(("ches", "shes", "sses", "xes", "zzes", "oes")):
        return verb[:-2]
    return verb[:-1]


def _lowered(phrase: str) -> str:
    """Lower the first letter of a phrase, unless a name or title begins there."""
    first, _, rest = phrase.partition(" ")
    is_name = first[1:] != first[1:].lower() or (rest[:1].isupper() and len(first) > 1)
    is_symbol = len(first) == 1 and first != "A"
    return phrase if is_name or is_symbol else phrase[0].lower() + phrase[1:]


def _narrowed(question: str, introduction: str, subject: str | None) -> str:
    """Return the question with the sentence that introduces one of several examples."""
    phrase = introduction.rstrip(" .!?:;,")
    request = _request(phrase)
    return _how(request, subject) if request else f"{question}\n{phrase}."


# Example code


def _example_blocks(body: Sequence[str]) -> list[Block]:
    """Return prose and code of an example section, in order."""
    lines = textwrap.dedent("\n".join(body)).split("\n")
    blocks = list(_blocks(lines))
    if all(kind == "prose" for kind, _ in blocks):
        code = "\n".join(lines).strip("\n")
        return [("code", code)] if _does_something(code) else blocks
    return blocks


def _blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Split lines into prose paragraphs and Python code; other directives are left out."""
    number = 0
    literal_below: int | None = None  # indentation of the prose that announced code with `::`
    while number < len(lines):
        if not lines[number].strip():
            number += 1
            continue
        indent = _indentation(lines[number])
        stop, blocks = _next_blocks(lines, number, literal_below)
        yield from blocks
        is_announcement = blocks and blocks[-1][0] == "prose" and blocks[-1][1].endswith("::")
        literal_below = indent if is_announcement else None
        number = stop


def _next_blocks(
    lines: Sequence[str], number: int, literal_below: int | None
) -> tuple[int, list[Block]]:
    """Return where the construct that begins in a line stops, and its blocks."""
    line = lines[number]
    indent = _indentation(line)
    if line.lstrip().startswith(">>>"):
        stop = _stop(lines, number, lambda other: not other.strip())
        return stop, [("code", _doctest_code(lines[number:stop]))]
    if fence := FENCE.match(line):
        stop = _stop(lines, number, lambda other: other.strip() == fence["fence"])
        language = fence["language"].casefold()
        inner = lines[number + 1 : stop] if language in CODE_LANGUAGES else []
        return stop + 1, _code_blocks(inner)
    if directive := DIRECTIVE.match(line.strip()):
        stop = _stop(lines, number, lambda other: _is_outside(other, indent))
        return stop, _directive_blocks(directive, lines[number + 1 : stop])
    if literal_below is not None and indent > literal_below:
        stop = _stop(lines, number, lambda other: _is_outside(other, literal_below))
        return stop, _code_blocks(lines[number:stop])
    stop = _stop(lines, number, _ends_prose)
    return stop, [("prose", "\n".join(lines[number:stop]).strip())]


def _stop(lines: Sequence[str], number: int, ends: Callable[[str], bool]) -> int:
    """Return the first line after ``number`` that ends a construct, or the end."""
    return next((n for n in range(number + 1, len(lines)) if ends(lines[n])), len(lines))


def _ends_prose(line: str) -> bool:
    text = line.strip()
    return not text or text.startswith(">>>") or bool(FENCE.match(text) or DIRECTIVE.match(text))


def _is_outside(line: str, indent: int) -> bool:
    return bool(line.strip()) and _indentation(line) <= indent


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _directive_blocks(directive: re.Match[str], body: Sequence[str]) -> list[Block]:
    if directive["name"].rpartition(":")[2] not in CODE_DIRECTIVES:
        return []
    if directive["argument"].casefold() not in CODE_LANGUAGES:
        return []
    options = next((n for n, line in enumerate(body) if not line.strip().startswith(":")), 0)
    return _code_blocks(body[options:])


def _code_blocks(lines: Sequence[str]) -> list[Block]:
    """Return the blocks of lines that are marked as code; with prompts, prose may stand between."""
    lines = textwrap.dedent("\n".join(lines)).strip("\n").split("\n")
    if any(line.lstrip().startswith(">>>") for line in lines):
        return list(_blocks(lines))
    code = "\n".join(lines)
    return [("code", code)] if _does_something(code) else []


def _doctest_code(lines: Sequence[str]) -> str:
    r"""Return doctest lines as code, with short expected output as comments.

    >>> _doctest_code([">>> 1 + 1", "2"])
    '1 + 1\n# 2'
    """
    indent = _indentation(lines[0])
    code: list[str] = []
    output: list[str] = []
    for line in lines:
        line = line.lstrip() if line[:indent].strip() else line[indent:]
        is_source = line.startswith(">>>") or (not output and CONTINUATION.match(line))
        if not is_source:
            output.append(line.rstrip())
            continue
        code += _as_comments(output)
        output = []
        source = DOCTEST_FLAG.sub("", line[3:].removeprefix(" ")).rstrip()
        if source or line.rstrip() == "...":
            code.append(source)
    return "\n".join(code + _as_comments(output)).strip("\n")


def _as_comments(output: Sequence[str]) -> list[str]:
    """Return expected output as comments; nothing for output that is long or differs by run."""
    if output and output[0].startswith("Traceback"):
        output = output[-1:]
    is_long = len(output) > MAX_OUTPUT_LINES or sum(map(len, output)) > MAX_OUTPUT_CHARACTERS
    if is_long or any(ADDRESS.search(line) for line in output):
        return []
    return [f"# {line}".replace("<BLANKLINE>", "").rstrip() for line in output]


def _examples(blocks: Iterable[Block]) -> list[_Example]:
    """Group code with its introduction; code without one of its own continues what precedes it."""
    examples: list[_Example] = []
    introduction = ""
    for kind, text in blocks:
        if kind == "prose":
            introduction = _introduction(text)
            continue
        if _parse(text) is not None:
            last = examples[-1] if examples else None
            if last and (not introduction or _is_setup(last.code)):
                last.code = f"{last.code}\n\n{text}"
                last.introduction = last.introduction or introduction
            else:
                examples.append(_Example(introduction, text))
        introduction = ""
    return [example for example in examples if not _is_setup(example.code)]


def _introduction(prose: str) -> str:
    """Return the sentence that introduces an example; empty if it only refers back."""
    plain = LIST_MARK.sub("", TRAILING_COLON.sub(":", _plain(prose)))
    if titled := TITLED_EXAMPLE.fullmatch(plain):
        plain = titled["title"][:1].upper() + titled["title"][1:] + ":"
    if len(plain) > MAX_INTRODUCTION_CHARACTERS:
        plain = plain[max((end.end() for end in SENTENCE_END.finditer(plain[:-1])), default=0) :]
    sentence = plain.strip()
    first = sentence.split(" ", 1)[0].strip(",.:`").casefold()
    is_sentence = " " in sentence and not sentence[0].islower()
    refers_back = first in BACK_REFERENCES or POINTING.search(sentence)
    is_short = len(sentence) <= MAX_INTRODUCTION_CHARACTERS
    return sentence if is_sentence and is_short and not refers_back else ""


def _on_subject(codes: Sequence[str], subject: str | None) -> Sequence[str]:
    """Leave out code without the name of the subject, if there is any code that has it."""
    name = (subject or "").rpartition(".")[2]
    return [code for code in codes if name in code] or codes


@dataclass(frozen=True, slots=True)
class _Statement:
    source: str
    defines: frozenset[str]
    uses: frozenset[str]


def _complete(examples: Sequence[_Example]) -> Iterator[str | None]:
    """Yield each example's code after the earlier statements that define what it uses.

    ``None`` for an example that would need too many of them.
    """
    statements: list[_Statement] = []
    needs: list[set[int]] = []  # the statements that define what a statement uses
    latest: dict[str, int] = {}
    for example in examples:
        first = len(statements)
        for statement in _statements(example.code):
            needs.append({latest[name] for name in statement.uses if name in latest})
            latest.update(dict.fromkeys(statement.defines, len(statements)))
            statements.append(statement)
        borrowed = _borrowed(needs, first)
        sources = [statements[number].source for number in sorted(borrowed)]
        is_short = len(sources) <= MAX_BORROWED_STATEMENTS
        yield "\n".join([*sources, example.code]) if is_short else None


def _borrowed(needs: Sequence[set[int]], first: int) -> set[int]:
    """Return the statements before ``first`` that those from there on need; stops at too many."""
    borrowed: set[int] = set()
    open_needs = [number for need in needs[first:] for number in need if number < first]
    while open_needs and len(borrowed) <= MAX_BORROWED_STATEMENTS:
        number = open_needs.pop()
        if number not in borrowed:
            borrowed.add(number)
            open_needs.extend(needs[number])
    return borrowed


def _statements(code: str) -> Iterator[_Statement]:
    """Yield the top-level statements of valid code with the names that they define and use."""
    tree = _parse(code)
    lines = code.split("\n")
    for node in tree.body if tree else []:
        start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        defines, uses = _names(node)
        yield _Statement("\n".join(lines[start - 1 : node.end_lineno]), defines, uses)


def _names(statement: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a statement defines (or changes a part of), and those it uses."""
    defines: set[str] = set()
    uses: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            (uses if isinstance(node.ctx, ast.Load) else defines).add(node.id)
            if isinstance(statement, ast.AugAssign):
                uses.add(node.id)
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name):
                defines.add(node.value.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            defines.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defines.add(node.name)
    return frozenset(defines), frozenset(uses)


def _parse(code: str) -> ast.Module | None:
    """Return the syntax tree of code, ``None`` for anything else."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # examples may hold invalid escapes: theirs to keep
        try:
            tree = compile(code, "<example>", "exec", flags=flags, dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None  # the parser's ways to refuse: syntax, null bytes, nesting
    return tree if isinstance(tree, ast.Module) and tree.body else None


def _does_something(code: str) -> bool:
    """Tell code from words that happen to be valid Python."""
    tree = _parse(code)
    active = (ast.Assign, ast.Call, ast.Import, ast.ImportFrom, ast.With, ast.FunctionDef)
    return tree is not None and any(isinstance(node, active) for node in ast.walk(tree))


def _is_setup(code: str) -> bool:
    """Tell whether code only imports."""
    tree = _parse(code)
    return tree is not None and all(
        isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body
    )

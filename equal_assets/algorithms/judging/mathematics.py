r"""Whether the answer to a MATH-like question equals the true one, as mathematics.

``\frac{1}{2}``, ``0.5`` and ``1/2`` are one answer: math-verify parses LaTeX into sympy, and
compares. An expression such as ``9^{9^{9^9}}`` takes unbounded time and memory:
:mod:`equal_assets.resources.judges.math_judge` bounds both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from equal_assets.algorithms.judging.drafts import NEXT_QUESTION, without_draft
from equal_assets.algorithms.judging.numbers import last_number
from equal_assets.algorithms.judging.numerals import numeral_at, plain
from equal_assets.algorithms.judging.verdicts import Verdict, correct, wrong

BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?=\s\w))")
CONNECTION = re.compile(
    r"(?:[\s$]|\\[()\[\]])*(?:,|;|(?:\\text\{)?\s*(?:and|or|und|oder|et|ou)\b\s*\}?)"
    r"(?:[\s$]|\\[()\[\]])*(?:[A-Za-z]\w*\s*=\s*)?"
)
r"""Between two boxes that are one answer: ``$x=\boxed{1}$ or $x=\boxed{2}$``."""
MAX_CHARACTERS = 200
TOLERANCE = 1e-5
"""Of numbers that math-verify finds equal: it compares six decimals, however small they are."""

SEPARATOR = r"\\ |\\[,!;:]|,\\!|~|[\u00a0\u2009\u202f]"
GROUPED_IN_TEXT = re.compile(rf"(?<![\d.,])\d{{1,3}}(?:(?:{SEPARATOR})\d{{3}})+(?!\d)")
GROUPED_IN_BOX = re.compile(rf"(?<![\d.,])\d{{1,3}}(?:(?: |{SEPARATOR})\d{{3}})+(?!\d)")
REPEATING = re.compile(
    r"(?P<whole>\d{1,20})\.(?P<once>\d{0,20})\\(?:overline|bar|dot)\s*\{?(?P<again>\d{1,20})\}?"
)
FRENCH_INTERVAL = re.compile(r"\s*(?:\\left)?([\[\]])([^\[\]\\]+[,;].+?)(?:\\right)?([\[\]])\s*")
CHOICE = re.compile(
    r"\s*(?:\\(?:text|math)\w*\s*\{)?\s*\(\s*(?P<letter>[A-Z])\s*\)\s*\}?"
    r"(?:\\[ ,;:]|\\q?quad|[\s~.:}])*(?P<value>.*)",
    re.DOTALL,
)
LETTER = re.compile(r"(?:\\(?:text|math)\w*\s*\{)?\s*\(?(?P<letter>[A-Z])\)?\s*\}?\.?")
PREAMBLE = re.compile(r"\s*\\text\w*\s*\{[^{}]*\b(?:is|are|equals)\s*:?\s*\}")
PERCENT = re.compile(r"\s*\\?%\s*\Z")
EMPTY = re.compile(
    r"(?:\\text\w*\{)?(?:none|no(?: real)? solutions?|(?:the )?empty set)\}?\.?"
    r"|\\emptyset|\\varnothing|∅|\\\{\s*\\\}",
    re.IGNORECASE,
)
WORDS = re.compile(
    r"(?:\\(?:text|math)\w*\s*\{)?\s*(?P<words>(?=[a-z]*[aeiouy])[a-z]{4,}(?:[ -][a-z]+)*)"
    r"\s*\}?\.?",
    re.IGNORECASE,
)
"""math-verify reads letters as variables, so that ``east`` and ``seat`` are one product."""
PROSE = re.compile(r"(?:\b[^\W\d_]{2,}\b\W+){3,}[^\W\d_]{2,}")
LATEX = re.compile(r"\\[A-Za-z]+\s*(?:\{[^{}]*\})*")


class CutOff(Exception):  # noqa: N818 - a state of the text, not a mistake of the caller
    """The last box of a text is not closed."""


class UnusableReferenceError(ValueError):
    """A true answer that no answer can be compared with."""


def last_boxed(text: str) -> str | None:
    r"""Return the content of the last ``\boxed{...}`` of a text, None if there is none.

    Raises
    ------
    CutOff
        If the text ends within it.

    Examples
    --------
    >>> last_boxed(r"first \boxed{1}, then \boxed{\frac{1}{2}}.")
    '\\frac{1}{2}'
    """
    boxes = [content for _, _, content in _boxes(text)]
    return boxes[-1] if boxes else None


def _boxes(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield begin, end and content of the boxes of a text; CutOff instead of the last one."""
    position = 0
    while box := BOX.search(text, position):
        start = box.end()
        if not box[0].endswith("{"):  # \boxed 5
            content = text[start:].split(maxsplit=1)[0].rstrip("$.")
            position = text.index(content, start) + len(content)
        else:
            position = _closing(text, start) + 1
            content = text[start : position - 1].strip()
        yield box.start(), position, content


def _closing(text: str, start: int) -> int:
    """Return the place of the brace that closes one before ``start``."""
    depth = 1
    for brace in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if not depth:
            return brace.start()
    raise CutOff


def boxed_answer(text: str) -> str | None:
    r"""Return the content of the last box of a text; of several that are one answer, as a list.

    Raises
    ------
    CutOff
        If the text ends within the last box.

    Examples
    --------
    >>> boxed_answer(r"$x=\boxed{1}$ or $x=\boxed{2}$")
    '1, 2'
    """
    boxes = list(_boxes(text))
    if not boxes:
        return None
    contents = [boxes[-1][2]]
    for (_, end, content), (start, _, _) in zip(boxes[-2::-1], boxes[:0:-1], strict=True):
        if not CONNECTION.fullmatch(text, end, start):
            break
        contents.insert(0, content)
    return ", ".join(dict.fromkeys(contents))


def reference_doubt(reference: str) -> str | None:
    """Return why a reference cannot be compared as mathematics; None if it can."""
    try:
        boxed = boxed_answer(reference)
    except CutOff:
        return r"its \boxed{ has no end"
    if boxed == "" or not reference.strip():
        return "its box is empty" if boxed == "" else "it is empty"
    if boxed is None and _is_prose(reference) and not re.search(r"\d|\$|\\[(\[]", reference):
        return "it is a sentence without a number or a formula"
    return None


def math_verdict(output: str, reference: str) -> Verdict:
    r"""Compare the answer of an output with its reference's.

    Parameters
    ----------
    output : str
        A generated answer. Its last ``\boxed{...}`` counts, before the model asks itself another
        question; without a box, the last formula or number of the text.
    reference : str
        The true answer: its last ``\boxed{...}``, or all of it.

    Returns
    -------
    Verdict
        Correct if math-verify finds the two equal, or if (as with words it cannot read) their texts
        are the same but for spaces. A percent sign, and the value beside the letter of a choice,
        may be left out.

    Raises
    ------
    UnusableReferenceError
        If the reference is empty or cut off within its box.
    """
    doubt = reference_doubt(reference)
    truth = "" if doubt else _truth(reference)
    if not truth:
        raise UnusableReferenceError(
            f"reference = {reference[-80:]!r}: must be an answer, in a complete \\boxed{{...}} or "
            f"alone, but {doubt or 'it cannot be read'}; score this target as text or number"
        )
    text = without_draft(output)
    box = BOX.search(text)
    asked = NEXT_QUESTION.search(text, box.end()) if box else None
    try:
        answer = _answer(text[: asked.start()] if asked else text)
    except CutOff:
        return wrong(None, r"cut off within \boxed")
    whole = text.strip().rstrip(".")
    if _same_text(whole, truth) or (WORDS.fullmatch(truth) and _agree(truth, whole)):
        return correct(whole[:MAX_CHARACTERS])  # such as a word, which is no formula
    if not answer:
        return wrong(None, "no expression" if output.strip() else "empty")
    shown = answer[:MAX_CHARACTERS]
    if _same_text(answer, truth) or _agree(_spelled(truth), _spelled(answer)):
        return correct(shown)
    return wrong(shown, f"wrong value: expected {truth[:MAX_CHARACTERS]}")


def _truth(reference: str) -> str:
    boxed = boxed_answer(reference)
    if boxed is None and _is_prose(reference):
        return _answer(reference)
    return reference.strip() if boxed is None else boxed


def _answer(text: str) -> str:
    """Return what a text gives as its answer; empty if nothing."""
    boxed = boxed_answer(text)
    if boxed is not None:
        return boxed
    from math_verify import parse

    joined = GROUPED_IN_TEXT.sub(lambda match: re.sub(r"\D", "", match[0]), text)
    shown = [item for item in parse(joined, parsing_timeout=None) if isinstance(item, str)]
    number = last_number(text, "point")
    return shown[0].strip(" *.$") if shown else number[0] if number else ""


def _is_prose(text: str) -> bool:
    return bool(PROSE.search(LATEX.sub(" ", text)))


def _spelled(expression: str) -> str:
    """Return an expression in the spelling that math-verify reads."""
    text = GROUPED_IN_BOX.sub(lambda match: re.sub(r"\D", "", match[0]), expression)
    text = PREAMBLE.sub("", text).strip()
    while text.startswith("{") and _closing(f"{text}}}", 1) == len(text) - 1:
        text = text[1:-1].strip()
    text = REPEATING.sub(_fraction, text)
    interval = FRENCH_INTERVAL.fullmatch(text)
    if interval and (interval[1] == "]" or interval[3] == "["):
        begin, end = ("(" if interval[1] == "]" else "["), (")" if interval[3] == "[" else "]")
        text = f"{begin}{interval[2].replace(';', ',')}{end}"
    return text.strip()


def _fraction(repeating: re.Match[str]) -> str:
    r"""Return ``0.1\overline{6}`` as a fraction, which math-verify does not read."""
    whole, once, again = repeating.groups()
    top = int(whole + once + again) - int(whole + once)
    return rf"\frac{{{top}}}{{{10 ** len(once) * (10 ** len(again) - 1)}}}"


def _agree(truth: str, answer: str) -> bool:
    """Tell whether two expressions are one answer: as words, as a choice, or as mathematics."""
    if EMPTY.fullmatch(truth) and EMPTY.fullmatch(answer):
        return True
    words = [WORDS.fullmatch(text) for text in (truth, answer)]
    if any(words):
        said = [" ".join(found["words"].casefold().split()) for found in words if found]
        return len(said) == 2 and said[0] == said[1]
    letters = [LETTER.fullmatch(text) or CHOICE.fullmatch(text) for text in (truth, answer)]
    if letters[0] and letters[1]:
        return letters[0]["letter"] == letters[1]["letter"]
    choice = CHOICE.fullmatch(truth)
    if choice and choice["value"]:
        truth = choice["value"]
    return any(_are_equal(truth, reading) for reading in _readings(truth, answer))


def _readings(truth: str, answer: str) -> Iterator[str]:
    """Yield an answer in the forms in which it may be the truth."""
    yield answer
    share, of_truth = PERCENT.sub("", answer), PERCENT.sub("", truth)
    if share != answer:
        yield from (share, rf"\frac{{{share}}}{{100}}")
    if of_truth != truth:
        yield from (rf"{answer}\%", rf"{{{answer}}} \cdot 100\%")
    number = numeral_at(plain(answer), 0, None)
    if number and number.mark == "comma" and number.text == plain(answer) and "," not in truth:
        yield answer.replace(".", "").replace(",", ".")


def _are_equal(truth: str, answer: str) -> bool:
    from math_verify import parse, verify

    if PERCENT.search(truth) and PERCENT.search(answer):
        truth, answer = PERCENT.sub("", truth), PERCENT.sub("", answer)
    # the process that this runs in bounds the time: signals work only on the main thread
    left, right = (parse(rf"\boxed{{{text}}}", parsing_timeout=None) for text in (truth, answer))
    return (
        bool(left and right)
        and bool(verify(left, right, allow_set_relation_comp=True, timeout_seconds=None))
        and _are_near(left[0], right[0])
    )


def _are_near(left: Any, right: Any) -> bool:
    """Tell whether two numbers are near for their size; true of all that are no numbers."""
    if not all(getattr(item, "is_number", False) and item.is_finite for item in (left, right)):
        return True
    distance, *sizes = (abs(item).evalf() for item in (left - right, left, right))
    return bool(distance <= TOLERANCE * max(sizes))


def _same_text(left: str, right: str) -> bool:
    return "".join(left.split()) == "".join(right.split())

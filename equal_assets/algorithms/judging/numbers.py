"""The final number of an answer to a GSM8K-like question, and whether it is right.

Two ways to find it are reported side by side, as lm-eval does for gsm8k: `strict` takes the number
that the answer announces (``#### 18``, ``The answer is 18.``, a box), `flexible` the last number of
the text. A model that computes well but ignores the form scores only on the second. A number that
can be read in two ways is not right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

from equal_assets.algorithms.judging.drafts import NEXT_QUESTION, without_draft
from equal_assets.algorithms.judging.numerals import (
    DecimalMark,
    Numeral,
    numeral_at,
    numerals,
    plain,
)
from equal_assets.algorithms.judging.verdicts import Verdict, check_lengths, correct, wrong
from equal_assets.algorithms.language import language

MARKER = re.compile(
    r"""
    \#\#\#\# | (?:\bthe\s+)?(?:\b(?:final|correct|right)\s+)?\banswer\s+(?:is|equals|=|would\s+be)\b
    | \b(?:antwort\s+(?:ist|lautet|beträgt) | respuesta\s+(?:final\s+)?es
        | réponse\s+(?:finale\s+)?est | risposta\s+(?:finale\s+)?è | resposta\s+(?:final\s+)?é
        | antwoord\s+is | odpowiedź\s+to | svaret\s+(?:är|er) | jibu\s+ni | đáp\s+án\s+là
        | jawabannya\s+adalah)(?!\w)
    | \bответ(?:\s+равен|:|\s*[—:]|\s+-(?=\s)) | \bвідповідь(?::|\s*[—:]|\s+-(?=\s))
    | 答案(?:是|为|為) | 答えは | 답은 | คำตอบคือ | উত্তর\s+হল | उत्तर | సమాధానం
    | الجواب\s+هو | الإجابة\s+هي
    """,
    re.VERBOSE | re.IGNORECASE,
)
LABEL = re.compile(
    r"""
    (?:\b(?:answer|antwort|respuesta|réponse|risposta|resposta|antwoord|odpowiedź|cevap|svar)
      |答案|答え|답|উত্তর|الجواب)
    (?:["']?[*_]*\s*[:=][*_]* | [*_]*[ \t]*\n)
    """,
    re.VERBOSE | re.IGNORECASE,
)
BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=[{\s])")
DRESSING = re.compile(
    r"""
    (?: [\s:=*_~≈("“„] | \\[(\[,;!] | \\(?:boxed|fbox|text\w*|math\w+|approx)\b\s?\{? | [{]
    | \$(?=\$|\\|\s*\Z) | \$(?=[^$\n]*[^\s\d.,$][^$\n]*\$) | €(?=\s*\Z)
    | \b(?:approximately|about|around|roughly|exactly|equal\s+to|ungefähr|etwa|environ)\b
    | \b[A-Za-z]\s?= | \b(?:[A-Z]{3}|Rs\.?)\s?(?=-?\d) | \b[A-Z]{1,2}\$
    )*
    """,
    re.VERBOSE,
)
"""What may come between the marker and the number: space, emphasis, LaTeX, a variable."""

OPERATOR = re.compile(
    r"(?:\s?(?:%|\b[A-Za-z]+\b))?[\s)}]*(?:[-+*/×÷·]|\bx\b|\\(?:times|cdot|div)\b)[\s({$]*"
)
EQUALS = re.compile(r"(?:\s?(?:%|\b[A-Za-z]+\b))?[\s)}$]*(?:=|≈|\\approx\b)\s*")
ALTERNATIVE = re.compile(
    r"[\s)}$*]*(?:\b(?:or|oder|ou|of|eller|lub|nebo|или)\b|或者?|または|또는|أو)\s*", re.IGNORECASE
)
NO_NUMBER = "the answer holds no number"
EXPRESSION = "it is an expression, not a number"
SECOND = re.compile(r"\s*(?:,|;|-|to|and|or|und|oder|bis|et|ou|à|y|o|e)\s*\Z", re.IGNORECASE)

MARKS: dict[DecimalMark, str] = {
    "point": "en zh wuu yue ja ko th he hi bn ta te ml mr kn gu pa ur ne si sw ms km my tl",
    "comma": "de fr it pt nl pl cs sk ru uk be bg ro hu da sv no nb nn fi et lv lt sl hr sr bs mk "
    "sq el tr az ka hy kk uz vi id ca gl eu lb is fo af",
}
"""Languages by their decimal mark; not Spanish, which has either, by country."""
ENGLISH = re.compile(
    r"\b(?:the|she|they|and|how)\b", re.IGNORECASE
)  # of texts too short to tell their language


def number_verdicts(
    outputs: Sequence[str],
    references: Sequence[str],
    *,
    is_strict: bool,
    decimal: DecimalMark | None = None,
) -> list[Verdict]:
    """Compare the final number of each output with its reference's.

    Parameters
    ----------
    outputs : sequence of str
        Generated answers.
    references : sequence of str
        The true answer to each: a worked answer that announces its number, or the number alone.
    is_strict : bool
        Whether an output must announce its number, too.
    decimal : {"point", "comma"}, optional
        The decimal mark of ``1.234`` and ``1,234``; by default that of :func:`decimal_mark`.

    Returns
    -------
    list of Verdict
        In the order of the outputs. Numbers are compared exactly: ``18.0`` and ``36/2`` are 18,
        ``0.33`` is not ``1/3``. A unit, a currency and a percent sign are no part of a number.

    Raises
    ------
    ValueError
        If the lengths differ, or a reference holds no number or one of two readings.
    """
    check_lengths(outputs, references)
    decimal = decimal or decimal_mark(references, texts=[*references, *outputs])
    truths = [_truth(reference, row, decimal) for row, reference in enumerate(references)]
    judge = _strict_verdict if is_strict else _flexible_verdict
    return [judge(output, truth, decimal) for output, truth in zip(outputs, truths, strict=True)]


def decimal_mark(references: Iterable[str], *, texts: Iterable[str]) -> DecimalMark | None:
    """Return the decimal mark of answers whose target names none.

    Parameters
    ----------
    references : iterable of str
        True answers, whose final numbers tell where they can be read in one way only.
    texts : iterable of str
        Whose language tells.

    Returns
    -------
    {"point", "comma"} or None
        None if nothing tells, or not all that tells agrees.
    """
    numbers = (_final(plain(reference), None) for reference in references)
    told = {number.mark for number in numbers if number and number.mark}
    text = "\n".join(texts)
    spoken = language(text) or ("en" if ENGLISH.search(text) else None)
    told |= {mark for mark, spoken_by in MARKS.items() if spoken in spoken_by.split()}
    return told.pop() if len(told) == 1 else None


def reference_doubt(reference: str, decimal: DecimalMark | None) -> str | None:
    """Return why the number of a reference cannot be compared; None if it can."""
    text = plain(reference)
    number = _final(text, decimal)
    if number is None:
        return NO_NUMBER
    if number.doubt:
        return number.doubt
    before = list(numerals(text[: number.start], decimal))
    is_second = bool(before) and bool(SECOND.match(text, before[-1].end, number.start))
    if is_second and _announced(text, decimal) is None:
        return f"{text[before[-1].start : number.end]!r} are two numbers"
    return None


def last_number(text: str, decimal: DecimalMark | None = None) -> tuple[str, Fraction] | None:
    """Return the last number of a text, as text and as value."""
    number = _last(plain(without_draft(text)), decimal)
    return None if number is None or number.value is None else (number.text, number.value)


def _final(text: str, decimal: DecimalMark | None) -> Numeral | None:
    return _announced(text, decimal) or _last(text, decimal)


def _last(text: str, decimal: DecimalMark | None) -> Numeral | None:
    found = list(numerals(text, decimal))
    return found[-1] if found else None


def _announced(text: str, decimal: DecimalMark | None) -> Numeral | None:
    """Return the number that a text announces.

    The first after ``####`` or "The answer is": a model that does not stop continues with questions
    of its own. Without these, the last in a box, or the first after "Answer:" that ends its line.
    """
    marked = (_number_after(text, marker.end(), decimal) for marker in MARKER.finditer(text))
    found = [number for number in marked if number and text[number.end : number.end + 1] != "?"]
    of_number = (number for number in found if number.doubt != EXPRESSION)
    first = next(of_number, found[0] if found else None)
    return first or _boxed(text, decimal) or _labeled(text, decimal)


def _boxed(text: str, decimal: DecimalMark | None) -> Numeral | None:
    """Return the number in the last box before the model asks itself another question."""
    boxes = list(BOX.finditer(text))
    if not boxes:
        return None
    asked = NEXT_QUESTION.search(text, boxes[0].end())
    boxes = [box for box in boxes if not asked or box.start() < asked.start()]
    return _number_after(text, boxes[-1].start(), decimal)


def _labeled(text: str, decimal: DecimalMark | None) -> Numeral | None:
    for label in LABEL.finditer(text):
        number = _number_after(text, label.end(), decimal)
        if number and not re.search(r"\d", text[number.end :].partition("\n")[0]):
            return number
    return None


def _number_after(text: str, position: int, decimal: DecimalMark | None) -> Numeral | None:
    """Return the number after a marker; of an equation, its last."""
    number = numeral_at(text, _after(position, text), decimal)
    is_computed = True
    while number:
        step = EQUALS.match(text, number.end) or OPERATOR.match(text, number.end)
        following = numeral_at(text, _after(step.end(), text), decimal) if step else None
        if following is None or step is None:
            break
        is_computed = "=" in step[0] or "≈" in step[0] or "approx" in step[0]
        number = following
    if number and not is_computed:
        return Numeral(number.text, number.start, number.end, None, doubt=EXPRESSION)
    return _one_of_two(text, number, decimal) if number else None


def _one_of_two(text: str, number: Numeral, decimal: DecimalMark | None) -> Numeral:
    """Return a number, without its value if another one is offered beside it: ``5 or 6``."""
    joined = ALTERNATIVE.match(text, number.end)
    other = numeral_at(text, _after(joined.end(), text), decimal) if joined else None
    if other is None or number.value is None or other.value in (number.value, None):
        return number
    is_percent = text[other.end :].lstrip(" \\").startswith("%")
    if is_percent and other.value == 100 * number.value:
        return number
    said = text[number.start : other.end]
    return Numeral(said, number.start, other.end, None, doubt=f"{said!r} are two numbers")


def _after(position: int, text: str) -> int:
    dressing = DRESSING.match(text, position)
    return dressing.end() if dressing else position


def _truth(reference: str, row: int, decimal: DecimalMark | None) -> Fraction:
    doubt = reference_doubt(reference, decimal)
    found = _final(plain(reference), decimal)
    if doubt or found is None or found.value is None:
        raise ValueError(
            f"reference {row} = {reference[-80:]!r}: must be an answer that ends "
            f"like 'The answer is 18.' or '#### 18', but {doubt}; score this target as text or "
            "math, or set its `decimal`"
        )
    return found.value


def _strict_verdict(output: str, truth: Fraction, decimal: DecimalMark | None) -> Verdict:
    text = plain(without_draft(output))
    found = _announced(text, decimal)
    if found:
        return _compared(found, truth)
    markers = list(MARKER.finditer(text))
    if not markers:
        return wrong(None, "empty" if not output.strip() else "no '####' or 'The answer is'")
    is_cut_off = _after(markers[-1].end(), text) >= len(text.rstrip())
    said = markers[-1][0]
    return wrong(None, f"cut off after {said!r}" if is_cut_off else f"no number after {said!r}")


def _flexible_verdict(output: str, truth: Fraction, decimal: DecimalMark | None) -> Verdict:
    found = _last(plain(without_draft(output)), decimal)
    if found:
        return _compared(found, truth)
    return wrong(None, "no number" if output.strip() else "empty")


def _compared(found: Numeral, truth: Fraction) -> Verdict:
    if found.value is None:
        return wrong(found.text, f"ambiguous: {found.doubt}")
    if found.value == truth:
        return correct(found.text)
    return wrong(found.text, f"wrong value: expected {_shown(truth)}")


def _shown(value: Fraction) -> str:
    as_float = float(value)
    return f"{as_float:.15g}" if Fraction(f"{as_float:.15g}") == value else str(value)

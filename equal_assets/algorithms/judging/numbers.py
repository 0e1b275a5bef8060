"""The final number of an answer to a GSM8K-like question, and whether it is right.

Two ways to find it are reported side by side, as lm-eval does for gsm8k: `strict` takes the number
that the answer announces (``#### 18``, ``The answer is 18.``), `flexible` the last number of the
text. A model that computes well but ignores the form scores only on the second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from equal_assets.algorithms.judging.verdicts import Verdict, check_lengths, correct, wrong

MAX_CHARACTERS = 100  # of one number; longer runs of digits are noise
MAX_EXPONENT = 99

NUMBER = re.compile(
    r"""
    (?<![A-Za-z0-9_.])                              # not the 2 of H2O, nor the end of a number
    (?P<sign>(?<![)\]}%])[-+])?                     # a sign, unless it follows a term: 16-3
    (?:[$€£]\s?(?P<sign_of_money>-)?)?
    (?:
      \\[dt]?frac\s?\{\s*(?P<top>\d+)\s*\}\s?\{\s*(?P<bottom>0*[1-9]\d*)\s*\}
    | (?:(?P<whole>\d+)\ )?(?P<over>\d+)\s?/\s?(?P<under>0*[1-9]\d*)(?![\d.]*\d)
    | (?P<decimal>\d{1,3}(?:,\d{2,3})*,\d{3}(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
      (?:[eE](?P<exponent>[-+]?\d+)
        |\s?(?:\\times|\\cdot|[x×*·])\s?10\s?(?:\^|\*\*)\s?\{?(?P<power>[-+]?\d+)\}?)?
    )
    """,
    re.VERBOSE,
)
MARKER = re.compile(r"####|\bThe answer is\b")
DRESSING = re.compile(r"(?:[\s:=*_~]|\\[(\[]|\\(?:boxed|text|mathbf)\s?\{|[$€£](?=\\|\$|\s*\Z))*")
"""What may come between the marker and the number: space, emphasis, LaTeX."""

SPELLINGS = str.maketrans({"−": "-", "–": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " "})
LATEX_SPACING = re.compile(r"\{,\}(?=\d)|(?<=\d),?\\[,!;](?=\d)|,\\!(?=\d)")


def number_verdicts(
    outputs: Sequence[str], references: Sequence[str], *, is_strict: bool
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

    Returns
    -------
    list of Verdict
        In the order of the outputs. Numbers are compared exactly: ``18.0`` and ``36/2`` are 18,
        ``0.33`` is not ``1/3``. A unit, a currency and a percent sign are no part of a number.

    Raises
    ------
    ValueError
        If the lengths differ or a reference holds no number.
    """
    check_lengths(outputs, references)
    truths = [_reference_number(reference, row) for row, reference in enumerate(references)]
    judge = _strict_verdict if is_strict else _flexible_verdict
    return [judge(output, truth) for output, truth in zip(outputs, truths, strict=True)]


def announced_number(text: str) -> tuple[str, Fraction] | None:
    """Return the number that follows the first ``####`` or "The answer is", as text and as value.

    The first: a model that does not stop continues with questions of its own.
    """
    text = _plain(text)
    for marker in MARKER.finditer(text):
        number = NUMBER.match(text, _after(marker, text))
        found = _text_and_value(number) if number else None
        if found:
            return found
    return None


def last_number(text: str) -> tuple[str, Fraction] | None:
    """Return the last number of a text, as text and as value."""
    matches = list(NUMBER.finditer(_plain(text)))
    return next(filter(None, map(_text_and_value, reversed(matches))), None)


def _after(marker: re.Match[str], text: str) -> int:
    dressing = DRESSING.match(text, marker.end())
    return dressing.end() if dressing else marker.end()


def _plain(text: str) -> str:
    return LATEX_SPACING.sub(
        lambda match: "," if "," in match[0] else "", text.translate(SPELLINGS).replace("\\$", "$")
    )


def _text_and_value(match: re.Match[str]) -> tuple[str, Fraction] | None:
    """Return None for a number too long or too large to be meant: it would fill memory."""
    exponent = match["exponent"] or match["power"] or "0"
    if len(match[0]) > MAX_CHARACTERS or abs(int(exponent)) > MAX_EXPONENT:
        return None
    if match["top"]:
        value = Fraction(int(match["top"]), int(match["bottom"]))
    elif match["over"]:
        value = int(match["whole"] or 0) + Fraction(int(match["over"]), int(match["under"]))
    else:
        value = Fraction(match["decimal"].replace(",", "")) * Fraction(10) ** int(exponent)
    is_negative = "-" in (match["sign"], match["sign_of_money"])
    return match[0].strip(), -value if is_negative else value


def _reference_number(reference: str, row: int) -> Fraction:
    found = announced_number(reference) or last_number(reference)
    if found is None:
        raise ValueError(
            f"reference {row} = {reference[-80:]!r}: must be an answer that ends "
            "like 'The answer is 18.' or '#### 18'; score this target as text or math"
        )
    return found[1]


def _strict_verdict(output: str, truth: Fraction) -> Verdict:
    found = announced_number(output)
    if found:
        return _compared(found, truth)
    markers = list(MARKER.finditer(output))
    if not markers:
        return wrong(None, "empty" if not output.strip() else "no '####' or 'The answer is'")
    is_cut_off = _after(markers[-1], output) >= len(output.rstrip())
    said = markers[-1][0]
    return wrong(None, f"cut off after {said!r}" if is_cut_off else f"no number after {said!r}")


def _flexible_verdict(output: str, truth: Fraction) -> Verdict:
    found = last_number(output)
    if found:
        return _compared(found, truth)
    return wrong(None, "no number" if output.strip() else "empty")


def _compared(found: tuple[str, Fraction], truth: Fraction) -> Verdict:
    text, value = found
    return (
        correct(text) if value == truth else wrong(text, f"wrong value: expected {_shown(truth)}")
    )


def _shown(value: Fraction) -> str:
    as_float = float(value)
    return f"{as_float:.15g}" if Fraction(f"{as_float:.15g}") == value else str(value)

r"""Whether the answer to a MATH-like question equals the true one, as mathematics.

``\frac{1}{2}``, ``0.5`` and ``1/2`` are one answer: math-verify parses LaTeX into sympy, and
compares. An expression such as ``9^{9^{9^9}}`` takes unbounded time and memory:
:mod:`equal_assets.resources.judges.math_judge` bounds both.
"""

from __future__ import annotations

import re
from typing import Any

from equal_assets.algorithms.judging.verdicts import Verdict, correct, wrong

BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:\{|(?=\s\w))")
MAX_CHARACTERS = 200


class CutOff(Exception):  # noqa: N818 - a state of the text, not a mistake of the caller
    """The last box of a text is not closed."""


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
    boxes = list(BOX.finditer(text))
    if not boxes:
        return None
    start = boxes[-1].end()
    if not boxes[-1][0].endswith("{"):  # \boxed 5
        return text[start:].split(maxsplit=1)[0].rstrip("$.")
    depth = 1
    for end, character in enumerate(text[start:], start):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if not depth:
            return text[start:end].strip()
    raise CutOff


def math_verdict(output: str, reference: str) -> Verdict:
    r"""Compare the answer of an output with its reference's.

    Parameters
    ----------
    output : str
        A generated answer. Its last ``\boxed{...}`` counts; without one, the last formula or
        number of the text.
    reference : str
        The true answer: its last ``\boxed{...}``, or all of it.

    Returns
    -------
    Verdict
        Correct if math-verify finds the two equal, or if (as with words it cannot read) their texts
        are the same but for spaces.

    Raises
    ------
    ValueError
        If the reference is empty or cut off within its box.
    """
    truth = _truth(reference)
    try:
        boxed = last_boxed(output)
    except CutOff:
        return wrong(None, r"cut off within \boxed")
    if boxed is None:
        extracted, found = _shown_and_parsed(output)
    else:
        extracted, found = boxed[:MAX_CHARACTERS], _parsed(boxed)
    if not extracted:
        return wrong(None, "no expression" if output.strip() else "empty")
    if _are_equal(_parsed(truth), found) or _same_text(extracted, truth):
        return correct(extracted)
    return wrong(extracted, f"wrong value: expected {truth[:MAX_CHARACTERS]}")


def _truth(reference: str) -> str:
    try:
        truth = last_boxed(reference) or reference.strip()
    except CutOff:
        truth = ""
    if not truth:
        raise ValueError(
            f"reference = {reference[-80:]!r}: must be an answer, in a complete \\boxed{{...}} or "
            "alone; score this target as text or number"
        )
    return truth


def _shown_and_parsed(text: str) -> tuple[str, list[Any]]:
    from math_verify import parse

    found = parse(text, parsing_timeout=None)
    shown = [item for item in found if isinstance(item, str)]
    return (shown[0][:MAX_CHARACTERS] if shown else ""), found


def _parsed(expression: str) -> list[Any]:
    from math_verify import parse

    # the process that this runs in bounds the time: signals work only on the main thread
    return parse(rf"\boxed{{{expression}}}", parsing_timeout=None)


def _are_equal(truth: list[Any], found: list[Any]) -> bool:
    from math_verify import verify

    return bool(truth and found) and verify(truth, found, timeout_seconds=None)


def _same_text(left: str, right: str) -> bool:
    return "".join(left.split()) == "".join(right.split())

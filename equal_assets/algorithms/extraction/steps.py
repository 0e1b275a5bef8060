"""Answers that keep the result of a worked solution, and none of its steps."""

from __future__ import annotations

import re

from equal_assets.algorithms.extraction.arithmetic import bare_result, plain
from equal_assets.algorithms.extraction.grounding import Source

MAX_WORDS = 12
"""A longer answer explains something."""

THEREFORE = re.compile(
    r"\b(?:hence|therefore|thus|so|consequently|it follows|gives|we get|we obtain|the answer is"
    r"|answer:|daher|somit|folglich|donc|ainsi|alors|por (?:lo )?tanto|así que|luego|quindi|dunque"
    r"|perciò|portanto|logo|dus|więc|zatem|dlatego|поэтому|следовательно|значит|итак)\b"
    r"|所以|因此|故|よって|したがって|따라서|그러므로|إذن|لذلك|לכן",
    re.IGNORECASE,
)
"""What stands before the result of a worked solution, in the languages of the tests."""

EQUATION = re.compile(r"(?<![=<>!:])=(?![=>])|≤|≥|\\[lg]eq?\b|\\iff|⟺|⇔")
BEFORE = 700
LEAST_EQUATIONS = 2
"""How far before a result its steps are looked for, in characters, and how many make a solution."""

LONGEST = 200
"""How long a conclusion may be, in characters."""

EXPLAINS = re.compile(r"\b(?:because|since|so|by|as)\b|=|\n", re.IGNORECASE)
NAMES = re.compile(r"\b[A-Za-z]\s*=\s*")
DIGITS = re.compile(r"\d+")
STOP = re.compile(r"(?<=[.!?])\s|\n\s*\n|[。！？]")


def dropped_steps(answer: str, source: Source) -> str | None:
    """Return what a document works out and an answer only states.

    Parameters
    ----------
    answer : str
    source : Source
        The document that it was taken from.

    Returns
    -------
    str or None
        How many calculations or equations lead to the answer in the document; ``None`` if the
        answer shows steps itself or the document has none for it.
    """
    result = NAMES.sub("", plain(answer))
    if len(result.split()) > MAX_WORDS or EXPLAINS.search(result):
        return None
    numbers = set(DIGITS.findall(result))
    if not numbers:
        return None
    if (value := bare_result(result)) is not None and value in source.results:
        return "calculated in the document"
    return "a worked solution in the document" if _is_concluded(numbers, source) else None


def _is_concluded(numbers: set[str], source: Source) -> bool:
    """Whether a sentence of the document draws a conclusion from equations, with these numbers."""
    text = source.plain
    for match in THEREFORE.finditer(text):
        sentence = STOP.split(text[match.start() : match.start() + LONGEST], maxsplit=1)[0]
        if numbers <= set(DIGITS.findall(sentence)):
            before = text[max(0, match.start() - BEFORE) : match.start()]
            if len(EQUATION.findall(before)) >= LEAST_EQUATIONS:
                return True
    return False

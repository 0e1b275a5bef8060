"""The numbers of a text, and the calculations it shows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

NUMBER = re.compile(r"\d{1,3}(?:[,\u202f'’]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
GROUPED = re.compile(r"[,\u202f'’](?=\d{3}(?!\d))")
OTHER_DIGIT = re.compile(r"(?![0-9])\d")
POWERS = str.maketrans(
    {"²": "^2", "³": "^3", "⁴": "^4", "½": " 0.5 ", "¼": " 0.25 ", "¾": " 0.75 "}
)
CHINESE = str.maketrans("一二三四五六七八九两", "1234567892")
CHINESE_NUMBER = re.compile("[一二三四五六七八九两]?十[一二三四五六七八九]?|[一二三四五六七八九两]")

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth"
SCALES = {"hundred": 100.0, "thousand": 1e3, "million": 1e6, "billion": 1e9}
NAMES = {
    **{name: float(value) for value, name in enumerate(ONES.split())},
    **{name: 10.0 * value for value, name in enumerate(TENS.split(), 2)},
    **{name: float(value) for value, name in enumerate(ORDINALS.split())},
    **SCALES,
    **dict.fromkeys(("twice", "double", "doubled", "both", "pair", "couple"), 2.0),
    **{"dozen": 12.0, "triple": 3.0, "once": 1.0, "half": 0.5, "quarter": 0.25, "none": 0.0},
    **{"no": 0.0, "a": 1.0, "an": 1.0},
}
FRACTIONS = {"half": 2.0, "halves": 2.0, "quarter": 4.0, "quarters": 4.0, "thirds": 3.0}
WORD = re.compile(r"[a-z]+")
RUN = re.compile(rf"\b(?:{'|'.join([*NAMES, 'and'])})(?:[ -](?:{'|'.join([*NAMES, 'and'])}))*\b")

SPELLINGS = (
    (re.compile(r"\\[td]?frac\s*\{([^{}]{1,40})\}\s*\{([^{}]{1,40})\}"), r"(\1)/(\2)"),
    (re.compile(r"\\(?:cdot|times)\b|[×·⋅∙]"), "*"),
    (re.compile(r"(?<=[\d)])\s*\bx\b\s*(?=[\d(])"), "*"),
    (re.compile(r"\\approx\b|≈|\\Rightarrow|=+"), "="),
    (re.compile(r"[÷]|\\div\b"), "/"),
    (re.compile(r"[−–]"), "-"),
    (re.compile(r"\\[,;!% ]|[{}$€£]|\\left|\\right"), ""),
)
UNIT = r"(?:%|[A-Za-z°]{2,12}\b|[mghslL]\b)"
TERM = rf"[(\[]{{0,3}}-?\d{{1,15}}(?:,\d{{3}}){{0,5}}(?:\.\d{{1,15}})?\s?{UNIT}?[)\]]{{0,3}}"
CHAIN = re.compile(rf"{TERM}(?:\s*[-+*/^=]\s*{TERM})+")
BEFORE = re.compile(r"[\w)\]}.,^]$|[-+*/^]\s*$")
PART = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?%?|[-+*/^()\[\]]")
MAX_BARE_WORDS = 8
"""Words of an answer that says nothing but its result."""

LEAST_IN_WORDS = 5
"""Lower numbers are words of other meanings, too: "a", "no one", "second"."""

MAX_PARTS = 60
"""Parts of a side that is worked out; a longer one is taken as it is written."""

ROUNDING = 0.006
"""How far a result may be from what its calculation gives, of it: it is often rounded."""


@dataclass(frozen=True, slots=True)
class Calculation:
    """A calculation that a text shows, as "3 * 4 + 1 = 13".

    Attributes
    ----------
    operands : tuple of float
        The numbers of its first side.
    results : tuple of float
        The numbers of the other sides, in order.
    is_right : bool
        Whether its sides come to the same, as far as that can be told.
    begin, end : int
        Where it stands in the text, after :func:`plain`.
    """

    operands: tuple[float, ...]
    results: tuple[float, ...]
    is_right: bool
    begin: int
    end: int


def plain(text: str) -> str:
    r"""Return a text with its formulas in plain signs: ``\frac{1}{2}`` as ``(1)/(2)``."""
    text = OTHER_DIGIT.sub(lambda digit: str(unicodedata.digit(digit[0])), text).translate(POWERS)
    for pattern, plain_form in SPELLINGS:
        text = pattern.sub(plain_form, text)
    return text


def values(text: str) -> frozenset[float]:
    """Return the numbers that a text names, in digits, in English or in short Chinese numerals.

    Percentages are named as shares, too.

    >>> sorted(values("twenty-five of 1,200 are 2%"))
    [0.02, 2.0, 25.0, 1200.0]
    """
    text = plain(text)
    found = {number(match[0]) for match in NUMBER.finditer(text)}
    found |= {value / 100 for value in found if value <= 100} if "%" in text else set()
    lowered = text.lower()
    for run in RUN.finditer(lowered):
        found |= _named(run[0].replace("-", " ").split())
    if "percent" in lowered or "per cent" in lowered:
        found |= {value / 100 for value in found}
    if not text.isascii():
        found |= {_chinese(match[0]) for match in CHINESE_NUMBER.finditer(text)}
    return frozenset(map(rounded, found))


def stated(text: str) -> list[float]:
    """Return the numbers that a text states, in digits and in English words from five on."""
    text = plain(text)
    found = [number(match[0]) for match in NUMBER.finditer(text)]
    for run in RUN.finditer(text.lower()):
        together = _together(run[0].replace("-", " ").split())
        found += [value for value in together if value >= LEAST_IN_WORDS]
    return list(map(rounded, found))


def number(written: str) -> float:
    """Return the value of a number in digits; a comma before three digits separates thousands."""
    return float(GROUPED.sub("", written))


def rounded(value: float) -> float:
    """Return a value to nine significant digits, so that equal ones compare equal."""
    return float(f"{value:.9g}")


def calculations(text: str) -> list[Calculation]:
    """Return the calculations with plain numbers that a text shows, in order.

    Algebra is passed over: what has letters among its operands.
    """
    text = plain(text)
    return [found for match in CHAIN.finditer(text) if (found := _calculation(text, match))]


def bare_result(answer: str) -> float | None:
    """Return the number that is all an answer of a few words says, ``None`` for any other."""
    if len(answer.split()) > MAX_BARE_WORDS:
        return None
    found = [number(match[0]) for match in NUMBER.finditer(plain(answer))]
    return rounded(found[0]) if len(found) == 1 else None


def _calculation(text: str, match: re.Match[str]) -> Calculation | None:
    sides = match[0].split("=")
    is_cut_off = BEFORE.search(text[max(0, match.start() - 4) : match.start()])
    if is_cut_off or not _is_balanced(sides[0]):  # what stands before is algebra
        sides = sides[1:]
    if len(sides) < 2 or text[match.end() : match.end() + 1] in ("^", "("):
        return None
    if not all(map(_is_balanced, sides)):
        return None
    parts = [PART.findall(side) for side in sides]
    numbers = [[_value(part) for part in side if part[0].isdigit()] for side in parts]
    if not all(numbers) or sum(map(len, numbers)) == len(numbers):
        return None
    worked_out = [value for side in parts if (value := _worked_out(side)) is not None]
    is_right = all(_is_near(value, worked_out[0]) for value in worked_out)
    return Calculation(
        tuple(numbers[0]),
        tuple(value for side in numbers[1:] for value in side),
        is_right,
        match.start(),
        match.end(),
    )


def _is_balanced(side: str) -> bool:
    return side.count("(") == side.count(")") and side.count("[") == side.count("]")


def _value(part: str) -> float:
    return rounded(number(part.rstrip("%")) / (100 if part.endswith("%") else 1))


def _is_near(one: float, other: float) -> bool:
    near = abs(one - other) <= ROUNDING * max(abs(one), abs(other)) + 1e-9
    return near or abs(one - 100 * other) <= ROUNDING * abs(one)  # 0.15 and 15%


def _worked_out(parts: list[str]) -> float | None:
    """Return what a side comes to, ``None`` if it is too long or cannot be worked out."""
    if len(parts) > MAX_PARTS:
        return None
    rest = iter([*parts, ""])
    try:
        value, after = _sum(rest)
    except (StopIteration, TypeError, ValueError, ArithmeticError):
        return None
    return value if after == "" and isinstance(value, float) else None


def _sum(rest: Iterator[str]) -> tuple[float, str]:
    total, sign = _product(rest)
    while sign in ("+", "-"):
        value, after = _product(rest)
        total, sign = (total + value if sign == "+" else total - value), after
    return total, sign


def _product(rest: Iterator[str]) -> tuple[float, str]:
    total, sign = _power(rest)
    while sign in ("*", "/"):
        value, after = _power(rest)
        total, sign = (total * value if sign == "*" else total / value), after
    return total, sign


def _power(rest: Iterator[str]) -> tuple[float, str]:
    part = next(rest)
    if part == "-":
        value, after = _power(rest)
        return -value, after
    if part in ("(", "["):
        value, end = _sum(rest)
        if end not in (")", "]"):
            raise ValueError(end)
    else:
        value = _value(part)
    after = next(rest)
    if after == "^":
        exponent, after = _power(rest)
        value = float(value**exponent)
    return value, after


def _named(names: list[str]) -> set[float]:
    """Return the values of a run of English numbers: each one, and what they say together."""
    parts = {FRACTIONS[name] for name in names if name in FRACTIONS}
    return parts | {NAMES[name] for name in names if name in NAMES} | set(_together(names))


def _together(names: list[str]) -> list[float]:
    """Return what a run of English numbers says: one number, or several after each other."""
    found = []
    total = group = 0.0
    for name in names:
        value = NAMES.get(name)
        if value is None:  # "and"
            continue
        if name in SCALES:
            group = max(group, 1.0) * value
            if value > 100:
                total, group = total + group, 0.0
        elif group == 0 or (group >= 20 and group % (10 if 0 < value < 10 else 100) == 0):
            group += value
        else:
            found.append(total + group)
            total, group = 0.0, value
    return [*found, total + group]


def _chinese(written: str) -> float:
    digits = written.translate(CHINESE)
    if "十" not in digits:
        return float(digits)
    tens, ones = digits.split("十")
    return 10.0 * float(tens or 1) + float(ones or 0)

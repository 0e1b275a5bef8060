"""Written numbers and their values: separators, fractions, powers, digits of any script.

What can be read as two numbers is no number, but a doubt: ``1.234`` is 1234 in German and 1.234 in
English, so its value depends on the decimal mark of the target.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

DecimalMark = Literal["point", "comma"]

MAX_CHARACTERS = 100  # of one number; longer runs of digits are noise
MAX_EXPONENT = 99
MAX_BITS = 1000  # of a value, which can still be shown as a decimal

DIGITS = r"(?:\d{1,3}(?:\ \d{3})+(?!\d)|\d+(?:['’٬_\u202f]\d{3}(?!\d))*)(?:[.,٫]\d+)*"
"""Any digits with separators between them; not the spaces of ``2019 234``."""

SCALES = {
    r"hundred": 10**2,
    r"thousand|tausend|tsd|mille(?!n)|тыс\w*": 10**3,
    r"milliard\w*|mrd|milh?[õa]rd\w*|млрд|миллиард\w*": 10**9,
    r"m[iy]ll?i[oóõã]\w*|mill[oó]n\w*|milh[õã]\w*|mio|mln|млн|миллион\w*": 10**6,
    r"[bt]rillion\w*|billion\w*|mil": None,  # differ between languages
}
ENGLISH_SCALES = {"billion": 10**9, "trillion": 10**12}
POWERS_OF_TEN = {"百": 10**2, "千": 10**3, "万": 10**4, "萬": 10**4, "億": 10**8, "亿": 10**8}

ROOT = r"(?:\\sqrt(?:\[\d+\])?|√)\s?\{?\d*\}?"
NUMERAL = re.compile(
    rf"""
    (?<![A-Za-z0-9_.])                              # not the 2 of H2O, nor the end of a number
    (?P<sign>(?<![)\]}}%])[-+])?                    # a sign, unless it follows a term: 16-3
    (?:[$€£¥₹₽₩]\s?(?P<sign_of_money>-)?)?
    (?:
      (?P<no_number>\d+(?::\d+)+ | \d+(?:/\d+){{2,}} | \d+(?:-\d+){{2,}} | {ROOT})
    | (?:(?P<mixed>\d+)\s?)?\\[cdt]?frac\s?(?:\{{\s*(?P<top>-?\d+)\s*\}}|(?P<t>\d))
      \s?(?:\{{\s*(?P<bottom>0*[1-9]\d*)\s*\}}|(?P<b>[1-9]))
    | (?P<formula>\\[cdt]?frac\s?\{{[^{{}}]*\}}\s?\{{[^{{}}]*\}})
    | (?:(?P<whole>\d+)[ \u202f])?(?P<over>{DIGITS})\s?/\s?(?P<under>{DIGITS})
    | (?P<digits>{DIGITS}|[.٫]\d+)
      (?:[eE](?P<exponent>[-+]?\d+)
        |\s?(?:\\times|\\cdot|[x×*·])\s?10\s?(?:\^|\*\*)\s?\{{?(?P<power>[-+]?\d+)\}}?
        |(?:\^|\*\*)\s?\{{?(?P<raised>[-+]?\d+)\}}?)?
      (?:(?P<powers>[百千万萬億亿]+)(?P<rest>(?:\d+[百千万萬億亿]+)*\d*)
        |\s?(?P<scale>(?i:{"|".join(SCALES)}))(?!\w)|(?P<letter>[kKM](?![A-Za-z])))?
    )
    (?P<term>\s?(?:\\pi\b|π|{ROOT}))?
    """,
    re.VERBOSE,
)

SPELLINGS = str.maketrans(
    {
        **dict.fromkeys("−–‐‑﹣－", "-"),
        **dict.fromkeys("\u00a0\u2007\u2009\u200a", "\u202f"),
        **dict.fromkeys("\u200b\u200e\u200f\u061c\u2066\u2069", ""),
        **{"⁄": "/", "∕": "/", "／": "/", "．": ".", "，": ", ", "：": ": ", "＝": "=", "％": "%"},
        **{"＄": "$", "￥": "¥", "＋": "+"},
    }
)
LATEX_SPACING = re.compile(r"(?<=\d)(?:,?\\[,!;:]|,\\!|~|\\ )(?=\d)")
LATEX_SEPARATOR = re.compile(r"(?<=\d)\{([.,])\}(?=\d)")
VULGAR = re.compile("(\\d?)([\u00bc-\u00be\u2150-\u215e])")
RAISED = re.compile("(?<=10)[⁺⁻]?[⁰¹²³⁴-⁹]+")


@dataclass(frozen=True)
class Numeral:
    """A number in a text.

    Attributes
    ----------
    text : str
    start, end : int
        Where it stands in the plain text.
    value : Fraction or None
        None if there is a doubt.
    doubt : str or None
        What else it could be.
    mark : {"point", "comma"} or None
        The decimal mark that it shows, where its form leaves no choice.
    """

    text: str
    start: int
    end: int
    value: Fraction | None
    doubt: str | None = None
    mark: DecimalMark | None = None


class _Doubt(Exception):  # noqa: N818 - a state of the text, not a mistake of the caller
    """A number that has several readings, or none."""


def plain(text: str) -> str:
    r"""Return a text with one spelling of digits, signs and spaces.

    Examples
    --------
    >>> plain("١٨ and −1½, $1{,}234$")
    '18 and -1 1/2, $1,234$'
    """
    text = VULGAR.sub(_vulgar, RAISED.sub(_raised, text.translate(SPELLINGS)))
    text = re.sub(r"(?![0-9])\d", lambda match: str(unicodedata.decimal(match[0])), text)
    text = text.replace("\\$", "$").replace("\\%", "%")
    return LATEX_SEPARATOR.sub(r"\1", LATEX_SPACING.sub("\u202f", text))


def numerals(text: str, decimal: DecimalMark | None) -> Iterator[Numeral]:
    """Yield the numbers of a plain text; not those too long or too large to be meant."""
    for match in NUMERAL.finditer(text):
        if found := _numeral(match, decimal):
            yield found


def numeral_at(text: str, position: int, decimal: DecimalMark | None) -> Numeral | None:
    """Return the number that begins at a position of a plain text."""
    match = NUMERAL.match(text, position)
    return _numeral(match, decimal) if match else None


def _numeral(match: re.Match[str], decimal: DecimalMark | None) -> Numeral | None:
    exponent = match["exponent"] or match["power"] or match["raised"] or "0"
    if len(match[0]) > MAX_CHARACTERS or abs(int(exponent)) > MAX_EXPONENT:
        return None  # it would fill memory
    text, mark = match[0].strip(), None
    try:
        value = _value(match, int(exponent), decimal)
        mark = _shown_mark(match["digits"] or match["over"] or "")
    except _Doubt as doubt:
        return Numeral(text, match.start(), match.end(), None, doubt=str(doubt))
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        return None
    is_negative = "-" in (match["sign"], match["sign_of_money"])
    return Numeral(text, match.start(), match.end(), -value if is_negative else value, mark=mark)


def _value(match: re.Match[str], exponent: int, decimal: DecimalMark | None) -> Fraction:
    """Return the value without its sign."""
    if match["no_number"] or match["formula"] or match["term"]:
        raise _Doubt(f"{match[0].strip()!r} is not one number")
    top, bottom = match["top"] or match["t"], match["bottom"] or match["b"]
    if top:
        return int(match["mixed"] or 0) + Fraction(int(top), int(bottom))
    if match["over"]:
        under = _of_digits(match["under"], decimal)
        if not under:
            raise _Doubt(f"{match[0].strip()!r} divides by zero")
        return int(match["whole"] or 0) + _of_digits(match["over"], decimal) / under
    value = _of_digits(match["digits"], decimal)
    if match["raised"]:
        if not value and exponent < 0:
            raise _Doubt(f"{match[0].strip()!r} divides by zero")
        value, exponent = value**exponent, 0
    value *= Fraction(10) ** exponent
    has_scale = match["letter"] or match["powers"] or match["scale"]
    return _scaled(value, match, decimal) if has_scale else value


def _scaled(value: Fraction, match: re.Match[str], decimal: DecimalMark | None) -> Fraction:
    """Return a value times the word, the letter or the characters after it."""
    if match["letter"]:
        raise _Doubt(f"{match[0].strip()!r} may or may not be meant in thousands or millions")
    if match["powers"]:
        parts = re.findall(r"(\d+)(\D*)", match["rest"])
        return value * _power(match["powers"]) + sum(int(n) * _power(p) for n, p in parts)
    word = match["scale"].casefold()
    factor = next(factor for pattern, factor in SCALES.items() if re.fullmatch(pattern, word))
    if factor is None and decimal != "comma":
        factor = ENGLISH_SCALES.get(word.removesuffix("s"))
    elif word == "mil":
        factor = 10**3
    if factor is None:
        raise _Doubt(f"{match[0].strip()!r} differs between languages")
    return value * factor


def _power(characters: str) -> int:
    return math.prod(POWERS_OF_TEN[character] for character in characters)


def _of_digits(digits: str, decimal: DecimalMark | None) -> Fraction:
    """Return the value of digits and separators."""
    mark = _shown_mark(digits) or decimal
    joined = re.sub(r"['’٬_\u202f]", "", digits).replace("٫", ".") if "٫" in digits else digits
    if " " in joined and not _is_grouping_space(joined, mark):
        parts = joined.split(" ")
        raise _Doubt(f"{digits!r} is {''.join(parts)} or {' and '.join(parts)}")
    joined = re.sub(r"[ '’٬_\u202f]", "", joined)
    if "٫" in digits or not re.search(r"[.,]", joined):
        return Fraction(joined)
    kinds = set(re.findall(r"[.,]", joined))
    if mark is None and len(kinds) == 1 and _is_group_of_three(digits):
        head, tail = re.split(r"[.,]", joined)
        raise _Doubt(f"{digits!r} is {head}{tail} or {head}.{tail}")
    point, group = (".", ",") if mark == "point" else (",", ".")
    whole, _, part = joined.partition(point)
    if not _is_grouped(whole, group) or point in part or group in part:
        raise _Doubt(f"{digits!r} is not one number")
    return Fraction(f"{whole.replace(group, '')}.{part or 0}")


def _shown_mark(digits: str) -> DecimalMark | None:
    """Return the decimal mark of digits that can be read in one way only; None if in others."""
    found = re.findall(r"[.,]", digits)
    if not found or "٫" in digits:
        return None
    if len(set(found)) == 2:  # the last is the mark
        return "point" if found[-1] == "." else "comma"
    is_mark = len(found) == 1
    if is_mark and _is_group_of_three(digits):
        return None
    return "point" if is_mark == (found[0] == ".") else "comma"


def _is_group_of_three(digits: str) -> bool:
    """Tell whether the one separator of digits may be one of thousands."""
    return bool(re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits))


def _is_grouped(whole: str, group: str) -> bool:
    """Tell whether the digits before the decimal mark stand in groups, if at all.

    Of three; in India, of two before the last three.
    """
    indian = r"|\d{1,3}(?:,\d{2,3})*,\d{3}" if group == "," else ""
    return bool(re.fullmatch(rf"\d*|\d{{1,3}}(?:[{group}]\d{{3}})+{indian}", whole))


def _is_grouping_space(digits: str, mark: DecimalMark | None) -> bool:
    """Tell whether spaces stand between groups of one number, not between two numbers."""
    return mark == "comma" or " 0" in digits


def _vulgar(match: re.Match[str]) -> str:
    fraction = unicodedata.normalize("NFKC", match[2]).replace("⁄", "/")
    return f"{match[1]} {fraction}" if match[1] else fraction


def _raised(match: re.Match[str]) -> str:
    return "^" + unicodedata.normalize("NFKC", match[0]).replace("−", "-")

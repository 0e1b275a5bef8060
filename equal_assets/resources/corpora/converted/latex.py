"""LaTeX of formulas: the symbols and the constructs that MathML and Word's equations share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from pylatexenc.latexencode import get_builtin_uni2latex_dict

from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted.result import UnusableFileError

FUNCTIONS = frozenset([
    "arccos", "arcsin", "arctan", "arg", "cos", "cosh", "cot", "coth", "csc", "deg", "det",
    "dim", "exp", "gcd", "hom", "inf", "ker", "lg", "lim", "liminf", "limsup", "ln", "log",
    "max", "min", "Pr", "sec", "sin", "sinh", "sup", "tan", "tanh",
])  # fmt: skip
"""Names that LaTeX sets upright by a command of the same name."""

SYMBOLS = {
    "×": r"\times", "÷": r"\div", "¬": r"\neg", "°": r"^{\circ}", "µ": r"\mu", "·": r"\cdot",
    "→": r"\to", "←": r"\leftarrow", "…": r"\ldots", "−": "-", "–": "-", "‐": "-", "∗": "*",
    "√": r"\surd", "′": "'", "″": "''", "‴": "'''", "∣": r"\mid", "•": r"\bullet",
    "∅": r"\emptyset", "∖": r"\setminus", "~": r"\sim", "^": r"\hat{}", "ϵ": r"\epsilon", "∕": "/",
    "⁄": "/", "∶": ":",
    "\\": r"\backslash", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "#": r"\#", "&": r"\&",
    "_": r"\_", "\xa0": r"\ ", "\u2003": r"\quad ", "\u2009": r"\,", "\u2005": r"\:",
    "\u2004": r"\;",
}  # fmt: skip
"""Beside the table of pylatexenc, which writes these for text or escapes what has a meaning."""

UNSEEN = dict.fromkeys([*range(0x200B, 0x2010), *range(0x2060, 0x2065), 0xFEFF, 0xAD])
ACCENTS = {
    "^": "hat", "ˆ": "hat", "\u0302": "hat", "~": "tilde", "˜": "tilde", "\u0303": "tilde",
    "¯": "overline", "‾": "overline", "―": "overline", "_": "overline", "\u0304": "overline",
    "\u0305": "overline", "→": "vec", "\u20d7": "vec", ".": "dot", "˙": "dot",
    "\u0307": "dot", "¨": "ddot", "\u0308": "ddot", "⋯": "dddot", "\u20db": "dddot", "ˇ": "check",
    "\u030c": "check", "˘": "breve", "\u0306": "breve", "´": "acute", "\u0301": "acute",
    "`": "grave", "\u0300": "grave", "⏞": "overbrace", "←": "overleftarrow",
    "\u20d6": "overleftarrow", "↔": "overleftrightarrow", "\u20e1": "overleftrightarrow",
    "∘": "mathring", "˚": "mathring", "\u030a": "mathring",
}  # fmt: skip
UNDER = {"⏟": "underbrace", "_": "underline", "¯": "underline", "‾": "underline", "―": "underline",
         "\u0332": "underline", "\u0331": "underline"}  # fmt: skip
WIDE = {"hat": "widehat", "tilde": "widetilde", "vec": "overrightarrow"}
MATRICES = {"()": "pmatrix", "[]": "bmatrix", "{}": "Bmatrix", "||": "vmatrix", "‖‖": "Vmatrix",
            "∣∣": "vmatrix", "∥∥": "Vmatrix", "{": "cases"}  # fmt: skip
MATRIX = re.compile(
    r"\\begin\{(?:matrix|aligned)\}((?:(?!\\begin).)*)\\end\{(?:matrix|aligned)\}", re.S
)
STACK = r"\genfrac{}{}{0pt}{}"
LIMITS = re.compile(
    r"\\(?:sum|prod|coprod|i*int|oint|big\w+|lim|limsup|liminf|max|min|sup|inf|det|gcd|Pr)\b\s*$"
)
ATOM = re.compile(r"[^\W\d_]|\d[\d.,]*|\\[a-zA-Z]+|\\math\w+\{\w+\}|\([^()]*\)|\|[^|]*\|")
CONTROL_WORD = re.compile(r"\\[a-zA-Z]+$")

_TABLE = get_builtin_uni2latex_dict()


def formula_error(what: str) -> UnusableFileError:
    """Return the error for a formula without a LaTeX form."""
    return UnusableFileError(Reason.UNREADABLE_FORMULA, what)


def joined(parts: Iterable[str]) -> str:
    """Return LaTeX in sequence, with the spaces that end control words."""
    whole = ""
    for part in parts:
        needs_space = part[:1].isalnum() and CONTROL_WORD.search(whole)
        whole += f" {part}" if needs_space else part
    return whole


def symbols(text: str) -> str:
    """Return the LaTeX of characters in a formula."""
    return joined(_symbol(character) for character in text.translate(UNSEEN))


def _symbol(character: str) -> str:
    if character in SYMBOLS:
        return SYMBOLS[character]
    written = _TABLE.get(ord(character), "")
    if ord(character) >= 128 and written.startswith(r"\ensuremath{"):
        latex = written.removeprefix(r"\ensuremath{").removesuffix("}")
        latex = latex.replace(r"\mathscr", r"\mathcal")
        return re.sub(r"\\mathit\{(.)\}", r"\1", latex)  # letters in formulas are italic anyway
    if ord(character) >= 0x1D400:
        return unicodedata.normalize("NFKC", character)
    return character


def name(text: str) -> str:
    """Return an identifier: a letter, a function, or a word set upright."""
    text = text.translate(UNSEEN).strip()
    plain = unicodedata.normalize("NFKC", text)
    if plain in FUNCTIONS:
        return f"\\{plain}"
    return symbols(text) if len(text) < 2 else styled(symbols(text), "mathrm")


def styled(latex: str, command: str) -> str:
    """Return letters in another alphabet; those that are in it already stay."""
    return (
        latex if not latex or latex.startswith((r"\math", r"\bold")) else f"\\{command}{{{latex}}}"
    )


def words(text: str) -> str:
    """Return text within a formula."""
    text = re.sub(r"\s+", " ", text.translate(UNSEEN))
    return (
        r"\text{" + re.sub(r"([%#&_${}])", r"\\\1", text) + "}"
        if text.strip()
        else r"\ " * bool(text)
    )


def fraction(above: str, below: str, *, has_line: bool = True) -> str:
    """Return a fraction, or the two of a binomial coefficient."""
    return rf"\frac{{{above}}}{{{below}}}" if has_line else f"{STACK}{{{above}}}{{{below}}}"


def root(inner: str, degree: str = "") -> str:
    """Return a root."""
    return rf"\sqrt[{degree}]{{{inner}}}" if degree else rf"\sqrt{{{inner}}}"


def scripts(base: str, below: str = "", above: str = "") -> str:
    """Return a base with its index and its power."""
    if not LIMITS.search(base) and not _is_brace(base):
        base = grouped(base)
    if below:
        base += f"_{{{below}}}"
    if above and not above.strip("'"):
        return base + above
    return base + (f"^{{{above}}}" if above else "")


def grouped(latex: str) -> str:
    """Return a part as one thing to what follows it."""
    return latex if ATOM.fullmatch(latex) else f"{{{latex}}}"


def limits(base: str, below: str = "", above: str = "") -> str:
    """Return a base with what stands under and over it."""
    if LIMITS.search(base) or _is_brace(base):
        return scripts(base, below, above)
    base = rf"\underset{{{below}}}{{{base}}}" if below else base
    return rf"\overset{{{above}}}{{{base}}}" if above else base


def _is_brace(base: str) -> bool:
    return base.startswith((r"\underbrace", r"\overbrace"))


def accented(base: str, mark: str) -> str | None:
    """Return a base under an accent, or None if the mark is none."""
    command = ACCENTS.get(mark)
    if command is None:
        return None
    return f"\\{command if len(base) == 1 else WIDE.get(command, command)}{{{base}}}"


def underlined(base: str, mark: str) -> str | None:
    """Return a base over a line or brace, or None if the mark is none."""
    return f"\\{UNDER[mark]}{{{base}}}" if mark in UNDER else None


def is_fenced_itself(inner: str) -> bool:
    """Tell whether fences around this become part of it."""
    return inner.startswith(STACK) or bool(MATRIX.fullmatch(inner))


def fenced(opening: str, inner: str, closing: str) -> str:
    """Return what stands between fences: a matrix, cases, a binomial coefficient or just that."""
    inner, pair = inner.strip(), opening + closing
    if pair in MATRICES and (matrix := MATRIX.fullmatch(inner)):
        return rf"\begin{{{MATRICES[pair]}}}{matrix[1]}\end{{{MATRICES[pair]}}}"
    if pair == "()" and inner.startswith(STACK):
        return r"\binom" + inner.removeprefix(STACK)
    if opening and closing:
        return joined([symbols(opening), inner, symbols(closing)])
    ends = [symbols(end) if end else "." for end in (opening, closing)]
    return joined([r"\left", ends[0], inner, r"\right", ends[1]])


def table(rows: Sequence[Sequence[str]], *, is_aligned: bool = False) -> str:
    """Return a matrix, or equations aligned."""
    kind = "aligned" if is_aligned else "matrix"
    body = r" \\ ".join(" & ".join(row) for row in rows)
    return rf"\begin{{{kind}}} {body} \end{{{kind}}}"


def inline(latex: str) -> str:
    """Return a formula within a sentence."""
    return f"${_one_line(latex)}$"


def display(latex: str) -> str:
    """Return a formula that stands alone."""
    return f"$${_one_line(latex)}$$"


def _one_line(latex: str) -> str:
    """Return a formula without the comments and line ends of its source."""
    return " ".join(re.sub(r"(?<!\\)%.*", "", latex).split())

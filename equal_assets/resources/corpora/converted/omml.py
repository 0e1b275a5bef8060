"""Word's equations (OMML) to LaTeX."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element

from equal_assets.resources.corpora.converted import latex

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
SCRIPTS = {"double-struck": "mathbb", "script": "mathcal", "fraktur": "mathfrak",
           "sans-serif": "mathsf", "monospace": "mathtt"}  # fmt: skip
STYLES = {"b": "mathbf", "bi": "boldsymbol"}
OFF = ("0", "off", "false")


def tex_of(equation: Element) -> str:
    """Return an ``m:oMath`` as LaTeX.

    Raises
    ------
    UnusableFileError
        If an element has no LaTeX form.
    """
    return latex.joined(_tex(child) for child in equation)


def _tex(element: Element) -> str:
    if element.tag in (WORD + "ins", WORD + "moveTo", WORD + "smartTag", WORD + "hyperlink"):
        return tex_of(element)
    if element.tag == WORD + "r":
        return latex.words("".join(text.text or "" for text in element.iter(WORD + "t")))
    if not element.tag.startswith(MATH):
        return ""  # a deletion, a bookmark, a mark of the spell checker
    kind = element.tag.removeprefix(MATH)
    if kind.endswith("Pr"):
        return ""
    if kind in ("e", "oMath", "oMathPara", "box", "num", "den", "sub", "sup", "deg", "lim"):
        return tex_of(element)
    if kind not in CONVERTERS:
        raise latex.formula_error(f"a Word equation with <m:{kind}>, which has no LaTeX form here")
    return CONVERTERS[kind](element)


def _part(element: Element, name: str) -> str:
    part = element.find(MATH + name)
    return "" if part is None else tex_of(part).strip()


def _stated(element: Element, name: str, default: str) -> str:
    """Return a property of an element; one that stands without a value is on."""
    kind = element.tag.removeprefix(MATH)
    stated = element.find(f"{MATH}{kind}Pr/{MATH}{name}")
    return default if stated is None else stated.get(MATH + "val", "")


def _is_on(element: Element, name: str) -> bool:
    return _stated(element, name, "off") not in OFF


def _run(run: Element) -> str:
    text = "".join(part.text or "" for part in run.iter(MATH + "t"))
    if _is_on(run, "nor"):
        return latex.words(text)
    alphabet = SCRIPTS.get(_stated(run, "scr", "")) or STYLES.get(_stated(run, "sty", ""))
    if alphabet:
        return latex.joined(
            latex.styled(latex.symbols(letter), alphabet)
            if letter.isalnum()
            else latex.symbols(letter)
            for letter in text
        )
    if text.strip() in latex.FUNCTIONS or (_stated(run, "sty", "") == "p" and text.isalpha()):
        return latex.name(text)
    return latex.symbols(text)


def _fraction(element: Element) -> str:
    above, below = _part(element, "num"), _part(element, "den")
    if _stated(element, "type", "bar") == "lin":
        return f"{latex.grouped(above)}/{latex.grouped(below)}"
    return latex.fraction(above, below, has_line=_stated(element, "type", "bar") != "noBar")


def _radical(element: Element) -> str:
    degree = "" if _is_on(element, "degHide") else _part(element, "deg")
    return latex.root(_part(element, "e"), degree)


def _scripts(element: Element) -> str:
    return latex.scripts(_part(element, "e"), _part(element, "sub"), _part(element, "sup"))


def _leading_scripts(element: Element) -> str:
    scripts = latex.scripts("", _part(element, "sub"), _part(element, "sup"))
    return latex.joined([scripts, _part(element, "e")])


def _large_operator(element: Element) -> str:
    sign = latex.symbols(_stated(element, "chr", "∫"))
    written = latex.scripts(sign, _part(element, "sub"), _part(element, "sup"))
    return latex.joined([written, _part(element, "e")])


def _delimiters(element: Element) -> str:
    parts = [tex_of(part).strip() for part in element.findall(MATH + "e")]
    inner = latex.joined([latex.symbols(_stated(element, "sepChr", "|")).join(parts)])
    return latex.fenced(_stated(element, "begChr", "("), inner, _stated(element, "endChr", ")"))


def _matrix(element: Element) -> str:
    rows = element.findall(MATH + "mr")
    return latex.table([[tex_of(cell).strip() for cell in row.findall(MATH + "e")] for row in rows])


def _equations(element: Element) -> str:
    """Return lines of equations: ``&`` aligns them, and ``#`` precedes the number of one."""
    lines = [tex_of(line).strip() for line in element.findall(MATH + "e")]
    aligned = [line.replace(r"\&", " & ").replace(r"\#", r" \quad ") for line in lines]
    return latex.table([[line] for line in aligned], is_aligned=True)


def _function(element: Element) -> str:
    return latex.joined([_part(element, "fName"), " ", _part(element, "e")])


def _limit(element: Element) -> str:
    is_below = element.tag == MATH + "limLow"
    side = "below" if is_below else "above"
    return latex.limits(_part(element, "e"), **{side: _part(element, "lim")})


def _accent(element: Element) -> str:
    base, mark = _part(element, "e"), _stated(element, "chr", "\u0302")
    return latex.accented(base, mark) or latex.limits(base, above=latex.symbols(mark))


def _bar(element: Element) -> str:
    command = "overline" if _stated(element, "pos", "bot") == "top" else "underline"
    return f"\\{command}{{{_part(element, 'e')}}}"


def _group_mark(element: Element) -> str:
    base, mark = _part(element, "e"), _stated(element, "chr", "⏟")
    if _stated(element, "pos", "bot") == "top":
        return latex.accented(base, mark) or latex.limits(base, above=latex.symbols(mark))
    return latex.underlined(base, mark) or latex.limits(base, below=latex.symbols(mark))


def _boxed(element: Element) -> str:
    return rf"\boxed{{{_part(element, 'e')}}}"


def _phantom(element: Element) -> str:
    inner = _part(element, "e")
    return inner if _stated(element, "show", "1") not in OFF else rf"\phantom{{{inner}}}"


CONVERTERS: dict[str, Callable[[Element], str]] = {
    "r": _run,
    "fName": tex_of,
    "f": _fraction,
    "rad": _radical,
    "sSup": _scripts,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "sPre": _leading_scripts,
    "nary": _large_operator,
    "d": _delimiters,
    "m": _matrix,
    "eqArr": _equations,
    "func": _function,
    "limLow": _limit,
    "limUpp": _limit,
    "acc": _accent,
    "bar": _bar,
    "groupChr": _group_mark,
    "borderBox": _boxed,
    "phant": _phantom,
}

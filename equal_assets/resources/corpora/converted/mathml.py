"""Presentation MathML to LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bs4 import Tag

from equal_assets.resources.corpora.converted import latex

NO_LINE = re.compile(r"0+(?:\.0*)?\s*[a-z%]*")
"""The thickness of what a binomial coefficient has in place of a fraction's line."""
TEX = re.compile(r"tex", re.IGNORECASE)
VARIANTS = {
    "bold": "mathbf", "bold-italic": "boldsymbol", "double-struck": "mathbb", "script": "mathcal",
    "bold-script": "mathcal", "fraktur": "mathfrak", "sans-serif": "mathsf", "monospace": "mathtt",
}  # fmt: skip
OPENING, CLOSING = "([{⟨⌊⌈|‖∣∥", ")]}⟩⌋⌉|‖∣∥"
ENCLOSED = {"box": r"\boxed", "roundedbox": r"\boxed", "updiagonalstrike": r"\cancel",
            "downdiagonalstrike": r"\bcancel", "horizontalstrike": r"\hcancel", "radical": r"\sqrt",
            "top": r"\overline", "bottom": r"\underline"}  # fmt: skip
EMPTY = ("none", "mprescripts", "maligngroup", "malignmark", "annotation", "annotation-xml")


def tex_of(math: Tag) -> str:
    """Return a formula as LaTeX: the source that it carries, or a conversion.

    Raises
    ------
    UnusableFileError
        If an element has no LaTeX form.
    """
    for note in math.find_all(lambda tag: _kind(tag) == "annotation"):
        if TEX.search(str(note.get("encoding", ""))) and note.get_text().strip():
            return without_style(note.get_text())
    if str(math.get("class", "")).find("ltx_Math") >= 0 and math.get("alttext"):
        return without_style(str(math["alttext"]))
    return _tex(math)


def is_display(math: Tag) -> bool:
    """Tell whether a formula stands alone."""
    return math.get("display") == "block" or math.get("mode") == "display"


def without_style(tex: str) -> str:
    r"""Return a formula without the ``{\displaystyle }`` that wikis put around it."""
    tex = tex.strip()
    wrapped = re.fullmatch(r"\{\\(?:display|text)style\s(.*)\}", tex, re.DOTALL)
    return wrapped[1].strip() if wrapped else tex


def _kind(tag: Tag) -> str:
    return tag.name.lower().rpartition(":")[2]


def _children(tag: Tag) -> list[Tag]:
    return [child for child in tag.children if isinstance(child, Tag)]


def _tex(tag: Tag) -> str:
    kind, children = _kind(tag), _children(tag)
    text = tag.get_text().strip()
    match kind:
        case "mi":
            return _identifier(text, str(tag.get("mathvariant", "")))
        case "mn":
            return _variant(latex.symbols(text), str(tag.get("mathvariant", "")))
        case "mo":
            return _operator(text)
        case "mtext":
            return latex.words(tag.get_text())
        case "ms":
            return latex.words(f'"{text}"')
        case "mspace":
            return r"\ " if re.match(r"[.\d]*[1-9]", str(tag.get("width", ""))) else ""
        case "semantics" | "maction":
            return _tex(children[0]) if children else ""
        case "mphantom":
            return rf"\phantom{{{_row(children)}}}"
        case "math" | "mrow" | "mstyle" | "mpadded" | "mtd":
            return _row(children)
        case "msqrt":
            return latex.root(_row(children))
        case "menclose":
            return _enclosed(tag, children)
        case "mfenced":
            return _fenced(tag, children)
        case "mtable":
            return _table(tag)
        case "mmultiscripts":
            return _multiscripts(children)
        case _ if kind in EMPTY:
            return ""
    return _of_parts(kind, children, str(tag.get("linethickness", "1")))


def _of_parts(kind: str, children: Sequence[Tag], thickness: str) -> str:
    """Return an element whose children have each a role."""
    roles = {"mfrac": 2, "mroot": 2, "msup": 2, "msub": 2, "mover": 2, "munder": 2,
             "msubsup": 3, "munderover": 3}  # fmt: skip
    if kind not in roles:
        raise latex.formula_error(f"MathML with <{kind}>, which has no LaTeX form here")
    if len(children) != roles[kind]:
        raise latex.formula_error(f"MathML with <{kind}> of {len(children)} parts")
    first, *rest = [_tex(child) for child in children]
    match kind:
        case "mfrac":
            return latex.fraction(first, rest[0], has_line=not NO_LINE.fullmatch(thickness))
        case "mroot":
            return latex.root(first, rest[0])
        case "msub":
            return latex.scripts(first, rest[0])
        case "msup":
            return latex.scripts(first, above=rest[0])
        case "msubsup":
            return latex.scripts(first, *rest)
        case "munderover":
            return latex.limits(first, *rest)
    mark = children[1].get_text().strip()
    if kind == "mover":
        return latex.accented(first, mark) or latex.limits(first, above=rest[0])
    return latex.underlined(first, mark) or latex.limits(first, below=rest[0])


def _row(children: Sequence[Tag]) -> str:
    """Return elements in sequence; fences around a matrix or a stack belong to it."""
    pieces = [_tex(child) for child in children]
    fences = [child.get_text().strip() if _kind(child) == "mo" else "" for child in children]
    parts, at = [], 0
    while at < len(pieces):
        inner = pieces[at + 1].strip() if at + 1 < len(pieces) else ""
        if fences[at] and fences[at] in OPENING and latex.is_fenced_itself(inner):
            after = fences[at + 2] if at + 2 < len(pieces) else ""
            closing = after if after and after in CLOSING else ""
            parts.append(latex.fenced(fences[at], inner, closing))
            at += 3 if closing else 2
        else:
            parts.append(pieces[at])
            at += 1
    return latex.joined(parts)


def _identifier(text: str, variant: str) -> str:
    if variant in VARIANTS:
        return _variant(latex.symbols(text), variant)
    return latex.name(text)


def _variant(written: str, variant: str) -> str:
    return latex.styled(written, VARIANTS[variant]) if variant in VARIANTS else written


def _operator(text: str) -> str:
    if text == "mod":
        return r"\bmod"
    return latex.name(text) if len(text) > 1 and text.isalpha() else latex.symbols(text)


def _enclosed(tag: Tag, children: Sequence[Tag]) -> str:
    written = _row(children)
    for notation in str(tag.get("notation", "longdiv")).split():
        if notation not in ENCLOSED:
            raise latex.formula_error(f'MathML with <menclose notation="{notation}">')
        written = f"{ENCLOSED[notation]}{{{written}}}"
    return written


def _fenced(tag: Tag, children: Sequence[Tag]) -> str:
    """Return ``mfenced``: the last separator stands for those that are not given."""
    separators = re.sub(r"\s", "", str(tag.get("separators", ",")))
    inner = ""
    for number, child in enumerate(children):
        between = separators[min(number, len(separators)) - 1] if number and separators else ""
        inner = latex.joined([inner, latex.symbols(between), _tex(child)])
    return latex.fenced(str(tag.get("open", "(")), inner, str(tag.get("close", ")")))


def _table(tag: Tag) -> str:
    rows = [_children(row) for row in _children(tag) if _kind(row) in ("mtr", "mlabeledtr")]
    labeled = [_kind(row) == "mlabeledtr" for row in _children(tag)]
    cells = [
        [_tex(cell) for cell in (row[1:] if has_label else row)]
        for row, has_label in zip(rows, labeled, strict=False)
    ]
    return latex.table(cells, is_aligned=str(tag.get("columnalign", "")).startswith("right left"))


def _multiscripts(children: Sequence[Tag]) -> str:
    """Return a base with pairs of scripts after it and, behind ``mprescripts``, before it."""
    kinds = [_kind(child) for child in children]
    cut = kinds.index("mprescripts") if "mprescripts" in kinds else len(children)
    after = [_tex(child) for child in children[1:cut]]
    before = [_tex(child) for child in children[cut + 1 :]]
    if not children or len(after) % 2 or len(before) % 2:
        raise latex.formula_error("MathML with <mmultiscripts> of unpaired scripts")
    written = _tex(children[0])
    for at in range(0, len(after), 2):
        written = latex.scripts(written, after[at], after[at + 1])
    leading = "".join(
        latex.scripts("", before[at], before[at + 1]) for at in range(0, len(before), 2)
    )
    return leading + written

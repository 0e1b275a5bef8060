"""LaTeX documents, through pylatexenc (extra ``files``): text as Markdown, formulas as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pylatexenc.latex2text import (
    EnvironmentTextSpec,
    LatexNodes2Text,
    MacroTextSpec,
    get_default_latex_context_db,
)
from pylatexenc.latexwalker import LatexWalker
from pylatexenc.latexwalker import get_default_latex_context_db as get_default_syntax
from pylatexenc.macrospec import EnvironmentSpec, MacroSpec

from equal_assets.resources.corpora.converted.result import Converted
from equal_assets.resources.corpora.converted.source import source_of

SECTIONS = {"part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4,
            "paragraph": 5, "subparagraph": 6}  # fmt: skip
CITATIONS = ("cite", "citep", "citet")
REFERENCES = ("ref", "eqref", "cref", "Cref", "autoref")
STYLES = {"textbf": "**", "emph": "*", "textit": "*", "textsl": "*", "texttt": "`"}
LEFT_OUT = ("label", "bibliographystyle", "bibliography", "vspace", "hspace", "includegraphics",
            "pagestyle", "thispagestyle", "setcounter", "addcontentsline", "index")  # fmt: skip
QUANTITIES = {
    **dict.fromkeys(("SI", "qty"), "[{[{"),
    **dict.fromkeys(("SIrange", "qtyrange"), "[{{{"),
    **dict.fromkeys(("SIlist", "qtylist"), "[{{"),
    **dict.fromkeys(("si", "unit", "numlist", "complexnum"), "[{"),
    **dict.fromkeys(("numrange",), "[{{"),
    **dict.fromkeys(("ce", "cf"), "{"),
}
"""Macros of siunitx and mhchem, with what they take: they stay as they are, as formulas do."""

FRACTIONS = ("nicefrac", "sfrac", "frac", "tfrac", "dfrac")
BOXES = ("mbox", "hbox", "fbox")
SIGNS = {"textgreater": ">", "textless": "<", "textbar": "|", "textbackslash": "\\",
         "textasciitilde": "~", "textasciicircum": "^", "pounds": "£", "textsterling": "£",
         "euro": "€", "texteuro": "€", "EUR": "€", "textperthousand": "‰", "textohm": "Ω",
         "textpm": "±", "textdiv": "÷", "textminus": "−", "textonesuperior": "¹",
         "texttwosuperior": "²", "textthreesuperior": "³"}  # fmt: skip
"""Characters that pylatexenc does not know."""

OWN = re.compile(
    r"\\(?:(?:re)?newcommand|providecommand|DeclareRobustCommand|DeclareMathOperator)\*?\s*"
    r"\{?\s*\\([A-Za-z]+)\s*\}?\s*(?:\[(\d)\])?(\[)?|\\def\s*\\([A-Za-z]+)((?:#\d)*)"
)
"""A macro that a document defines: its name, and how many arguments it takes."""

DEFINITION = re.compile(r"\\def\s*\\[A-Za-z]+(?:#\d)*\s*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}")

CODE = re.compile(
    r"[ \t]*\\begin\{(verbatim\*?|Verbatim|lstlisting|minted|alltt)\}"
    r"((?:\[[^\]]*\])?)((?:\{\w+\})?)[ \t]*\n?"
    r"(.*?)\n?[ \t]*\\end\{\1\}",
    re.DOTALL,
)
KEPT = re.compile(
    r"\\begin\{(tabular\*?|tabularx|array|algorithmic|tikzcd)\}.*?\\end\{\1\}", re.DOTALL
)
"""What has no simpler form than its LaTeX."""
LANGUAGE = re.compile(r"language=\{?(\w+)|\{(\w+)\}")
COMMENT = re.compile(r"(?<!\\)%.*\n?")
PARTS = ("theorem", "lemma", "proposition", "corollary", "definition", "proof", "example", "remark",
         "exercise", "problem", "solution", "claim", "conjecture", "abstract")  # fmt: skip
INCLUDED = re.compile(r"\\(?:input|include|subfile)\s*\{([^}]*)\}")


def convert_tex(path: Path) -> Converted:
    """Convert what is between the beginning and the end of a document, or all of a part."""
    source = source_of(path)
    body = re.search(r"\\begin\{document\}(.*?)(?:\\end\{document\}|\Z)", source, re.DOTALL)
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(text)
        return f"\n\nKEPT{len(kept) - 1}TEPK\n\n"

    text = CODE.sub(lambda found: keep(_fenced(found)), body[1] if body else source)
    text = DEFINITION.sub("", COMMENT.sub("", text))
    text = KEPT.sub(lambda found: keep(found[0]), text)
    text = INCLUDED.sub(lambda found: keep(f"[{found[1]}]"), text)
    text = _to_text(text, own=_own(source))
    text = re.sub(r"KEPT(\d+)TEPK", lambda found: kept[int(found[1])], text)
    return Converted(
        pages=[(None, re.sub(r"\n[ \t]*\n\s*\n", "\n\n", text).strip())],
        title=_stated(source, "title"),
        author=_stated(source, "author"),
    )


def _stated(source: str, name: str) -> str | None:
    r"""Return the argument of ``\title`` or ``\author``."""
    found = re.search(rf"\\{name}\s*(?:\[[^\]]*\])?\{{((?:[^{{}}]|\{{[^{{}}]*\}})*)\}}", source)
    return " ".join(_to_text(COMMENT.sub("", found[1])).split()) or None if found else None


def _fenced(found: re.Match[str]) -> str:
    named = LANGUAGE.search(found[2] + found[3])
    language = (named[1] or named[2]).lower() if named else ""
    return f"```{language}\n{found[4].strip(chr(10))}\n```"


def _own(source: str) -> dict[str, str]:
    """Return the macros that a document defines, with what they take."""
    found = {}
    for name, count, optional, by_def, places in OWN.findall(source):
        needed = int(count or 0) - bool(optional) if name else places.count("#")
        found[name or by_def] = ("[" if optional else "") + "{" * max(0, needed)
    return found


def _to_text(source: str, own: Mapping[str, str] | None = None) -> str:
    kept = {**QUANTITIES, **(own or {})}
    nodes, _, _ = LatexWalker(source, latex_context=_syntax(kept)).get_latex_nodes()
    texts = _texts(own or {})
    converter = LatexNodes2Text(latex_context=texts, math_mode="verbatim", keep_comments=False)
    return str(converter.nodelist_to_text(nodes)).replace("\xa0", " ")


def _syntax(kept: Mapping[str, str]) -> Any:
    """Return what macros take, where the defaults of pylatexenc do not say so."""
    syntax = get_default_syntax()
    arguments = {
        **dict.fromkeys(REFERENCES, "{"),
        **dict.fromkeys(CITATIONS, "*[[{"),
        **dict.fromkeys(SECTIONS, "*[{"),
        **dict.fromkeys(STYLES, "{"),
        "href": "{{",
        "url": "{",
        "footnote": "[{",
        "caption": "[{",
        "item": "[",
        **dict.fromkeys(("textsuperscript", "textsubscript", "ensuremath"), "{"),
        **dict.fromkeys(("num", "ang"), "[{"),
        **dict.fromkeys(FRACTIONS, "[{{"),
        **dict.fromkeys(BOXES, "{"),
        **kept,
    }
    macros = [MacroSpec(name, given) for name, given in arguments.items()]
    environments = [EnvironmentSpec(name, "[") for name in PARTS]
    syntax.add_context_category("here", macros=macros, environments=environments, prepend=True)
    return syntax


def _texts(own: Iterable[str]) -> Any:
    """Return how macros and environments are written."""
    texts = get_default_latex_context_db()
    macros = [
        *(MacroTextSpec(name, _heading(level)) for name, level in SECTIONS.items()),
        *(MacroTextSpec(name, _style(mark)) for name, mark in STYLES.items()),
        *(MacroTextSpec(name, discard=True, simplify_repl="") for name in LEFT_OUT),
        *(MacroTextSpec(name, _reference) for name in REFERENCES + CITATIONS),
        MacroTextSpec("footnote", lambda node, l2tobj: f" ({_last(node, l2tobj)})"),
        MacroTextSpec("caption", lambda node, l2tobj: f"\n\n{_last(node, l2tobj)}\n\n"),
        MacroTextSpec("url", lambda node, l2tobj: _last(node, l2tobj)),
        MacroTextSpec("href", _link),
        MacroTextSpec("item", _item),
        MacroTextSpec("verb", lambda node, l2tobj: f"`{node.nodeargd.verbatim_text}`"),
        MacroTextSpec("textsuperscript", lambda node, l2tobj: f"^{{{_last(node, l2tobj)}}}"),
        MacroTextSpec("textsubscript", lambda node, l2tobj: f"_{{{_last(node, l2tobj)}}}"),
        MacroTextSpec("num", _last),
        MacroTextSpec("ang", lambda node, l2tobj: f"{_last(node, l2tobj)}°"),
        MacroTextSpec("ensuremath", _formula),
        *(MacroTextSpec(name, _fraction) for name in FRACTIONS),
        *(MacroTextSpec(name, _last) for name in BOXES),
        *(MacroTextSpec(name, sign) for name, sign in SIGNS.items()),
        *(MacroTextSpec(name, _quantity) for name in QUANTITIES),
        *(MacroTextSpec(name, _as_it_is) for name in own),
        MacroTextSpec("maketitle", ""),
        MacroTextSpec("tableofcontents", ""),
    ]  # fmt: skip
    environments = [
        *(
            EnvironmentTextSpec(name, _list(name))
            for name in ("itemize", "enumerate", "description")
        ),
        *(EnvironmentTextSpec(name, _part) for name in PARTS),
        *(EnvironmentTextSpec(name, _quote) for name in ("quote", "quotation")),
        EnvironmentTextSpec("thebibliography", discard=True),
    ]
    texts.add_context_category("here", macros=macros, environments=environments, prepend=True)
    return texts


def _last(node: Any, l2tobj: LatexNodes2Text) -> str:
    arguments = node.nodeargd.argnlist if node.nodeargd else []
    return l2tobj.nodelist_to_text([arguments[-1]]).strip() if arguments and arguments[-1] else ""


def _fraction(node: Any, l2tobj: LatexNodes2Text) -> str:
    above, below = (l2tobj.nodelist_to_text([part]) for part in node.nodeargd.argnlist[-2:])
    return f"{above}/{below}"


def _formula(node: Any, l2tobj: LatexNodes2Text) -> str:
    return f"${node.nodeargd.argnlist[-1].latex_verbatim().removeprefix('{').removesuffix('}')}$"


def _quantity(node: Any, l2tobj: LatexNodes2Text) -> str:
    return f"${node.latex_verbatim()}$"


def _as_it_is(node: Any, l2tobj: LatexNodes2Text) -> str:
    return str(node.latex_verbatim())


def _heading(level: int) -> Any:
    return lambda node, l2tobj: f"\n\n{'#' * level} {' '.join(_last(node, l2tobj).split())}\n\n"


def _style(mark: str) -> Any:
    return lambda node, l2tobj: f"{mark}{_last(node, l2tobj)}{mark}"


def _reference(node: Any, l2tobj: LatexNodes2Text) -> str:
    return f"[{_last(node, l2tobj)}]"


def _link(node: Any, l2tobj: LatexNodes2Text) -> str:
    address = l2tobj.nodelist_to_text([node.nodeargd.argnlist[0]])
    return f"[{_last(node, l2tobj)}]({address})"


def _item(node: Any, l2tobj: LatexNodes2Text) -> str:
    label = _last(node, l2tobj)
    return f"\n{ITEM}{label}: " if label else f"\n{ITEM}"


ITEM = "\x02"
"""Where an item begins, until its list says how: none of its text has this character."""


def _list(name: str) -> Any:
    def write(node: Any, l2tobj: LatexNodes2Text) -> str:
        text = l2tobj.nodelist_to_text(node.nodelist)
        items = [item.strip().replace("\n", "\n  ") for item in text.split(ITEM)[1:]]
        marks = [f"{n}." if name == "enumerate" else "-" for n in range(1, len(items) + 1)]
        listed = (f"{mark} {item}" for mark, item in zip(marks, items, strict=True))
        return "\n\n" + "\n".join(listed) + "\n\n"

    return write


def _part(node: Any, l2tobj: LatexNodes2Text) -> str:
    named = _last(node, l2tobj)
    name = node.environmentname.capitalize() + (f" ({named})" if named else "")
    return f"\n\n**{name}.** {l2tobj.nodelist_to_text(node.nodelist).strip()}\n\n"


def _quote(node: Any, l2tobj: LatexNodes2Text) -> str:
    text = l2tobj.nodelist_to_text(node.nodelist).strip()
    return "\n\n" + "\n".join(f"> {line}" for line in text.splitlines()) + "\n\n"

"""Articles and books in XML: JATS (as of PubMed Central) and TEI (as of GROBID)."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted import latex
from equal_assets.resources.corpora.converted.html import markdown_of
from equal_assets.resources.corpora.converted.mathml import without_style
from equal_assets.resources.corpora.converted.result import Converted, UnusableFileError

SAME = {
    "p": "p", "sup": "sup", "sub": "sub", "table": "table", "thead": "thead", "tbody": "tbody",
    "tr": "tr", "td": "td", "th": "th", "row": "tr", "cell": "td", "italic": "em",
    "bold": "strong", "monospace": "code", "code": "code", "preformat": "pre", "eg": "pre",
    "disp-quote": "blockquote", "quote": "blockquote", "list-item": "li", "item": "li",
    "def-list": "dl", "term": "dt", "def": "dd", "figDesc": "p", "caption": "div", "fig": "div",
    "table-wrap": "div", "lb": "br", "break": "br", "boxed-text": "div", "statement": "div",
    "fn": "div", "verse-group": "blockquote", "verse-line": "p",
}  # fmt: skip
"""Elements, with those of HTML that mean the same."""
LEFT_OUT = (
    "ref-list", "listBibl", "graphic", "media", "object-id", "contrib-group", "aff", "pub-date",
    "permissions", "teiHeader", "counts", "kwd-group", "trans-abstract",
)  # fmt: skip
RENDERED = {
    "bold": "strong",
    "italic": "em",
    "sup": "sup",
    "superscript": "sup",
    "sub": "sub",
    "subscript": "sub",
}
FORMULAS = ("disp-formula", "inline-formula", "formula")
HEADINGS = ("title", "head")
GIVEN_NAMES = ("given-names", "forename")
NOTES = ("bibr", "fn", "table-fn", "foot", "note", "aff")
"""What a reference leads to whose number is raised, and is no power."""
BETWEEN_NOTES = re.compile(r"[\s,;–\-\[\]()]*")


def convert_article(path: Path) -> Converted:
    """Convert the abstract and the body of an article.

    Raises
    ------
    UnusableFileError
        If the file is other XML, or holds a formula as a picture alone.
    """
    root = ElementTree.fromstring(path.read_bytes())
    kind = _name(root)
    if kind in ("article", "book", "book-part") and root.find(".//{*}body") is not None:
        parts = [
            *root.iterfind(".//{*}front//{*}abstract"),
            *root.iterfind("./{*}body"),
            *root.iterfind("./{*}back/{*}app-group"),
            *root.iterfind("./{*}back/{*}fn-group"),
        ]
        title = root.find(".//{*}title-group/{*}article-title")
        authors = [
            _person(name)
            for name in root.iterfind(".//{*}front//{*}contrib[@contrib-type='author']/{*}name")
        ]
    elif kind in ("TEI", "TEI.2", "teiCorpus"):
        parts = [
            *root.iterfind(".//{*}profileDesc/{*}abstract"),
            *root.iterfind(".//{*}text/{*}body"),
        ]
        title = root.find(".//{*}titleStmt/{*}title")
        authors = [
            _person(next(author.iterfind(".//{*}persName"), author))
            for author in root.iterfind(".//{*}titleStmt/{*}author")
        ]
    else:
        detail = f"XML of <{kind}>: must be an article of JATS or TEI"
        raise UnusableFileError(Reason.UNREADABLE_FILE, detail)
    license_link = root.find(".//{*}license")
    href = (
        "" if license_link is None else license_link.get("{http://www.w3.org/1999/xlink}href", "")
    )
    return Converted(
        pages=[(None, markdown_of("".join(_section(part) for part in parts)))],
        title=" ".join("".join(title.itertext()).split()) if title is not None else None,
        author=", ".join(author for author in authors if author) or None,
        license=href or None,
    )


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _person(name: Element) -> str:
    """Return a name with what is given first, wherever it stands."""
    given = [part for part in name if _name(part) in GIVEN_NAMES]
    family = [part for part in name if _name(part) == "surname"]
    parts = [*given, *family] if family else [name]
    return " ".join(" ".join(text for part in parts for text in part.itertext()).split())


def _section(part: Element) -> str:
    """Return a part of the article as HTML, an abstract under a heading of its own."""
    is_abstract = _name(part) == "abstract"
    own = any(_name(child) in HEADINGS for child in part)
    return ("<h1>Abstract</h1>" if is_abstract and not own else "") + _inner(part, 1)


def _inner(element: Element, level: int) -> str:
    html = escape(element.text or "")
    for child in element:
        html += _html(child, level) + escape(child.tail or "")
    return html


def _html(element: Element, level: int) -> str:
    name = _name(element)
    if not name or name in LEFT_OUT:
        return ""
    if name in FORMULAS:
        return _formula(element)
    if name == "math":
        return ElementTree.tostring(_without_tail(element), encoding="unicode")
    if numbers := _notes(element):
        return escape(f"[{numbers}]")
    if name in HEADINGS:
        return f"<h{min(level, 6)}>{_inner(element, level)}</h{min(level, 6)}>"
    if name in ("sec", "div", "div1", "div2", "div3", "app"):
        has_heading = any(_name(child) in HEADINGS for child in element)
        return f"<div>{_inner(element, level + (1 if has_heading and name != 'app' else 0))}</div>"
    if name == "hi":
        tags = [RENDERED[word] for word in element.get("rend", "").split() if word in RENDERED]
        return (
            "".join(f"<{t}>" for t in tags)
            + _inner(element, level)
            + "".join(f"</{t}>" for t in tags[::-1])
        )
    if name == "list":
        kind = (
            "ol"
            if element.get("list-type", element.get("rend", "")) in ("order", "numbered", "ordered")
            else "ul"
        )
        return f"<{kind}>{_inner(element, level)}</{kind}>"
    if name in ("ext-link", "uri"):
        href = element.get("{http://www.w3.org/1999/xlink}href", "")
        return f'<a href="{escape(href, quote=True)}">{_inner(element, level)}</a>'
    if name == "code" and "\n" in (element.text or ""):
        return f"<pre>{_inner(element, level)}</pre>"
    tag = SAME.get(name)
    return f"<{tag}>{_inner(element, level)}</{tag}>" if tag else _inner(element, level)


def _notes(element: Element) -> str | None:
    """Return the numbers of notes that are raised and nothing else is, as of references."""
    name, text = _name(element), "".join(element.itertext())
    if _is_note(element):
        raised = [part for part in element if _name(part) in ("sup", "hi")]
        is_raised = any("".join(part.itertext()).strip() == text.strip() for part in raised)
        return text.strip().strip("[]()") if is_raised else None
    is_sup = name == "sup" or (name == "hi" and "sup" in element.get("rend", ""))
    notes = [part for part in element.iter() if _is_note(part)] if is_sup else []
    beside = text
    for note in notes:
        beside = beside.replace("".join(note.itertext()), "", 1)
    if not notes or not BETWEEN_NOTES.fullmatch(beside):
        return None
    return re.sub(r"[\[\]()\s]+", "", text)


def _is_note(element: Element) -> bool:
    kind = element.get("ref-type") if _name(element) == "xref" else element.get("type")
    return _name(element) in ("xref", "ref") and kind in NOTES


def _formula(element: Element) -> str:
    """Return a formula: its LaTeX, else its MathML, else its text."""
    is_alone = _name(element) == "disp-formula"
    for source in element.iterfind(".//{*}tex-math"):
        return _written("".join(source.itertext()), is_alone)
    math = element.find(".//{http://www.w3.org/1998/Math/MathML}math")
    if math is not None:
        math = _without_tail(math)
        math.set("display", "block" if is_alone else "inline")
        return ElementTree.tostring(math, encoding="unicode")
    text = "".join(element.itertext()).strip()
    if not text:
        raise latex.formula_error("a formula as a picture alone")
    if element.get("notation", "").lower() in ("tex", "latex"):
        return _written(text, is_alone)
    return f" {_inner(element, 1)} "


def _written(tex: str, is_alone: bool) -> str:
    """Return LaTeX, which publishers give as a whole document, between dollar signs."""
    body = re.search(r"\\begin\{document\}(.*)\\end\{document\}", tex, re.DOTALL)
    tex = (body[1] if body else tex).strip()
    tex = re.sub(r"^(?:\$\$?|\\[(\[])|(?:\$\$?|\\[)\]])$", "", tex)
    written = latex.display(without_style(tex)) if is_alone else latex.inline(without_style(tex))
    return f"<p>{escape(written)}</p>" if is_alone else escape(written)


def _without_tail(element: Element) -> Element:
    copy = ElementTree.fromstring(ElementTree.tostring(element))
    copy.tail = None
    return copy

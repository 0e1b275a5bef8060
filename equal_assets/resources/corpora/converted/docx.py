"""Word documents, through mammoth (extra ``files``); their equations become LaTeX first."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import mammoth
from bs4 import BeautifulSoup
from mammoth.docx.dingbats import dingbats

from equal_assets.resources.corpora.candidates import Reason
from equal_assets.resources.corpora.converted import latex
from equal_assets.resources.corpora.converted.html import PARSER, markdown_of
from equal_assets.resources.corpora.converted.omml import MATH, WORD, tex_of
from equal_assets.resources.corpora.converted.result import (
    Converted,
    UnusableFileError,
    open_archive,
)

CODE_STYLES = ("Source Code", "Code", "HTML Preformatted", "Preformatted Text", "Plain Text")
QUOTE_STYLES = ("Quote", "Intense Quote", "Block Text", "Quotations")
PROPERTIES = "docProps/core.xml"
OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
TEXTS = re.compile(r"word/(?:document\d*|footnotes|endnotes)\.xml")
PICTURED = re.compile(rb'ProgID="(Equation\.[\w.]+|MathType[\w.]*)"')
"""Equations as older editors embed them: pictures, for the reader of a document."""
STYLES = "\n".join(
    [
        *(f"p[style-name='{name}'] => pre:separator('\\n')" for name in CODE_STYLES),
        *(f"p[style-name='{name}'] => blockquote > p:fresh" for name in QUOTE_STYLES),
    ]
)
SYMBOL = re.compile("[\uf020-\uf0ff]")
"""Where Word puts the letters of fonts that are no alphabets."""

RAISED_HALF_POINTS, RAISED_CHARACTERS = 4, 12
"""From which letters are a power or an index; lines are shifted by less to look even."""

INLINE, ALONE = MATH + "oMath", MATH + "oMathPara"


def convert_docx(path: Path) -> Converted:
    """Convert a document by the styles of its paragraphs; pictures are left out.

    Raises
    ------
    UnusableFileError
        If it cannot be read, or holds an equation that has no LaTeX form.
    """
    with path.open("rb") as file:
        if file.read(len(OLE_MAGIC)) == OLE_MAGIC:
            detail = "a document with a password, or one of Word 97 to 2003"
            raise UnusableFileError(Reason.ENCRYPTED_FILE, detail)
    with open_archive(path) as archive:
        names = archive.namelist()
        properties = archive.read(PROPERTIES) if PROPERTIES in names else b""
        document = _with_latex(archive)
    no_pictures = mammoth.images.img_element(lambda image: {})
    html = mammoth.convert_to_html(document, convert_image=no_pictures, style_map=STYLES).value
    stated = BeautifulSoup(properties, PARSER)
    return Converted(
        pages=[(None, markdown_of(html))],
        title=_text(stated, "dc:title"),
        author=_text(stated, "dc:creator"),
    )


def _with_latex(archive: zipfile.ZipFile) -> io.BytesIO:
    """Return a document whose equations are text: mammoth leaves them out."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as copy:
        for part in archive.infolist():
            content = archive.read(part)
            if TEXTS.fullmatch(part.filename):
                pictured = PICTURED.findall(content)
                if pictured:
                    raise latex.formula_error(
                        f"equations as objects of {pictured[0].decode()}: {len(pictured)}; "
                        "convert them in Word (MathType: Convert Equations)"
                    )
                root = ElementTree.fromstring(content)
                _write_equations(root)
                _accept_moves(root)
                _write_symbols(root)
                _write_positions(root)
                content = ElementTree.tostring(root)
            copy.writestr(part.filename, content)
    written.seek(0)
    return written


def _write_equations(parent: Element) -> None:
    """Replace the equations under an element by runs of text."""
    for at, child in enumerate(list(parent)):
        if child.tag == ALONE:
            equations = [tex_of(equation) for equation in child.iter(INLINE)]
            run = _run(" ".join(latex.display(tex) for tex in equations if tex.strip()))
            parent[at] = run if parent.tag == WORD + "p" else _paragraph(run)
        elif child.tag == INLINE:
            tex = tex_of(child)
            run = _run(latex.inline(tex) if tex.strip() else "")
            parent[at] = run if parent.tag != WORD + "body" else _paragraph(run)
        else:
            _write_equations(child)


def _accept_moves(root: Element) -> None:
    """Read text that was moved where it is now: mammoth knows insertions and deletions alone."""
    for old, new in (("moveFrom", "del"), ("moveTo", "ins")):
        for tag in root.iter(WORD + old):
            tag.tag = WORD + new


def _write_positions(root: Element) -> None:
    """Mark a few letters as raised or lowered that are so by their place at the line alone."""
    for run in root.iter(WORD + "r"):
        properties = run.find(WORD + "rPr")
        place = run.find(f"{WORD}rPr/{WORD}position")
        height = "0" if place is None else place.get(WORD + "val", "0")
        is_short = sum(len(text.text or "") for text in run.iter(WORD + "t")) <= RAISED_CHARACTERS
        if properties is None or not is_short or not re.fullmatch(r"-?\d{1,4}", height):
            continue
        if abs(int(height)) >= RAISED_HALF_POINTS and properties.find(WORD + "vertAlign") is None:
            where = "superscript" if int(height) > 0 else "subscript"
            ElementTree.SubElement(properties, WORD + "vertAlign", {WORD + "val": where})


def _write_symbols(root: Element) -> None:
    """Write what fonts of symbols draw: in a document, their letters are no characters."""
    for run in root.iter(WORD + "r"):
        font = run.find(f"{WORD}rPr/{WORD}rFonts")
        named = "Symbol" if font is None else font.get(WORD + "ascii", "Symbol")
        for text in run.iter(WORD + "t"):
            for sign in set(SYMBOL.findall(text.text or "")):
                drawn = dingbats.get((named, ord(sign) & 0xFF))
                text.text = (text.text or "").replace(sign, chr(drawn) if drawn else sign)


def _run(text: str) -> Element:
    run = Element(WORD + "r")
    ElementTree.SubElement(run, WORD + "t", {XML_SPACE: "preserve"}).text = text
    return run


def _paragraph(run: Element) -> Element:
    paragraph = Element(WORD + "p")
    paragraph.append(run)
    return paragraph


XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"


def _text(soup: BeautifulSoup, name: str) -> str | None:
    tag = soup.find(name)
    return tag.get_text(" ", strip=True) or None if tag else None

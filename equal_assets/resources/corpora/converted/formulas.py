r"""Formulas of pages: each is replaced by its LaTeX, once, between dollar signs.

Pages carry a formula as MathML, as a script for MathJax, as what KaTeX or MathJax has drawn, or as
a picture with LaTeX as its text; often as several of these at once. What a page leaves as text for
a script to draw, ``\(x\)`` or ``$x$``, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import unquote_plus

from bs4 import BeautifulSoup, Tag

from equal_assets.resources.corpora.converted import latex
from equal_assets.resources.corpora.converted.mathml import is_display, tex_of, without_style

SCRIPT = re.compile(r"\s*math/(tex|mml|asciimath)\b", re.IGNORECASE)
DRAWN = (
    ".MathJax, .MathJax_Display, .MathJax_SVG, .MathJax_SVG_Display, .MathJax_CHTML, mjx-container"
)
PREVIEW = ".MathJax_Preview"
PICTURES = re.compile(
    r"(?:^|\s|-)(?:math|tex|latex|formula\w*|equation\w*|Wirisformula|ql-img\S*)(?:$|\s|-)",
    re.IGNORECASE,
)
RENDERERS = re.compile(
    r"(?:latex\.codecogs\.com/[^?]*\?|latex\.php\?(?:\w+=[^&]*&)*?latex=|(?:mathtex|mimetex)\.cgi\?"
    r"|math\.vercel\.app/?\?\w+=|chart\?cht=tx&chl=)([^#]+)"
)
DELIMITED = re.compile(r"\s*(?:\$\$?|\\[(\[]).*(?:\$\$?|\\[)\]])\s*", re.DOTALL)
SPOKEN = re.compile(r"[a-z]{2,}(?: [a-z]{2,}){2,}", re.IGNORECASE)
"""Three words in a row are a description, not LaTeX."""


def write_formulas(soup: Tag) -> None:
    """Replace the formulas of a page by LaTeX.

    Raises
    ------
    UnusableFileError
        If a formula is there in a form that has no LaTeX: better no page than other numbers.
    """
    for tag in soup.select(".mwe-math-element"):
        _replace_wiki(tag)
    for tag in soup.select(".katex-display, .katex"):
        if tag.parent is not None:  # not inside one that is replaced
            _replace_katex(tag)
    for script in _standing(soup, lambda: soup.find_all("script", type=SCRIPT)):
        _replace_script(script)
    for tag in _standing(soup, lambda: soup.select(DRAWN)):
        _replace_drawn(tag)
    for math in _standing(soup, lambda: soup.find_all(re.compile(r"^(?:\w+:)?math$"))):
        _replace(math, tex_of(math), alone=is_display(math))
    for picture in soup.find_all("img"):
        _replace_picture(picture)
    for tag in soup.select("span.math.inline, span.math.display, div.math, tex-math"):
        is_tex = tag.get_text().strip() and not tag.find(True)  # others are letters with <sup>
        if is_tex and not DELIMITED.fullmatch(tag.get_text()) and "\\begin" not in tag.get_text():
            is_alone = tag.name == "div" or "display" in tag.get_attribute_list("class")
            _replace(tag, tag.get_text(), alone=is_alone)


def _standing(soup: Tag, find: Callable[[], list[Tag]]) -> Iterator[Tag]:
    """Yield what is found, less what has been replaced with another of them."""
    for tag in find():
        if tag.parent is not None:
            yield tag


def _replace(tag: Tag, tex: str, *, alone: bool) -> None:
    tex = without_style(tex)
    text = latex.display(tex) if alone else latex.inline(tex)
    written = BeautifulSoup("", "html.parser").new_tag(
        "p" if alone and not _is_within_line(tag) else "span"
    )
    written.string = text if tex else ""
    tag.replace_with(written)
    tag.decompose()


def _is_within_line(tag: Tag) -> bool:
    return (
        tag.find_parent(["p", "li", "td", "th", "dt", "h1", "h2", "h3", "h4", "h5", "h6"])
        is not None
    )


def _replace_wiki(tag: Tag) -> None:
    """MediaWiki: MathML that is hidden, and a picture with the same LaTeX as its text."""
    math, picture = tag.find("math"), tag.find("img")
    stated = math or picture
    if stated is None:
        return
    tex = tex_of(math) if math else str(picture.get("alt") or "") if picture else ""
    named = f"{stated.get('class', '')} {tag.get('class', '')}"
    is_alone = "display" in named or "block" in named
    _replace(tag, tex, alone=is_alone or (math is not None and is_display(math)))


def _replace_katex(tag: Tag) -> None:
    """KaTeX: MathML for screen readers with its source, and spans that draw the same."""
    math = tag.find("math")
    if math is None:
        raise latex.formula_error("a formula drawn by KaTeX without its source (output: html)")
    _replace(
        tag,
        tex_of(math),
        alone="katex-display" in tag.get_attribute_list("class") or is_display(math),
    )


def _replace_script(script: Tag) -> None:
    """MathJax 2: the source is a script; what stands before it is drawn from that."""
    kind = SCRIPT.match(str(script["type"]))
    for drawn in script.find_previous_siblings(limit=2):
        if drawn.select_one(DRAWN) or _is_any(drawn, f"{DRAWN}, {PREVIEW}"):
            drawn.decompose()
    text = unescape(script.get_text())  # some generators escape what is no HTML there
    if kind and kind[1].lower() == "mml":
        math = BeautifulSoup(text, "html.parser").find(re.compile(r"^(?:\w+:)?math$"))
        if isinstance(math, Tag):
            _replace(script, tex_of(math), alone=is_display(math))
        return
    if kind and kind[1].lower() == "asciimath":
        raise latex.formula_error(f"a formula in AsciiMath: {text.strip()[:40]}")
    _replace(script, text, alone="mode=display" in re.sub(r"\s", "", str(script["type"])))


def _is_any(tag: Tag, selector: str) -> bool:
    return bool(tag.css.match(selector))


def _replace_drawn(tag: Tag) -> None:
    """MathJax without a script: MathML is for screen readers, in an attribute or beside it."""
    stated = tag.get("data-mathml") or next(
        (str(part["data-mathml"]) for part in tag.select("[data-mathml]")), None
    )
    found = BeautifulSoup(str(stated), "html.parser").math if stated else tag.find("math")
    if not isinstance(found, Tag):
        raise latex.formula_error("a formula drawn by MathJax without its source or MathML")
    is_alone = tag.get("display") == "true" or "Display" in str(tag.get("class", ""))
    _replace(tag, tex_of(found), alone=is_alone or is_display(found))


def _replace_picture(picture: Tag) -> None:
    """Replace a picture of a formula; its text is LaTeX, or its address asks a server for one."""
    named = " ".join(str(name) for name in picture.get_attribute_list("class") if name)
    asked = RENDERERS.search(str(picture.get("src", "")))
    if not (asked or PICTURES.search(named)):
        return
    if picture.get("data-mathml"):
        math = BeautifulSoup(str(picture["data-mathml"]).translate(WIRIS), "html.parser").math
        if isinstance(math, Tag):
            _replace(picture, tex_of(math), alone=is_display(math))
            return
    alt = str(picture.get("alt") or picture.get("title") or "").strip()
    tex = alt if alt and not SPOKEN.search(re.sub(r"\\\w+(\{[^}]*\})?", "", alt)) else ""
    tex = tex or (unquote_plus(re.sub(r"&(?:bg|fg|s|c)=.*", "", asked[1])) if asked else "")
    if not (tex or alt):
        raise latex.formula_error("a picture of a formula without a text (alt)")
    if not tex:
        picture.replace_with(f"[{alt}]")
        return
    inner = re.fullmatch(r"\s*(\$\$?|\\\(|\\\[)(.*?)(?:\$\$?|\\\)|\\\])\s*", tex, re.DOTALL)
    is_alone = (
        bool(inner and inner[1] in ("$$", r"\[")) or "isplay" in named or "formulaDsp" in named
    )
    _replace(picture, inner[2] if inner else tex, alone=is_alone)


WIRIS = str.maketrans("«»¨§`", "<>\"&'")
"""The editor of WIRIS writes MathML into an attribute with these for what would end it."""

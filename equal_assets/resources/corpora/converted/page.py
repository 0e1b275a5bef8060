"""Pages of sites: what is around the text is taken away, so that its main part remains.

Pages mark that part by an element, a role, or a class that a generator of sites gives it. A mark is
believed if most of the text is in it, and nothing is taken away that holds the page's heading.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag

AROUND = (
    "nav, footer, dialog, [role=navigation], [role=contentinfo], [role=search], [role=banner], "
    "[role=complementary], [role=dialog], [role=alertdialog], [role=menu], [role=menubar]"
)
NAMES = re.compile(
    r"(?:(?!has|with|no|is|not|without)\w+[-_])*"
    r"(?:(?:top|bottom|sub|site|main)?-?nav|navbar|navheader|navfooter|navigation|navbox|navpath|breadcrumbs?|sidebar|sphinxsidebar|toc|table-of-contents"
    r"|menu|footer|cookies?|cookie-?(?:banner|bar|consent|notice)|consent|gdpr|share|sharing|social"
    r"|pagination|pager|prev-?next|copyright|skip-?(?:link|nav|to-content|to-main)|jump-link"
    r"|related(?:-(?:posts|pages|articles|topics))?|newsletter|adverts?|advertisements?|ads|promo|popup|modal"
    r"|rst-footer-buttons|printfooter|catlinks|editsection|viewcode-link|viewcode-back|noprint|version-badge)"
)
"""Classes and ids of what is around a text, as whole words."""
BLOCKS = ["div", "section", "header", "aside", "ul", "ol", "p", "table", "span", "a", "td", "form"]
KEPT_ASIDES = re.compile(
    r"admonition|note|warning|caution|danger|important|tip|hint|info|callout|alert|topic|example|"
    r"footnote|theorem|definition|remark|exercise|solution|proof|citation|pull",
    re.IGNORECASE,
)
MAIN = ("[role=main]", "main", "article")
CONTENT = (
    "#mw-content-text, #bodyContent, div.body, div.contents, .entry-content, .post-content, "
    ".article-content, .article-body, .markdown-body, .ltx_page_content, .page-inner, "
    "#main-content, #main, #content, .content"
)
DOCUMENT = "[document]"
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
MARKS = re.compile(
    r"[\s¶#§🔗⚓∞\uf0c1\u200b]*|(?:perma)?link(?: to this (?:heading|headline|section))?|anchor",
    re.I,
)
"""The text of a link from a heading to itself."""
STEPS = "a[rel~=next], a[rel~=prev], a[rel~=previous], a[accesskey=n], a[accesskey=p], a[rel~=up]"
STEP = re.compile(r"[\s|(\[]*(?:[«»‹›←→<>]|(?:next|prev(?:ious)?|up)\b\s*[:»›→|])", re.IGNORECASE)
BESIDE_LINKS = 60
"""Most characters beside the links in a line that only leads on."""
COPYRIGHT = re.compile(r"\s*(?:©|\(c\)\s|copyright\s+(?:©|\(c\)|\d{4}))", re.IGNORECASE)
SHORT = 300
"""Most characters of a line of links or rights; more is text that holds a link."""
MOST = 0.5


def main_part(soup: BeautifulSoup) -> Tag:
    """Return the part of a page that is its text; the page is changed."""
    page = soup.body or soup
    _remove_marks(page)
    marked = _marked(page)
    _remove_around(page, marked)
    main = marked or _content(page) or page
    _remove_steps(main)
    headings = page("h1")
    if len(headings) == 1 and not headings[0].find_parent("header") and not main.find("h1"):
        main.insert(0, headings[0].extract())
    return main


def _remove_marks(page: Tag) -> None:
    """Take away links from headings to themselves, and icons; formulas are written already."""
    for link in page("a", href=re.compile("#")):
        inside = link.find_parent(
            [*HEADINGS, "dt", "caption", "figcaption", "summary", "p", "span"]
        )
        if (
            inside is not None
            and MARKS.fullmatch(link.get_text(strip=True))
            and not link.find("img")
        ):
            link.decompose()
    for icon in page.select("i[aria-hidden=true], span[aria-hidden=true], a[aria-hidden=true]"):
        icon.decompose()


def _marked(page: Tag) -> Tag | None:
    """Return the element that a page marks as its main part, if it is one and holds the text."""
    for selector in MAIN:
        found = [tag for tag in page.select(selector) if not _is_inside(tag, selector)]
        if (
            len(found) == 1
            and _length(found[0])
            and (selector != "article" or _holds_most(found[0], page))
        ):
            return found[0]
    return None


def _is_inside(tag: Tag, selector: str) -> bool:
    return any(
        bool(parent.css.match(selector)) for parent in tag.parents if parent.name != DOCUMENT
    )


def _length(tag: Tag) -> int:
    return len(tag.get_text(" ", strip=True))


def _holds_most(tag: Tag, page: Tag) -> bool:
    links = sum(_length(link) for link in page("a") if not link.find_parent(tag.name))
    return _length(tag) >= MOST * max(1, _length(page) - links)


def _remove_around(page: Tag, main: Tag | None) -> None:
    """Take away menus, footers, banners and the like; in a marked part, those that it holds too."""
    kept = set(map(id, [*main.parents, main])) if main else set()
    for tag in page.select(AROUND):
        is_whole = tag.parent is not None and not tag.find_parent("blockquote")
        if is_whole and id(tag) not in kept and not _holds_heading(tag):
            tag.decompose()
    for tag in page(BLOCKS):
        if tag.parent is None or id(tag) in kept:
            continue
        is_around = any(NAMES.fullmatch(name) for name in _names(tag))
        if is_around and not _holds_heading(tag) and _length(tag) < MOST * _length(page):
            tag.decompose()
    for tag in page("aside"):
        if tag.parent is not None and not _is_kept_aside(tag, main):
            tag.decompose()
    for tag in page("header"):
        if tag.parent is not None and id(tag) not in kept and not tag.find(HEADINGS):
            tag.decompose()


def _names(tag: Tag) -> list[str]:
    """Return classes and id in lower case, with words apart: ``topNav`` is ``top-nav``."""
    names = [str(name) for name in [*tag.get_attribute_list("class"), tag.get("id")] if name]
    return [re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower() for name in names]


def _holds_heading(tag: Tag) -> bool:
    return tag.find(["h1", "main", "article"]) is not None


def _is_kept_aside(aside: Tag, main: Tag | None) -> bool:
    """Tell whether an aside is part of the text: a note in the main part, not a list of links."""
    stated = " ".join([*_names(aside), str(aside.get("role", "")), str(aside.get("epub:type", ""))])
    if KEPT_ASIDES.search(stated):
        return True
    in_links = sum(_length(link) for link in aside("a"))
    is_inside = main is None or any(parent is main for parent in aside.parents)
    return is_inside and in_links < MOST * max(1, _length(aside))


def _content(page: Tag) -> Tag | None:
    """Return the part that generators of sites call the content, if most of the text is in it."""
    for tag in page.select(CONTENT):
        if _length(tag) >= MOST * max(1, _length(page)):
            return tag
    return None


def _remove_steps(main: Tag) -> None:
    """Take away lines of links to the pages before and after, and of rights at the end."""
    for block in main(["p", "div", "ul", "table", "header"]):
        if block.parent is not None and block is not main and _leads_on(block):
            block.decompose()
    for block in main.find_all(["p", "div", "small", "address"])[-3:]:
        is_short = _length(block) <= SHORT
        if block.parent is not None and is_short and COPYRIGHT.match(block.get_text()):
            block.decompose()


def _leads_on(block: Tag) -> bool:
    """Tell whether a block is links to neighbors of the page and little else."""
    if _length(block) > SHORT or block.find([*HEADINGS, "pre", "main"]):
        return False
    in_links = sum(_length(link) for link in block("a"))
    is_links = in_links > 0 and _length(block) - in_links <= BESIDE_LINKS
    return is_links and bool(block.select_one(STEPS) or STEP.match(block.get_text()))

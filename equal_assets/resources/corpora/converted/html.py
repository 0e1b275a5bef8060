"""HTML to Markdown: headings, lists, tables and code are kept (extra ``files``)."""

from __future__ import annotations

import re
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from markdownify import MarkdownConverter

from equal_assets.resources.corpora.converted.result import Converted

NOT_TEXT = ["script", "style", "noscript", "template", "svg", "iframe", "form"]
AROUND_THE_TEXT = ["nav", "footer", "aside"]
PARSER = "html.parser"  # of the standard library; lxml is 8% faster at conversion to Markdown
LANGUAGE = re.compile(r"\blang(?:uage)?-([\w+#.-]+)")  # a class, as highlighters read it


class _Markdown(MarkdownConverter):
    class Options:
        heading_style = "atx"
        bullets = "-"
        escape_asterisks = False  # formulas and names are read by models, not rendered
        escape_underscores = False
        table_infer_header = True

    def convert_a(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        is_elsewhere = str(el.get("href", "")).startswith(("http://", "https://"))
        return super().convert_a(el, text, parent_tags) if is_elsewhere else text

    def convert_img(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return str(el.get("alt") or "")

    def convert_td(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return super().convert_td(el, text.replace("|", "\\|"), parent_tags)

    def convert_th(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return super().convert_th(el, text.replace("|", "\\|"), parent_tags)

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        code = text.strip("\n")
        runs = re.findall(r"`{3,}", code)
        fence = "`" * (
            max(map(len, runs), default=2) + 1
        )  # code that contains a fence needs a longer one
        named = LANGUAGE.search(" ".join(_classes(el) + _classes(el.code)))
        language = named[1] if named else ""
        return f"\n\n{fence}{language}\n{code}\n{fence}\n\n" if code.strip() else ""


def _classes(tag: Tag | None) -> list[str]:
    return [str(name) for name in tag.get_attribute_list("class")] if tag else []


def markdown_of(html: str | BeautifulSoup | Tag) -> str:
    """Return a page, or a part of one, as Markdown; links within a site become plain text."""
    soup = BeautifulSoup(html, PARSER) if isinstance(html, str) else html
    for tag in soup(NOT_TEXT):
        tag.decompose()
    for table in soup("table"):
        if table.find("table"):
            _unwrap_layout(table)
    return str(_Markdown().convert_soup(soup)).strip()


def _unwrap_layout(table: Tag) -> None:
    """Turn a table that holds tables into blocks: pages were laid out so before 2005."""
    for tag in table.find_all(["thead", "tbody", "tr", "td", "th"]):
        if tag.find_parent("table") is table:
            tag.name = "div"
    table.name = "div"


def convert_html(path: Path) -> Converted:
    """Convert a page; if it marks its main part, only that part."""
    soup = BeautifulSoup(path.read_bytes(), PARSER)
    title, canonical = soup.title, soup.find("link", rel="canonical", href=True)
    author = soup.find("meta", attrs={"name": "author"}, content=True)
    license_link = soup.find(["link", "a"], rel="license", href=True)
    for tag in soup(AROUND_THE_TEXT):
        tag.decompose()
    marked = soup.find_all("main") or soup.find_all("article")
    main = marked[0] if len(marked) == 1 else soup.body or soup
    return Converted(
        pages=[(None, markdown_of(main))],
        title=title.get_text(" ", strip=True) if title else None,
        author=str(author["content"]) if author else None,
        url=str(canonical["href"]) if canonical else None,
        license=str(license_link["href"]) if license_link else None,
    )

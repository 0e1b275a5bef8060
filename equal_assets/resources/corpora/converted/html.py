"""HTML to Markdown: headings, lists, tables, code and formulas are kept (extra ``files``)."""

from __future__ import annotations

import re
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString, Tag
from markdownify import MarkdownConverter

from equal_assets.resources.corpora.converted.formulas import write_formulas
from equal_assets.resources.corpora.converted.page import main_part
from equal_assets.resources.corpora.converted.result import Converted

NOT_TEXT = ["script", "style", "noscript", "template", "svg", "iframe", "button", "input", "select",
            "textarea", "canvas", "audio", "video", "clipboard-copy"]  # fmt: skip
LINE_NUMBERS = (
    ".linenos, .lineno, .linenodiv, .line-numbers-rows, .line-number, .ln, .blob-num, td.gutter, "
    ".rouge-gutter, .hljs-ln-numbers, .lnt, .CodeMirror-linenumber, .copybtn, .copy-button"
)
BLOCKS = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "pre",
    "table",
    "article",
    "main",
    "section",
    "li",
]
PARSER = "html.parser"  # of the standard library; lxml is 8% faster at conversion to Markdown
LANGUAGE = re.compile(
    r"\b(?:lang(?:uage)?-|highlight-(?:source-)?|brush:\s*|sourceCode\s+)([\w+#.-]+)"
)
"""In a class, as highlighters read it."""
HIGHLIGHTED = re.compile(r"^highlight-(?:source-)?\w|^language-")
PLAIN = re.compile(r"(?:st|nd|rd|th|er|re|nd|ère|ème|TM|SM|\(R\)|[™®℠]|)", re.IGNORECASE)
"""What is raised without being a power: ordinals and trademarks."""
BACK = re.compile(r"[↑↩⏎^\ufe0e\ufe0f\s]*")
"""The text of a link from a footnote to its place."""


RAISED = re.compile(r"vertical-align\s*:\s*(super|sub)\b", re.IGNORECASE)
"""How editors such as Google Docs write what is raised or lowered."""

HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
"""What no reader of a line sees, such as a key to sort by before a number."""

NOTE = re.compile(r"\b(?:doc-)?noteref\b")


SOFT_HYPHEN = "\xad"


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
        return super().convert_td(el, _cell(text), parent_tags)

    def convert_th(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return super().convert_th(el, _cell(text), parent_tags)

    def convert_sup(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return text if PLAIN.fullmatch(text.strip()) else f"^{{{text.strip()}}}"

    def convert_sub(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"_{{{text.strip()}}}" if text.strip() else ""

    def convert_rp(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return ""

    def convert_rt(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"({text.strip()})" if text.strip() else ""

    def convert_summary(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        return f"\n\n{text.strip()}\n\n"

    def convert_pre(self, el: Tag, text: str, parent_tags: set[str]) -> str:
        code = text.strip("\n")
        runs = re.findall(r"`{3,}", code)
        fence = "`" * (
            max(map(len, runs), default=2) + 1
        )  # code that contains a fence needs a longer one
        around = el.find_parent(class_=HIGHLIGHTED)
        stated = [*_classes(el), *_classes(el.code), *_classes(around)]
        named = LANGUAGE.search(" ".join(stated))
        language = named[1] if named and named[1] not in NO_LANGUAGES else ""
        return f"\n\n{fence}{language}\n{code}\n{fence}\n\n" if code.strip() else ""


NO_LANGUAGES = ("default", "none", "text", "plaintext", "notranslate")


def _cell(text: str) -> str:
    r"""Return a cell without bars that would end it; in LaTeX, ``\|`` is another sign."""
    parts = re.split(r"(\$[^$]+\$)", text)
    parts[::2] = [part.replace("|", "\\|") for part in parts[::2]]
    parts[1::2] = [part.replace(r"\|", r"\Vert ").replace("|", r"\vert ") for part in parts[1::2]]
    return "".join(parts)


def _classes(tag: Tag | None) -> list[str]:
    return [str(name) for name in tag.get_attribute_list("class") if name] if tag else []


def markdown_of(html: str | BeautifulSoup | Tag) -> str:
    """Return a page, or a part of one, as Markdown; links within a site become plain text.

    Raises
    ------
    UnusableFileError
        If a formula cannot be written as LaTeX.
    """
    soup = BeautifulSoup(html, PARSER) if isinstance(html, str) else html
    write_formulas(soup)
    for tag in soup(NOT_TEXT):
        tag.decompose()
    for tag in soup.find_all("span", style=HIDDEN):  # hidden blocks may be solutions to be opened
        if tag.parent is not None and not tag.find(BLOCKS):
            tag.decompose()
    for form in soup("form"):  # ASP.NET puts the whole page into one
        if form.find(BLOCKS):
            form.unwrap()
        else:
            form.decompose()
    _write_code(soup)
    _write_raised(soup)
    for table in soup("table"):
        if table.find(["table", "pre"]):
            _unwrap_layout(table)
    return str(_Markdown().convert_soup(soup)).replace(SOFT_HYPHEN, "").strip()


def _write_code(soup: Tag) -> None:
    """Leave of code its lines alone: no line numbers, and one ``pre`` whatever draws it."""
    for number in soup.select(LINE_NUMBERS):
        number.decompose()
    for fragment in soup.select("div.fragment"):  # Doxygen
        lines = [line.get_text() for line in fragment.select("div.line")]
        if lines:
            fragment.clear()
            fragment.name = "pre"
            fragment.append("\n".join(lines))
    for code in soup("pre"):
        for line_end in code("br"):
            line_end.replace_with("\n")


def _write_raised(soup: Tag) -> None:
    """Prepare what is raised or lowered: fractions, references to notes, italic letters."""
    for tag in soup.find_all(["span", "font", "i", "b", "em", "strong"], style=RAISED):
        found = RAISED.search(str(tag["style"]))
        tag.name = "sup" if found and found[1].lower() == "super" else "sub"
    for tag in soup("span"):
        names = {name.casefold() for name in _classes(tag)}
        if names & {"superscript", "subscript"}:
            tag.name = "sup" if "superscript" in names else "sub"
    for link in soup("a", href=re.compile("#")):
        if link.get_text(strip=True) and BACK.fullmatch(link.get_text()):
            link.decompose()
        elif link.find_parent("sup") or link.find("sup") or NOTE.search(_roles(link)):
            _write_note(link)
    for tag in soup.select("sup, sub"):
        if tag.parent is None:
            continue
        for emphasis in tag.find_all(["i", "em", "b", "strong", "var"]):
            emphasis.unwrap()
        before = tag.previous_sibling
        if isinstance(before, Tag) and before.name in ("i", "em", "var"):
            before.unwrap()
        _write_fraction(tag)


def _write_note(link: Tag) -> None:
    """Write the number of a note in brackets, behind the power that it is raised with, if any."""
    raised = link.find_parent("sup")
    if link.parent is None or (raised and raised.parent is None):
        return  # written with another one
    if raised is None:
        number = link.get_text(strip=True).strip("[]()")
        link.replace_with(f"[{number}]" if number else "")
        return
    links = raised("a", href=re.compile("#"))
    beside = "".join(text for text in raised.strings if not text.find_parent("a"))
    if re.fullmatch(r"[\s,;–\-\[\]()]*", beside):
        numbers = re.sub(r"[\[\]()\s]+", "", raised.get_text())
        raised.replace_with(f"[{numbers}]" if numbers else "")
        return
    for note in links[::-1]:
        raised.insert_after(f"[{note.extract().get_text(strip=True).strip('[]()')}]")


def _roles(tag: Tag) -> str:
    return f"{tag.get('role', '')} {tag.get('epub:type', '')}"


def _write_fraction(above: Tag) -> None:
    """Write ``<sup>1</sup>/<sub>2</sub>`` as 1/2, apart from a whole number before it."""
    bar = above.next_sibling
    below = bar.next_sibling if bar is not None else None
    is_bar = isinstance(bar, NavigableString) and bar.strip() in ("/", "⁄", "∕")
    if above.name != "sup" or not isinstance(below, Tag) or below.name != "sub":
        return
    if bar is None or not is_bar:
        return
    before = above.previous_sibling
    space = " " if isinstance(before, NavigableString) and before[-1:].isdigit() else ""
    written = f"{space}{above.get_text(strip=True)}/{below.get_text(strip=True)}"
    for tag in (below, bar):
        tag.extract()
    above.replace_with(written)


def _unwrap_layout(table: Tag) -> None:
    """Turn a table that holds tables or code into blocks: pages were laid out so before 2005."""
    for tag in table.find_all(["thead", "tbody", "tr", "td", "th"]):
        if tag.find_parent("table") is table:
            tag.name = "div"
    table.name = "div"


def convert_html(path: Path) -> Converted:
    """Convert a page; if it marks its main part, only that part."""
    content = path.read_bytes()
    soup = BeautifulSoup(content, PARSER, from_encoding="utf-8" if _is_utf8(content) else None)
    title, canonical = soup.title, soup.find("link", rel="canonical", href=True)
    author = soup.find("meta", attrs={"name": "author"}, content=True)
    license_link = soup.find(["link", "a"], rel="license", href=True)
    write_formulas(soup)  # before icons go: drawn formulas are hidden like them
    return Converted(
        pages=[(None, markdown_of(main_part(soup)))],
        title=title.get_text(" ", strip=True) if title else None,
        author=str(author["content"]) if author else None,
        url=str(canonical["href"]) if canonical else None,
        license=str(license_link["href"]) if license_link else None,
    )


def _is_utf8(content: bytes) -> bool:
    """Tell whether a page is UTF-8 whatever it states: hardly any other text decodes as such."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not content.isascii()

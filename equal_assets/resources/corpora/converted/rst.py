"""reStructuredText, through docutils (extra ``files``), with what Sphinx adds to it.

Docutils leaves out what it does not know. So each directive and role that a file uses beyond it is
made known first: what is in it is text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from docutils import nodes
from docutils.core import publish_parts
from docutils.parsers.rst import Directive, directives, roles
from docutils.parsers.rst.languages import en
from docutils.utils import new_document

from equal_assets.resources.corpora.converted.html import PARSER, markdown_of
from equal_assets.resources.corpora.converted.result import Converted
from equal_assets.resources.corpora.converted.source import source_of

SETTINGS = {
    "math_output": "MathJax none",  # LaTeX between \( and \), without a script
    "raw_enabled": False,
    "file_insertion_enabled": False,  # a document reads no file of this machine
    "_disable_config": True,
    "report_level": 3,
    "halt_level": 5,
    "warning_stream": False,
    "syntax_highlight": "none",
    "smart_quotes": False,
    "doctitle_xform": False,  # a heading below the first is none of the whole
    "initial_header_level": 1,
    "toc_backlinks": False,
    "section_self_link": False,
}
DIRECTIVE = re.compile(
    r"^[ \t]*(?:-|\*|\d+\.)?[ \t]*\.\.[ \t]+(?:\|[^|]+\|[ \t]+)?([\w:+.-]+?)::(?:[ \t]|$)", re.M
)
ROLE = re.compile(r":([\w+.-]+(?::[\w+.-]+)*):`")
CODE = (
    "code-block",
    "sourcecode",
    "code",
    "ipython",
    "doctest",
    "testcode",
    "testoutput",
    "prompt",
    "parsed-literal",
)
LEFT_OUT = [
    "toctree",
    "index",
    "highlight",
    "module",
    "currentmodule",
    "sectionauthor",
    "codeauthor",
    "moduleauthor",
    "meta",
    "tabularcolumns",
    "default-domain",
    "contents",
    "testsetup",
    "testcleanup",
]
"""Directives without text of their own."""
VERSIONS = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
}
WORDS = ("ref", "doc", "term", "any", "numref", "abbr", "guilabel", "menuselection", "dfn")
"""Roles of running text; all others are names of code."""


class _AnyOption(dict[str, Any]):
    """Options of any name: those of Sphinx's directives do not change their text."""

    def __missing__(self, name: str) -> Any:
        return directives.unchanged


class _Text(Directive):
    """A directive whose argument and content are text."""

    optional_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = _AnyOption(name=directives.unchanged)  # docutils reads no options if it is empty

    def run(self) -> list[nodes.Node]:
        name = self.name.rpartition(":")[2]
        if name in LEFT_OUT:
            return []
        first, _, rest = (self.arguments or [""])[0].partition("\n")
        stated = " ".join(part for part in (VERSIONS.get(name, ""), first) if part)
        group = nodes.container()
        if stated:
            group += nodes.paragraph("", "", nodes.strong(text=stated))
        if rest:
            group += nodes.paragraph("", "", *self.state.inline_text(rest, self.lineno)[0])
        self.state.nested_parse(self.content, self.content_offset, group)
        return [group]


class _Code(_Text):
    """Code, with Sphinx's options."""

    def run(self) -> list[nodes.Node]:
        language = self.arguments[0] if self.arguments else ""
        block = nodes.literal_block(text="\n".join(self.content))
        block["classes"] += ["code", language] if language else []
        return [block]


class _Math(_Text):
    """Formulas, with Sphinx's options."""

    def run(self) -> list[nodes.Node]:
        source = "\n".join([*self.arguments, *self.content])
        parts = [part for part in re.split(r"\n[ \t]*\n", source) if part.strip()]
        return [nodes.math_block(text=part) for part in parts]


def convert_rst(path: Path) -> Converted:
    """Convert a document; what docutils cannot parse stays as its source."""
    source = source_of(path)
    for name in set(DIRECTIVE.findall(source)):
        _make_directive_known(name)
    for name in set(ROLE.findall(source)):
        if name not in en.roles:
            roles.register_local_role(name, _role)
    written = publish_parts(source, writer="html5", settings_overrides=SETTINGS)
    soup = BeautifulSoup(written["html_body"], PARSER)
    for message in soup.select(".system-message"):
        left = message.find("pre")  # the source that could not be parsed
        message.replace_with(left) if left else message.decompose()
    for code in soup.select("pre.code"):
        names = [str(name) for name in code.get_attribute_list("class")]
        code["class"] = " ".join(
            f"language-{name}" for name in names[1:-1]
        )  # code NAME literal-block
    for name in soup.select("span.literal"):
        name.name = "code"
    headings = soup("h1")
    title = headings[0].get_text(" ", strip=True) if len(headings) == 1 else None
    return Converted(pages=[(None, markdown_of(soup))], title=title)


def _make_directive_known(name: str) -> None:
    short = name.rpartition(":")[2]
    if short in CODE:
        directives.register_directive(name, _Code)
    elif short == "math":
        directives.register_directive(name, _Math)
    elif short in LEFT_OUT or not _has_directive(name):
        directives.register_directive(name, _Text)


def _has_directive(name: str) -> bool:
    return directives.directive(name, en, new_document(""))[0] is not None


def _role(
    name: str,
    rawtext: str,
    text: str,
    lineno: int,
    inliner: Any,
    options: Mapping[str, Any] | None = None,
    content: Sequence[str] = (),
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Return the text of a role: the title of a link, the last part of ``~a.b.c``."""
    titled = re.fullmatch(r"(.*?)\s*<[^>]*>", text, re.DOTALL)
    shown = titled[1] if titled else text.removeprefix("!")
    if shown.startswith("~"):
        shown = shown[1:].rpartition(".")[2]
    shown = nodes.unescape(shown)
    if name.rpartition(":")[2] in WORDS:
        return [nodes.inline(rawtext, shown)], []
    return [nodes.literal(rawtext, shown)], []

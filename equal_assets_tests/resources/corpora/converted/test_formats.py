# ruff: noqa: E501 - inputs are on one line, as they are in files
"""Notebooks, reStructuredText, LaTeX, articles in XML, EPUB, PDF: what is written of them."""

import json
import zipfile

import pytest

from equal_assets.resources.corpora.converted.conversion_child import answer_for
from equal_assets_tests.resources.corpora.test_reading import files, read
from equal_assets_tests.written_files import TEXT, epub, pdf


def converted(path, content):
    path.write_text(content, encoding="utf-8")
    answer = answer_for(path)
    return answer["pages"][0][1] if "pages" in answer else (answer["reason"], answer["detail"])


# Notebooks

OUTPUTS = [
    {"output_type": "stream", "name": "stdout", "text": ["\x1b[31m6\x1b[0m\n"]},
    {"output_type": "execute_result", "data": {"text/plain": "7", "text/html": "<b>7</b>"}},
    {"output_type": "display_data", "data": {"image/png": "x", "text/plain": "<Figure>"}},
    {"output_type": "execute_result", "data": {"text/latex": "$x^2$", "text/plain": "x**2"}},
    {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["long"]},
]


def test_notebook_is_text_code_and_outputs(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# Sums\n", "Of $x$."]},
        {"cell_type": "code", "source": "print(6)", "outputs": OUTPUTS},
    ]
    notebook = {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4}
    assert converted(tmp_path / "a.ipynb", json.dumps(notebook)) == (
        "# Sums\nOf $x$.\n\n```python\nprint(6)\n```\n\n```\n6\n```\n\n```\n7\n```\n\n$x^2$\n\n"
        "```\nValueError: no\n```"
    )


def test_notebook_of_format_3_is_read(tmp_path):
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Sums"},
        {
            "cell_type": "code",
            "input": ["1 + 1"],
            "outputs": [{"output_type": "pyout", "text": "2"}],
        },
    ]
    notebook = {"worksheets": [{"cells": cells}], "metadata": {}, "nbformat": 3}
    assert converted(tmp_path / "a.ipynb", json.dumps(notebook)) == (
        "## Sums\n\n```\n1 + 1\n```\n\n```\n2\n```"
    )


def test_file_that_is_no_notebook_is_rejected(tmp_path):
    reason, detail = converted(tmp_path / "a.ipynb", '{"a": 1}')
    assert (reason, detail) == ("unreadable file", "not a notebook: it has no cells")


# reStructuredText

RST = {
    "headings": ("Rings\n=====\n\nIdeals\n------\n\nText.", "# Rings\n\n## Ideals\n\nText."),
    "math": ("Is :math:`x^2`.", r"Is \(x^2\)."),
    "math of sphinx": (
        ".. math::\n   :label: eq\n\n   a < b",
        "\\begin{equation*}\na < b\n\\end{equation*}",
    ),
    "roles of sphinx": (
        "See :py:func:`~os.path.join`, :ref:`rings <r>` and :class:`Ring`.",
        "See `join`, rings and `Ring`.",
    ),
    "code of sphinx": (
        ".. code-block:: python\n   :linenos:\n\n   if x:\n       y()",
        "```python\nif x:\n    y()\n```",
    ),
    "function": (".. py:function:: f(x)\n   :async:\n\n   Does it.", "**f(x)**\n\nDoes it."),
    "version": (".. versionadded:: 3.2\n   It is good.", "**Added in version 3.2**\n\nIt is good."),
    "unknown": (".. my-thing::\n   :a: 1\n\n   Inside.", "Inside."),
    "contents": ("Text.\n\n.. toctree::\n   :maxdepth: 2\n\n   a\n   b", "Text."),
    "note": (".. note:: Zero is even.", "Note\n\nZero is even."),
    "definition": ("ring\n    A set.", "ring\n:   A set."),
    "powers": (r"10\ :sup:`23`", "10^{23}"),
    "broken table": ("+---+\n| a |\n+--+\n\nAfter.", "```\n+---+\n| a |\n+--+\n```\n\nAfter."),
}


@pytest.mark.parametrize("name", RST)
def test_part_of_restructuredtext_is_written(tmp_path, name):
    given, written = RST[name]
    assert converted(tmp_path / "a.rst", given) == written


@pytest.mark.parametrize("end", ["\r\n", "\r"])
@pytest.mark.parametrize("name", ["math of sphinx", "code of sphinx", "note", "contents"])
def test_line_ends_of_restructuredtext_change_nothing(tmp_path, name, end):
    given, written = RST[name]
    (tmp_path / "a.rst").write_bytes(given.replace("\n", end).encode("utf-8-sig"))
    assert answer_for(tmp_path / "a.rst")["pages"] == [(None, written)]


def test_restructuredtext_reads_no_file_of_this_machine(tmp_path):
    (tmp_path / "secret.txt").write_text("the secret")
    given = f"Text.\n\n.. include:: {tmp_path}/secret.txt\n\n.. raw:: html\n   :file: {tmp_path}/secret.txt\n"
    assert "the secret" not in converted(tmp_path / "a.rst", given)


# LaTeX

TEX = {
    "formulas": (
        r"Is $x^2$ and \[ y \] or \begin{align}a&=b\end{align}",
        "Is $x^2$ and \n\\[ y \\]\n or \n\\begin{align}a&=b\\end{align}",
    ),
    "heading": (r"\section*{One \emph{ring}} Text.", "## One *ring*\n\n Text."),
    "list": (r"\begin{enumerate}\item a\item b\end{enumerate}", "1. a\n2. b"),
    "theorem": (r"\begin{theorem}[Noether] Yes.\end{theorem}", "**Theorem (Noether).** Yes."),
    "code": (
        "\\begin{lstlisting}[language=Python]\nx = 5 % 2\n\\end{lstlisting}",
        "```python\nx = 5 % 2\n```",
    ),
    "references": (r"See~\cite{a} and \ref{t}.", "See [a] and [t]."),
    "letters": (r"Erd\H{o}s, 50\% % comment", "Erdős, 50%"),
    "table": (
        r"\begin{tabular}{l} a & b \\ \end{tabular}",
        r"\begin{tabular}{l} a & b \\ \end{tabular}",
    ),
    "note": (r"A\footnote{A note.} b", "A (A note.) b"),
    "powers in text": (
        r"10\textsuperscript{23} of H\textsubscript{2}O, \ensuremath{10^{23}}",
        "10^{23} of H_{2}O, $10^{23}$",
    ),
    "fractions in text": (r"\nicefrac{1}{2}, \sfrac{3}{4} and \frac{5}{6}", "1/2, 3/4 and 5/6"),
    "quantities": (
        r"\SI{3.5}{\kilo\gram}, \qty{3}{\metre}, \SIrange{1}{2}{\metre}, \num{1e5}, \ang{30}, \unit{\metre}",
        r"$\SI{3.5}{\kilo\gram}$, $\qty{3}{\metre}$, $\SIrange{1}{2}{\metre}$, 1e5, 30°, $\unit{\metre}$",
    ),
    "chemistry": (r"Of \ce{Ca^{2+}}.", r"Of $\ce{Ca^{2+}}$."),
    "signs": (r"a\textgreater{}b, \pounds{}5, \mbox{x}", "a>b, £5, x"),
    "macro of its own": (
        r"\newcommand{\half}{\frac12}\newcommand{\pair}[2]{(#1, #2)}\def\third{1/3} "
        r"So $\half$, \half, \pair{a}{b} and \third.",
        r"So $\half$, \half, \pair{a}{b} and \third.",
    ),
}


@pytest.mark.parametrize("name", TEX)
def test_part_of_latex_is_written(tmp_path, name):
    given, written = TEX[name]
    source = f"\\documentclass{{article}}\n\\title{{On \\emph{{x}}}}\n\\begin{{document}}{given}\n\\end{{document}}"
    assert converted(tmp_path / "a.tex", source) == written


ENCODED = {
    "latin1": (r"\usepackage[latin1]{inputenc}\begin{document}Été", "latin-1", "Été"),
    "ansinew": (r"\usepackage [ansinew] {inputenc}\begin{document}“Été”", "cp1252", "“Été”"),
    "cp1251": (r"\usepackage[cp1251]{inputenc}\begin{document}Вода", "cp1251", "Вода"),
    "koi8-r": (r"\inputencoding{koi8-r}\begin{document}Вода", "koi8-r", "Вода"),
    "an editor's": ("% !TEX encoding = Windows Latin 1\n“Été”", "cp1252", "“Été”"),
    "Emacs's": ("% -*- coding: iso-8859-2 -*-\nŁódź", "iso-8859-2", "Łódź"),
    "a mark": ("Вода", "utf-16", "Вода"),
}


@pytest.mark.parametrize("name", ENCODED)
def test_latex_is_read_in_the_encoding_that_it_names(tmp_path, name):
    source, encoding, written = ENCODED[name]
    (tmp_path / "a.tex").write_bytes(source.encode(encoding))
    assert answer_for(tmp_path / "a.tex")["pages"] == [(None, written)]


@pytest.mark.parametrize("suffix", ["tex", "rst"])
@pytest.mark.parametrize(
    ("source", "detail"),
    [
        ("Été", "it names no encoding: save it as UTF-8"),
        (
            "% coding: utf-8\nÉté",
            "it names the encoding utf-8, and is in another: save it as UTF-8",
        ),
        (
            "% coding: utf-9\nÉté",
            "it names the encoding utf-9, and is in another: save it as UTF-8",
        ),
    ],
)
def test_encoding_that_a_file_does_not_name_is_not_guessed(tmp_path, suffix, source, detail):
    (tmp_path / f"a.{suffix}").write_bytes(source.encode("latin-1"))
    answer = answer_for(tmp_path / f"a.{suffix}")
    assert (answer["reason"], answer["detail"]) == ("invalid UTF-8", detail)


# Articles in XML

MML = '<mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML"><mml:mfrac><mml:mn>1</mml:mn><mml:mn>23</mml:mn></mml:mfrac></mml:math>'
JATS = """<article><front><article-meta><title-group><article-title>On <italic>x</italic></article-title>
</title-group><abstract><p>Of 10<sup>23</sup>.</p></abstract></article-meta></front><body><sec><title>One</title>
<p>{}</p></sec></body><back><ref-list><ref>Noether</ref></ref-list></back></article>"""
ABSTRACT = "# Abstract\n\nOf 10^{23}.\n\n## One\n\n"
ARTICLES = {
    "mathml": (f"Is <inline-formula>{MML}</inline-formula>.", r"Is $\frac{1}{23}$."),
    "latex": (
        "<disp-formula><alternatives><tex-math>\\documentclass{minimal}\\begin{document}$$x^2$$\\end{document}"
        f"</tex-math>{MML}<graphic/></alternatives></disp-formula>",
        "$$x^2$$",
    ),
    "list": ('<list list-type="order"><list-item><p>a</p></list-item></list>', "1. a"),
    "references in a power": (
        'A liter<sup><xref ref-type="bibr">1</xref>, <xref ref-type="bibr">2</xref></sup> a.',
        "A liter[1,2] a.",
    ),
    "power in a reference": ('Ten<xref ref-type="bibr"><sup>3</sup></xref>.', "Ten[3]."),
    "note in a table": ('10<xref ref-type="table-fn"><sup>a</sup></xref>', "10[a]"),
    "power": ('3 × 10<sup>6</sup> (<xref ref-type="bibr">4</xref>)', "3 × 10^{6} (4)"),
    "power of a reference": ('x<sup>2 (<xref ref-type="fig">1</xref>)</sup>', "x^{2 (1)}"),
}


@pytest.mark.parametrize("name", ARTICLES)
def test_part_of_jats_is_written(tmp_path, name):
    given, written = ARTICLES[name]
    assert converted(tmp_path / "a.xml", JATS.format(given)) == ABSTRACT + written


def test_tei_is_read(tmp_path):
    tei = """<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>Rings</title></titleStmt></fileDesc>
    </teiHeader><text><body><div><head>One</head><p>Is <formula notation="TeX">x^2</formula> and <hi rend="sup">2</hi>.</p></div></body>
    <back><div><listBibl><bibl>Noether</bibl></listBibl></div></back></text></TEI>"""
    assert converted(tmp_path / "a.xml", tei) == "## One\n\nIs $x^2$ and ^{2}."


def test_reference_of_tei_that_is_raised_is_no_power(tmp_path):
    tei = """<TEI xmlns="http://www.tei-c.org/ns/1.0"><text><body><div><head>One</head><p>Ten
    liters<hi rend="superscript"><ref type="bibr">7</ref></hi> at 10<hi rend="sup">2</hi> Pa.</p></div></body></text></TEI>"""
    assert converted(tmp_path / "a.xml", tei).split() == [
        "##",
        "One",
        "Ten",
        "liters[7]",
        "at",
        "10^{2}",
        "Pa.",
    ]


def test_names_of_authors_are_written_with_the_given_name_first(tmp_path):
    contrib = """<contrib-group><contrib contrib-type="author"><name><surname>Noether</surname>
        <given-names>Amalie Emmy</given-names></name></contrib></contrib-group>"""
    article = JATS.format("").replace("</title-group>", f"</title-group>{contrib}")
    (tmp_path / "a.xml").write_text(article)
    tei = """<TEI><teiHeader><fileDesc><titleStmt><title>R</title><author><persName><surname>Noether</surname>
        <forename>Emmy</forename></persName><affiliation>X</affiliation></author></titleStmt></fileDesc></teiHeader>
        <text><body><p>Text.</p></body></text></TEI>"""
    (tmp_path / "b.xml").write_text(tei)
    assert answer_for(tmp_path / "a.xml")["author"] == "Amalie Emmy Noether"
    assert answer_for(tmp_path / "b.xml")["author"] == "Emmy Noether"


def test_article_with_a_formula_as_a_picture_is_rejected(tmp_path):
    given = JATS.format("<disp-formula><graphic/></disp-formula>")
    reason = ("formula that cannot be converted", "a formula as a picture alone")
    assert converted(tmp_path / "a.xml", given) == reason


def test_other_xml_is_rejected(tmp_path):
    detail = "XML of <posts>: must be an article of JATS or TEI"
    assert converted(tmp_path / "a.xml", "<posts/>") == ("unreadable file", detail)


# EPUB


def test_epub_with_prefixes_is_read_without_its_contents(tmp_path):
    plain, prefixed = tmp_path / "plain.epub", tmp_path / "prefixed.epub"
    page = '<h1>Stars</h1><p>The sun<a epub:type="noteref" href="n.xhtml#n1"><sup>1</sup></a> is 10<sup>30</sup> kg.</p>'
    epub(plain, page, title="Space")
    names = ("package", "metadata", "manifest", "item", "spine", "itemref")
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(prefixed, "w") as target:
        for name in source.namelist():
            content = source.read(name).decode()
            if name.endswith(".opf"):
                for tag in names:
                    for end in (" ", ">", "/"):
                        content = content.replace(f"<{tag}{end}", f"<opf:{tag}{end}")
                    content = content.replace(f"</{tag}>", f"</opf:{tag}>")
            target.writestr(name, content)

    assert answer_for(plain) == answer_for(prefixed)
    assert answer_for(prefixed)["pages"] == [(None, "# Stars\n\nThe sun[1] is 10^{30} kg.")]
    assert answer_for(prefixed)["title"] == "Space"


def test_epub_without_a_package_is_rejected(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
    assert (
        answer_for(tmp_path / "a.epub")["detail"] == "META-INF/container.xml names no package file"
    )


# PDF

RAISE, LOWER, BACK = ") Tj /F1 6 Tf 4 Ts (", ") Tj /F1 7 Tf -2 Ts (", ") Tj /F1 10 Tf 0 Ts ("


def test_powers_and_indices_of_a_pdf_are_marked(tmp_path):
    line = f"There are 10{RAISE}23{BACK} atoms of H{LOWER}2{BACK}O."
    (page,) = answer_for(pdf(tmp_path / "a.pdf", [(TEXT, line), (TEXT, f"x{RAISE}123")]))["pages"]
    assert page[1].split() == ["There", "are", "10^{23}", "atoms", "of", "H_{2}O.", "x^{123}"]


def unmapped(path):
    """Make the font of a PDF one that names no characters."""
    content = path.read_bytes().replace(
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Drawn /Encoding /Identity-H /DescendantFonts [<< /Type "
        b"/Font /Subtype /CIDFontType2 /BaseFont /Drawn /DW 500 /CIDSystemInfo << /Registry (Adobe) "
        b"/Ordering (Identity) /Supplement 0 >> /FontDescriptor << /Type /FontDescriptor /FontName /Drawn "
        b"/Flags 4 /Ascent 700 /Descent -200 /FontBBox [0 -200 500 700] >> >>] >>",
    )
    path.write_bytes(content)
    return path


def test_pdf_whose_font_names_no_characters_is_rejected(tmp_path):
    unmapped(pdf(tmp_path / "a.pdf", [(TEXT, "A ring has two operations.")]))
    documents, (row,) = read(files(tmp_path))
    assert documents == []
    assert row.reason == "characters without a meaning"
    assert "page 1: 13 of 13 characters have no Unicode value" in row.excerpt
    assert "ocrmypdf" in row.excerpt


def test_words_cut_at_the_end_of_a_line_are_joined(tmp_path):
    lines = [(TEXT, "The com-"), (TEXT, "mutator of X-"), (TEXT, "Rays")]
    (page,) = answer_for(pdf(tmp_path / "a.pdf", lines))["pages"]
    assert page[1].strip() == "The commutator of X-\nRays"


# Markdown


def test_front_matter_of_markdown_is_not_text(tmp_path):
    (tmp_path / "a.md").write_text(
        "---\ntitle: Rings\nauthors: [Ada, Emmy]\ndraft: no\n---\n\n# One\n\nA ring.\n"
    )
    ((whole,), _), ((split,), _) = read(files(tmp_path)), read(files(tmp_path, split="headings"))
    assert whole.text == "# One\n\nA ring."
    assert whole.metadata == {"title": "Rings", "author": "Ada, Emmy"}
    assert split.text == "Rings > One\n\nA ring."


def test_rule_at_the_top_of_markdown_is_no_front_matter(tmp_path):
    (tmp_path / "a.md").write_text("---\nA ring is a set.\n---\nAnd more.")
    ((whole,), _) = read(files(tmp_path))
    assert whole.text == "---\nA ring is a set.\n---\nAnd more."

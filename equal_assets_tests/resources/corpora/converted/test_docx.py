# ruff: noqa: E501 - inputs are on one line, as they are in files
"""Word documents: nothing that is written in them vanishes."""

import pytest

from equal_assets.resources.corpora.converted.conversion_child import answer_for
from equal_assets_tests.written_files import docx

M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
HALF = f"<m:oMath {M}><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>"
ALONE = f"<m:oMathPara {M}>{HALF}</m:oMathPara>"
OBJECT = '<w:object><o:OLEObject xmlns:o="urn:schemas-microsoft-com:office:office" Type="Embed" ProgID="{}"/></w:object>'


def run(text, properties=""):
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>"


def paragraph(*parts):
    return "xml", f"<w:p>{''.join(parts)}</w:p>"


def raised(text, where="superscript"):
    return run(text, f'<w:vertAlign w:val="{where}"/>')


WRITTEN = {
    "equation in a sentence": (
        paragraph(run("It is "), HALF, run(" m.")),
        r"It is $\frac{1}{2}$ m.",
    ),
    "equation alone": (("xml", ALONE), r"$$\frac{1}{2}$$"),
    "equation alone in a paragraph": (paragraph(run("So"), ALONE), r"So$$\frac{1}{2}$$"),
    "equation in a cell": (
        ("xml", f"<w:tbl><w:tr><w:tc><w:p>{HALF}</w:p></w:tc></w:tr></w:tbl>"),
        "| $\\frac{1}{2}$ |\n| --- |",
    ),
    "power and index": (
        paragraph(run("10"), raised("23"), run(" of H"), raised("2", "subscript"), run("O")),
        "10^{23} of H_{2}O",
    ),
    "raised by position": (
        paragraph(
            run("10"),
            run("23", '<w:position w:val="6"/>'),
            run(" of H"),
            run("2", '<w:position w:val="-4"/>'),
            run("O"),
            run(".", '<w:position w:val="0"/>'),
        ),
        "10^{23} of H_{2}O.",
    ),
    "shifted to look even": (
        paragraph(
            run("10", '<w:position w:val="-1"/>'),
            run(" is a whole sentence.", '<w:position w:val="6"/>'),
        ),
        "10 is a whole sentence.",
    ),
    "letters of the font Symbol": (
        paragraph(
            run("x "), run("\uf0b3", '<w:rFonts w:ascii="Symbol"/>'), run(" 5, "), run("\uf0a3 9")
        ),
        "x ≥ 5, ≤ 9",
    ),
    "hyphens that are not seen": (
        paragraph("<w:r><w:t>exam</w:t><w:softHyphen/><w:t>ple</w:t></w:r>"),
        "example",
    ),
    "tracked changes": (
        paragraph(
            run("It is "),
            f"<w:del>{run('1').replace('w:t', 'w:delText')}</w:del>",
            f"<w:ins>{run('2')}</w:ins>",
        ),
        "It is 2",
    ),
    "moved": (
        paragraph(
            f"<w:moveFrom>{run('old')}</w:moveFrom>", f"<w:moveTo>{run('moved here')}</w:moveTo>"
        ),
        "moved here",
    ),
    "equation inserted": (
        paragraph(f"<w:ins>{HALF}</w:ins>", f"<w:del>{ALONE}</w:del>"),
        r"$\frac{1}{2}$",
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_part_of_a_document_is_written(tmp_path, name):
    given, written = WRITTEN[name]
    assert answer_for(docx(tmp_path / "a.docx", given))["pages"] == [(None, written)]


@pytest.mark.parametrize("program", ["Equation.3", "Equation.DSMT4"])
def test_document_with_equations_as_pictures_is_rejected(tmp_path, program):
    part = paragraph(run("It is "), f"<w:r>{OBJECT.format(program)}</w:r>")
    answer = answer_for(docx(tmp_path / "a.docx", part))
    assert answer["reason"] == "formula that cannot be converted"
    assert f"equations as objects of {program}: 1; convert them in Word" in answer["detail"]

# ruff: noqa: E501 - inputs are on one line, as they are in files
from xml.etree import ElementTree

import pytest

from equal_assets.resources.corpora.converted.omml import tex_of
from equal_assets.resources.corpora.converted.result import UnusableFileError

M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def r(text, style=""):
    return f"<m:r><m:rPr>{style}</m:rPr><m:t>{text}</m:t></m:r>"


def e(*parts):
    return "".join(f"<m:e>{part}</m:e>" for part in parts)


ROWS = f"<m:m><m:mr>{e(r('a'), r('b'))}</m:mr><m:mr>{e(r('0'), r('1'))}</m:mr></m:m>"
SUM = f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{r("i=1")}</m:sub><m:sup>{r("n")}</m:sup>{e(r("i"))}</m:nary>'
BAR = f'<m:f><m:fPr><m:type m:val="noBar"/></m:fPr><m:num>{r("n")}</m:num><m:den>{r("k")}</m:den></m:f>'
LIM = f"<m:func><m:fName><m:limLow>{e(r('lim'))}<m:lim>{r('x→0')}</m:lim></m:limLow></m:fName>{e(r('x'))}</m:func>"
EQUATIONS = f"<m:eqArr>{e(r('x&amp;,x>0'), r('0&amp;,x=0'))}</m:eqArr>"
CASES = f'<m:d><m:dPr><m:begChr m:val="{{"/><m:endChr m:val=""/></m:dPr>{e(EQUATIONS)}</m:d>'

WRITTEN = [
    (f"<m:f><m:num>{r('1')}</m:num><m:den>{r('23')}</m:den></m:f>", r"\frac{1}{23}"),
    (f"<m:sSup>{e(r('10'))}<m:sup>{r('23')}</m:sup></m:sSup>", "10^{23}"),
    (
        f"<m:sSubSup>{e(r('x'))}<m:sub>{r('i')}</m:sub><m:sup>{r('2')}</m:sup></m:sSubSup>",
        "x_{i}^{2}",
    ),
    (
        f'<m:rad><m:radPr><m:degHide m:val="1"/></m:radPr><m:deg/>{e(r("x+1"))}</m:rad>',
        r"\sqrt{x+1}",
    ),
    (f"<m:rad><m:deg>{r('3')}</m:deg>{e(r('x'))}</m:rad>", r"\sqrt[3]{x}"),
    (SUM, r"\sum_{i=1}^{n}i"),
    (
        f"<m:nary><m:sub>{r('0')}</m:sub><m:sup>{r('∞')}</m:sup>{e(r('f'))}</m:nary>",
        r"\int_{0}^{\infty}f",
    ),
    (f"<m:d>{e(ROWS)}</m:d>", r"\begin{pmatrix} a & b \\ 0 & 1 \end{pmatrix}"),
    (f"<m:d>{e(BAR)}</m:d>", r"\binom{n}{k}"),
    (f"<m:d>{e(r('a'), r('b'))}</m:d>", "(a|b)"),
    (CASES, r"\begin{cases} x & ,x>0 \\ 0 & ,x=0 \end{cases}"),
    (LIM, r"\lim_{x\to 0} x"),
    (f"<m:func><m:fName>{r('sin')}</m:fName>{e(r('θ'))}</m:func>", r"\sin \theta"),
    (f"<m:acc>{e(r('x'))}</m:acc>", r"\hat{x}"),
    (f'<m:bar><m:barPr><m:pos m:val="top"/></m:barPr>{e(r("z"))}</m:bar>', r"\overline{z}"),
    (f"<m:groupChr>{e(r('a+b'))}</m:groupChr>", r"\underbrace{a+b}"),
    (f"<m:borderBox>{e(r('x'))}</m:borderBox>", r"\boxed{x}"),
    (r("R", '<m:scr m:val="double-struck"/>') + r("∋𝑥"), r"\mathbb{R}\ni x"),
    (r("v", '<m:sty m:val="b"/>') + r(" if 5%", "<m:nor/>"), r"\mathbf{v}\text{ if 5\%}"),
    (f"<w:del>{r('old')}</w:del><w:ins>{r('2π')}</w:ins>", r"2\pi"),
]


def equation(inside):
    return ElementTree.fromstring(f'<m:oMath xmlns:m="{M}" xmlns:w="{W}">{inside}</m:oMath>')


@pytest.mark.parametrize(("given", "written"), WRITTEN)
def test_equation_is_written_as_latex(given, written):
    assert tex_of(equation(given)) == written


def test_equation_without_a_latex_form_is_refused():
    with pytest.raises(UnusableFileError, match=r"a Word equation with <m:newThing>"):
        tex_of(equation("<m:newThing/>"))

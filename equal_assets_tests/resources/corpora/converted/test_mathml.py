# ruff: noqa: E501 - inputs are on one line, as they are in files
import pytest
from bs4 import BeautifulSoup

from equal_assets.resources.corpora.converted.mathml import is_display, tex_of
from equal_assets.resources.corpora.converted.result import UnusableFileError

HALF = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
PAIR = "<mtr><mtd><mi>a</mi></mtd><mtd><mi>b</mi></mtd></mtr><mtr><mtd><mn>0</mn></mtd><mtd><mn>1</mn></mtd></mtr>"
STACK = '<mfrac linethickness="0"><mi>n</mi><mi>k</mi></mfrac>'

WRITTEN = [
    ("<mfrac><mn>1</mn><mn>23</mn></mfrac>", r"\frac{1}{23}"),
    ("<msup><mn>10</mn><mn>23</mn></msup>", "10^{23}"),
    ("<msub><mi>H</mi><mn>2</mn></msub><mi>O</mi>", "H_{2}O"),
    (f"<msup><mrow><mo>(</mo>{HALF}<mo>)</mo></mrow><mi>n</mi></msup>", r"(\frac{1}{2})^{n}"),
    ("<msup><msup><mi>a</mi><mi>b</mi></msup><mi>c</mi></msup>", "{a^{b}}^{c}"),
    ("<msup><mfrac><mi>a</mi><mi>b</mi></mfrac><mn>2</mn></msup>", r"{\frac{a}{b}}^{2}"),
    ("<msup><mi>f</mi><mo>′</mo></msup>", "f'"),
    ("<msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt>", r"\sqrt{x+1}"),
    ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
    (
        "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>",
        r"\sum_{i=1}^{n}",
    ),
    (
        "<munder><mi>lim</mi><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder><mi>x</mi>",
        r"\lim_{x\to 0}x",
    ),
    ("<mi>sin</mi><mo>&#x2061;</mo><mi>θ</mi>", r"\sin\theta"),
    (
        f"<mo>(</mo><mtable>{PAIR}</mtable><mo>)</mo>",
        r"\begin{pmatrix} a & b \\ 0 & 1 \end{pmatrix}",
    ),
    (f"<mo>{{</mo><mtable>{PAIR}</mtable>", r"\begin{cases} a & b \\ 0 & 1 \end{cases}"),
    (
        f'<mfenced open="|" close="|"><mtable>{PAIR}</mtable></mfenced>',
        r"\begin{vmatrix} a & b \\ 0 & 1 \end{vmatrix}",
    ),
    (f"<mo>(</mo>{STACK}<mo>)</mo>", r"\binom{n}{k}"),
    ('<mfenced separators=";"><mi>a</mi><mi>b</mi></mfenced>', "(a;b)"),
    ("<mover><mi>x</mi><mo>^</mo></mover><mover><mi>v</mi><mo>→</mo></mover>", r"\hat{x}\vec{v}"),
    ("<mover><mi>z</mi><mo>¯</mo></mover>", r"\overline{z}"),
    ('<mi mathvariant="double-struck">R</mi><mo>⊂</mo><mi>ℂ</mi>', r"\mathbb{R}\subset\mathbb{C}"),
    ("<mn>5</mn><mi>kg</mi><mtext> if 5% </mtext>", r"5\mathrm{kg}\text{ if 5\% }"),
    (
        "<mmultiscripts><mi>C</mi><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>",
        "{}_{6}^{14}C",
    ),
    ("<mo>{</mo><mi>x</mi><mo>}</mo>", r"\{x\}"),
    ('<menclose notation="box"><mi>x</mi></menclose>', r"\boxed{x}"),
    ("<mi>𝑥</mi><mo>≤</mo><mn>3</mn>", r"x\leq 3"),
]


def math(inside, attributes=""):
    return BeautifulSoup(f"<math {attributes}>{inside}</math>", "html.parser").math


@pytest.mark.parametrize(("given", "written"), WRITTEN)
def test_formula_is_written_as_latex(given, written):
    assert tex_of(math(f"<mrow>{given}</mrow>")) == written


def test_source_that_a_formula_carries_is_taken():
    note = '<annotation encoding="application/x-tex">{\\displaystyle 2^{10}}</annotation>'
    given = math(f"<semantics><mn>1024</mn>{note}</semantics>", 'display="block"')
    assert tex_of(given) == "2^{10}"
    assert is_display(given)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("<apply><plus/><ci>x</ci></apply>", "<apply>"),
        ('<menclose notation="longdiv"><mn>5</mn></menclose>', 'notation="longdiv"'),
        ("<mfrac><mn>1</mn></mfrac>", "<mfrac> of 1 parts"),
    ],
)
def test_formula_without_a_latex_form_is_refused(given, named):
    with pytest.raises(UnusableFileError, match=named) as error:
        tex_of(math(given))
    assert error.value.reason == "formula that cannot be converted"

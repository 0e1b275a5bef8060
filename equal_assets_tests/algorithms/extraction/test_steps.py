import pytest

from equal_assets.algorithms.extraction.source import source
from equal_assets.algorithms.extraction.steps import dropped_steps
from equal_assets_tests.timing import takes_less_than

GROWTH = "The town grew: (13,250 - 12,500) / 12,500 = 0.06, so by 6%. It has 3 schools."
ROOTS = (
    "Move the constant: x^2 + 10x = 11. Add 25: x^2 + 10x + 25 = 36, (x + 5)^2 = 36. Hence x + 5 = "
    "6 or x + 5 = -6, which gives x = 1 or x = -11. The first example was on page 7."
)
WURZEL = ROOTS.replace("Hence", "Daher").replace("which gives", "also")
QUADRAT = "由 x^2 = 16，即 x^2 - 16 = 0，所以 x 等于 4。"


@pytest.mark.parametrize(
    ("document", "answer", "what"),
    [
        (GROWTH, "6%", "calculated in the document"),
        (GROWTH, "It grew 6 percent.", "calculated in the document"),
        (ROOTS, "x = 1 or x = -11", "a worked solution in the document"),
        (WURZEL, "x = 1 oder x = -11", "a worked solution in the document"),
        (QUADRAT, "4", "a worked solution in the document"),
    ],
)
def test_result_without_its_steps_is_found(document, answer, what):
    assert dropped_steps(answer, source(document)) == what


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        (GROWTH, "(13,250 - 12,500) / 12,500 = 0.06, so the population grew by 6%."),
        (GROWTH, "3"),
        (GROWTH, "It grew."),
        (ROOTS, "7"),
        (ROOTS, "Add 25 to both sides: (x + 5)^2 = 36, hence x = 1 or x = -11."),
        ("The bridge in Tolm was opened in 1912.", "1912"),
        (
            "port = 7420\ntimeout = 30\nSo the default port is 7420.",
            "7420 because nothing else is set",
        ),
    ],
)
def test_fact_and_worked_answer_pass(document, answer):
    assert dropped_steps(answer, source(document)) is None


@pytest.mark.timing
@pytest.mark.parametrize("unit", ["so 1 = 2 ", "= ", "故", "1 + 1 = 2 ", "so "])
def test_hostile_document_is_compared_soon(unit):
    document = unit * (100_000 // len(unit))
    assert takes_less_than(
        3, lambda n: [dropped_steps(f"{v}", source(f"{document}{n}")) for v in range(200)]
    )

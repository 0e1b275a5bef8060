import pytest

from equal_assets.algorithms.extraction.arithmetic import (
    bare_result,
    calculations,
    stated,
    values,
)
from equal_assets_tests.timing import takes_less_than


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("4 + 5 = 9", ((4, 5), (9,), True)),
        ("15 apples + 30 apples = 45 apples", ((15, 30), (45,), True)),
        ("(13,250 - 12,500) / 12,500 = 0.06", ((13250, 12500, 12500), (0.06,), True)),
        ("so T(24) = 24 * 25 / 2 = 300.", ((24, 25, 2), (300,), True)),
        ("two tickets cost 2 x 3.80 = 7.60", ((2, 3.8), (7.6,), True)),
        (r"$P = 0.7 \cdot 0.02 = 0.014$", ((0.7, 0.02), (0.014,), True)),
        (
            r"\frac{0.015}{0.029} = \frac{15}{29} \approx 0.517",
            ((0.015, 0.029), (15, 29, 0.517), True),
        ),
        ("2000 * 1.06^2 = 2247.20", ((2000, 1.06, 2), (2247.2,), True)),
        ("10 / 3 = 3.33", ((10, 3), (3.33,), True)),
        ("20% * 50 = 10", ((0.2, 50), (10,), True)),
        ("72 / 360 = 20%", ((72, 360), (0.2,), True)),
        ("18 = 2 x 3^2", ((18,), (2, 3, 2), True)),
        ("12 + 30 = 43", ((12, 30), (43,), False)),
        ("٣ + ٤ = ٧", ((3, 4), (7,), True)),
    ],
)
def test_calculation_is_read_and_worked_out(text, shown):
    (found,) = calculations(text)
    assert (found.operands, found.results, found.is_right) == shown


@pytest.mark.parametrize(
    "text",
    [
        "x^2 + 10x + 25 = 36",
        "2x + 3 = 11",
        "f(3) = 9",
        "sqrt(9) = 3",
        "x = 3",
        "3 + 4",
        "on 12-03-2021",
        "",
    ],
)
def test_algebra_and_lone_numbers_are_no_calculations(text):
    assert calculations(text) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("1,200 m in 3.5 s", {1200, 3.5}),
        ("twenty-five guests and a hundred and twelve steps", {25, 112}),
        ("Four hundred and six names", {406}),
        ("two thousand three hundred", {2300}),
        ("half a dozen", {0.5, 12}),
        ("6% a year", {6, 0.06}),
        ("30 percent", {30, 0.3}),
        ("五十三年", {53}),
        ("٤ أو ५", {4, 5}),
        ("x² is 2½", {2, 0.5}),
    ],
)
def test_numbers_are_known_in_digits_and_words(text, named):
    assert named <= values(text)


def test_stated_numbers_are_in_order_and_low_words_are_none():
    assert stated("No one saw a second; 12 of twenty-five came twice in 3.5 hours") == [12, 3.5, 25]


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("27 m", 27),
        ("about $1,200", 1200),
        ("12 or 13", None),
        ("many", None),
        ("1 " + "a " * 9, None),
    ],
)
def test_bare_result_is_the_only_number_of_a_few_words(answer, value):
    assert bare_result(answer) == value


@pytest.mark.timing
@pytest.mark.parametrize(
    "unit", ["1+", "(", "1 ", "1=", "((1+", "9^", "\\frac{1}", "one hundred and ", "1,000,", "x "]
)
def test_hostile_text_is_read_soon(unit):
    text = unit * (100_000 // len(unit))
    assert takes_less_than(2, lambda n: calculations(f"{n}{text}"))
    assert takes_less_than(2, lambda n: values(f"{n}{text}"))

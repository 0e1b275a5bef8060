import time
from fractions import Fraction

import pytest

from equal_assets.algorithms.judging.numbers import announced_number, last_number, number_verdicts


def strict(output, reference, decimal="point"):
    return number_verdicts([output], [reference], is_strict=True, decimal=decimal)[0]


def flexible(output, reference, decimal="point"):
    return number_verdicts([output], [reference], is_strict=False, decimal=decimal)[0]


SPELLINGS = [
    ("18", 18),
    ("18.", 18),
    ("18.0", 18),
    ("18.50", Fraction(37, 2)),
    (".5", Fraction(1, 2)),
    ("-18", -18),
    ("−18", -18),
    ("+18", 18),
    ("$18", 18),
    (r"\$18.00", 18),
    ("-$18", -18),
    ("$-18", -18),
    ("€18", 18),
    ("1,234", 1234),
    ("1,234,567.89", Fraction("1234567.89")),
    ("1,00,000", 100_000),
    ("1{,}234", 1234),
    (r"98,\!770", 98_770),
    ("50%", 50),
    (r"50\%", 50),
    ("18 dollars", 18),
    ("18km", 18),
    ("18th", 18),
    ("1/2", Fraction(1, 2)),
    ("-3/4", Fraction(-3, 4)),
    ("1 1/2 cups", Fraction(3, 2)),
    (r"\frac{3}{4}", Fraction(3, 4)),
    (r"-\dfrac{3}{4}", Fraction(-3, 4)),
    ("1.5e3", 1500),
    ("2E-1", Fraction(1, 5)),
    ("1.5 x 10^3", 1500),
    (r"1.5 \times 10^{3}", 1500),
    (r"\boxed{18}", 18),
    (r"$\boxed{1,018}$", 1018),
    ("**18**", 18),
    (r"\(18\)", 18),
]


@pytest.mark.parametrize(("spelling", "value"), SPELLINGS)
def test_a_number_is_read_however_it_is_written(spelling, value):
    for text in (f"The answer is {spelling}", f"so 7 it is.\n#### {spelling}"):
        assert announced_number(text, "point")[1] == value
        assert last_number(text, "point")[1] == value
    assert last_number(spelling, "point")[1] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("16-3", 3), ("16 - 3", 3), ("2/2=1", 1), ("3*4=12", 12), ("5-10", 10), ("(4)-3", 3)],
)
def test_a_minus_between_terms_is_no_sign(text, value):
    assert last_number(text)[1] == value


@pytest.mark.parametrize("text", ["H2O", "x_2", "no digits", "", "9" * 5000, "1e999999999", "٫"])
def test_what_is_no_number_is_none(text):
    assert last_number(text) is None


def test_numbers_are_equal_by_value_not_by_text():
    for output in ("18", "18.0", "$18.00", "36/2", "1.8e1"):
        assert flexible(output, "18").is_correct
    assert not flexible("0.33", "1/3").is_correct


def test_strict_takes_the_announced_number_and_flexible_the_last():
    output = "She has 18 left. The answer is 18. She had 21 before."
    assert strict(output, "#### 18").is_correct
    verdict = flexible(output, "#### 18")
    assert (verdict.extracted, verdict.reason) == ("21", "wrong value: expected 18")


def test_strict_takes_the_first_announcement_of_an_output_that_does_not_stop():
    output = "The answer is 18.\n\nQuestion: and of 3?\nThe answer is 5."
    assert strict(output, "18").extracted == "18"
    assert flexible(output, "18").extracted == "5"


def test_an_answer_in_passing_announces_nothing():
    reference = "since 8 pints are a gallon, the final answer is 15 * 8 = 120\nThe answer is 120."
    assert strict("120\n#### 120", reference).is_correct


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("It is 18.", "no '####' or 'The answer is'"),
        ("5 + 13 = 18.\nThe answer is", "cut off after 'The answer is'"),
        ("5 + 13 = 18.\n#### ", "cut off after '####'"),
        ("The answer is $", "cut off after 'The answer is'"),
        ("The answer is eighteen.", "no number after 'The answer is'"),
        ("The answer is 17.", "wrong value: expected 18"),
        ("The answer is 1", "wrong value: expected 18"),
        ("The answer is -18.", "wrong value: expected 18"),
    ],
)
def test_strict_says_why_an_answer_is_wrong(output, reason):
    assert strict(output, "#### 18").reason == reason


@pytest.mark.parametrize(
    ("output", "reason"),
    [("", "empty"), ("none of them", "no number"), ("17", "wrong value: expected 18")],
)
def test_flexible_says_why_an_answer_is_wrong(output, reason):
    assert flexible(output, "18").reason == reason


def test_expected_values_are_shown_as_people_write_them():
    assert flexible("1", "0.1").reason == "wrong value: expected 0.1"
    assert flexible("1", "1/3").reason == "wrong value: expected 1/3"
    assert flexible("1", "12,000").reason == "wrong value: expected 12000"


def test_a_reference_without_a_number_is_refused_by_its_row():
    with pytest.raises(ValueError, match="reference 1 = 'none': must be an answer"):
        number_verdicts(["1", "2"], ["1", "none"], is_strict=True)


@pytest.mark.parametrize("noise", ["1", "1,", "- $", "1 ", "####", "The answer is $", "1/", "{,}1"])
def test_long_noise_is_read_in_a_moment(noise):
    text = noise * (100_000 // len(noise))
    started = time.process_time()
    for is_strict in (True, False):
        number_verdicts([text, f"#### {text}"], ["1", "1"], is_strict=is_strict)
    assert time.process_time() - started < 5  # a quadratic search takes minutes

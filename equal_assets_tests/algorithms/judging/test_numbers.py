import time
from fractions import Fraction

import pytest

from equal_assets.algorithms.judging.numbers import (
    decimal_mark,
    last_number,
    number_verdicts,
)


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
        assert strict(text, str(value)).is_correct
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


@pytest.mark.timing
@pytest.mark.parametrize("noise", ["1", "1,", "- $", "1 ", "####", "The answer is $", "1/", "{,}1"])
def test_long_noise_is_read_in_a_moment(noise):
    text = noise * (100_000 // len(noise))
    started = time.process_time()
    for is_strict in (True, False):
        number_verdicts([text, f"#### {text}"], ["1", "1"], is_strict=is_strict)
    assert time.process_time() - started < 5  # a quadratic search takes minutes


@pytest.mark.parametrize(
    "output",
    [
        r"So she makes $\boxed{18}$ dollars.",
        r"Thus, the final answer is $\boxed{18}$.",
        r"\boxed{18\text{ apples}}",
        r"\boxed{\text{18}}",
        r"\[ \boxed{x = 18} \]",
        r"First \boxed{9}, then \boxed{18}.",
        "\\boxed{18}\n\nProblem: What is 2 + 2?\n\\boxed{4}",
        "So the answer is 18.",
        "Therefore, the answer is $18.",
        "The answer: $18.00",
        "**Answer:** 18",
        "Final Answer: 18 dollars",
        "### Answer\n18",
        "#### **18**",
        "The answer is \\(18\\).",
        "The answer is (18).",
        "The answer is approximately 18.",
        "The answer is x = 18.",
        "The answer is 9 * 2 = 18.",
        "The answer is 9 eggs * $2 = $18.",
        "#### 9*2=18",
        "Is the answer 20? The answer is 20? No. The answer is 18.",
        "<think>The answer is 20? No.</think>The answer is 18.",
        "The answer is **$18.00**.",
        r"The answer is $\frac{36}{2}$.",
        r"The answer is $9 \times 2 = 18$.",
        "The answer is $x = 18$.",
        "The answer is 2^4 + 2 = 18.",
        "**Final Answer**\n\n18",
        r"**Final Answer:** $\boxed{18}$",
        "The answer is 18.\nExplanation: 2 * 9 = 18",
        "1. 3*3=9\n2. 9*2=18\nThe answer is 18",
        "Die Antwort lautet CHF 18.",
        "A resposta é R$ 18.",
        "Réponse : 18 %",
        'The answer is "18".',
        '{"answer": 18}',
        '{"reason": "9 eggs", "answer": "18"}',
        "The answer is 18 or 18.0.",
        "The answer is 18 or eighteen.",
        "The answer is 18, 9 more than before.",
        "The answer is 18 minutes or 0.3 hours.",
        "Die Antwort ist 18.",
        "La respuesta es 18.",
        "La réponse est 18.",
        "Ответ: 18",
        "Ответ — 18",
        "所以答案是１８。",
        "答案：\\boxed{18}",
        "الجواب هو ١٨.",
        "คำตอบคือ ๑๘",
    ],
)
def test_an_announcement_is_known_in_the_forms_that_models_use(output):
    assert strict(output, "#### 18").reason is None
    assert strict(output, "#### 17").reason == "wrong value: expected 17"


@pytest.mark.parametrize(
    "output",
    [
        "The answer is 18 or 17.",
        "The answer is $18$ or $17$.",
        "#### 18 or 17",
        "Die Antwort ist 18 oder 17.",
        "La réponse est 18 ou 17.",
        "答案是18或17。",
    ],
)
def test_one_of_two_numbers_is_no_answer(output):
    for truth in ("18", "17"):
        assert "are two numbers" in strict(output, f"#### {truth}").reason


def test_a_share_beside_its_percentage_is_one_number():
    assert strict("The answer is 0.18 or 18%.", "0.18").is_correct
    assert strict("The answer is 0.18 or 18\\%.", "0.18").is_correct


@pytest.mark.parametrize(
    ("spelling", "value", "decimal"),
    [
        ("18,50", "18.5", None),
        ("18,50", "18.5", "comma"),
        ("2,5", "2.5", None),
        ("0,125", "0.125", None),
        ("1.250.000", "1250000", None),
        ("1.234,5", "1234.5", None),
        ("1,234.5", "1234.5", None),
        ("1.234", "1234", "comma"),
        ("1.234", "1.234", "point"),
        ("1,234", "1.234", "comma"),
        ("1,234", "1234", "point"),
        ("1 234", "1234", "comma"),
        ("1 234,5", "1234.5", "comma"),
        ("12 000", "12000", None),
        ("1\u202f234", "1234", None),
        ("1\u00a0234,50", "1234.5", None),
        ("1'234.50", "1234.5", None),
        ("1’234’567", "1234567", None),
        ("1_000_000", "1000000", None),
        (r"1\,234", "1234", None),
        ("1{,}234", "1234", "point"),
        ("1,50,000", "150000", None),
        ("١٬٢٣٤٫٥", "1234.5", None),
        ("१८", "18", None),
        ("１８．５", "18.5", None),
        ("−18", "-18", None),
        ("1½", "1.5", None),
        ("¾", "0.75", None),
        (r"1\frac{1}{2}", "1.5", None),
        (r"\dfrac34", "0.75", None),
        ("1,5/2", "0.75", "comma"),
        ("10^6", "1000000", None),
        ("10⁶", "1000000", None),
        ("2,5 × 10³", "2500", "comma"),
        ("1.5 million", "1500000", None),
        ("3 Millionen", "3000000", "comma"),
        ("1,2 Mrd. Euro", "1200000000", "comma"),
        ("1万2000円", "12000", None),
        ("3.5亿", "350000000", None),
        ("18,5 %", "18.5", None),
        ("₹1,25,000", "125000", None),
        ("-5°C", "-5", None),
        ("۱٫۵", "1.5", None),
        ("-$45", "-45", None),
        ("R$ 1.234,50", "1234.5", None),
        ("12 500 рублей", "12500", "comma"),
        (r"1.5 \times 10^{4}", "15000", None),
        ("0", "0", None),
    ],
)
def test_a_number_is_read_by_its_form_and_by_the_decimal_mark(spelling, value, decimal):
    assert last_number(spelling, decimal)[1] == Fraction(value)
    assert strict(f"#### {spelling}", str(Fraction(value)), decimal).is_correct


@pytest.mark.parametrize(
    ("spelling", "decimal", "doubt"),
    [
        ("1.234", None, "'1.234' is 1234 or 1.234"),
        ("1,234", None, "'1,234' is 1234 or 1.234"),
        ("1 234", None, "'1 234' is 1234 or 1 and 234"),
        ("1 234", "point", "'1 234' is 1234 or 1 and 234"),
        ("1,2,3", "point", "'1,2,3' is not one number"),
        ("1.234.56", "comma", "'1.234.56' is not one number"),
        ("3:30 PM", "point", "'3:30' is not one number"),
        ("2020-05-17", "point", "'2020-05-17' is not one number"),
        ("17/5/2020", "point", "'17/5/2020' is not one number"),
        (r"3\sqrt{18}", "point", r"'3\\sqrt{18}' is not one number"),
        ("18π", "point", "'18π' is not one number"),
        ("18k", "point", "'18k' may or may not be meant in thousands or millions"),
        ("2 billion", "comma", "'2 billion' differs between languages"),
        ("5/0", "point", "'5/0' divides by zero"),
    ],
)
def test_what_can_be_read_in_two_ways_is_not_right(spelling, decimal, doubt):
    for text in (spelling, f"#### {spelling}"):
        # references of one form only, so that they tell nothing of the mark
        verdict = number_verdicts([text], ["18"], is_strict=False, decimal=decimal)[0]
        assert (verdict.is_correct, verdict.reason) == (False, f"ambiguous: {doubt}")
    with pytest.raises(ValueError, match=r"reference 0 = .*: must be an answer that ends like"):
        number_verdicts(["18"], [spelling], is_strict=False, decimal=decimal)


def test_an_expression_announces_no_number():
    assert strict("The answer is 9 * 2.", "9").reason == (
        "ambiguous: it is an expression, not a number"
    )
    assert strict("The answer is 5-7.", "5").reason.startswith("ambiguous")


@pytest.mark.parametrize("reference", ["5-7", "5 to 7", "5 and 7", "3; 4", "5 or 7 days"])
def test_a_reference_of_two_numbers_is_refused(reference):
    with pytest.raises(ValueError, match="are two numbers"):
        flexible("7", reference)


@pytest.mark.parametrize(
    ("output", "reference"),
    [
        ("Answer: 25 or 30", "25"),
        ("The answer is 5:3", "5"),
        ("The answer is 5-7 days.", "5"),
        ("The answer is 3/4.", "4"),
        ("The answer is 150.", "15"),
        ("#### one half", "1/2"),
    ],
)
def test_a_part_of_an_answer_is_not_the_answer(output, reference):
    assert not strict(output, reference).is_correct


@pytest.mark.parametrize("text", ["99999^99", "9" + "亿" * 90])
def test_a_number_without_bounds_is_none(text):
    assert last_number(text) is None


def test_a_comma_in_the_reference_is_one_in_the_output():
    assert not flexible("99,50", "18,50", None).is_correct
    assert not flexible("Also 7,5 Liter", "2,5", None).is_correct
    assert flexible("18,5 Euro", "18,50", None).is_correct


@pytest.mark.parametrize(
    ("references", "texts", "mark"),
    [
        (["18,50", "1.250.000", "1 234 km"], [], "comma"),
        (["0.5", "1,234"], [], "point"),
        (["0.5", "1,5"], ["How much is the bread that she bought?"], None),
        (["12,50", "1,234"], ["How much is the bread that she bought?"], None),
        (
            ["1.234", "18"],
            [
                "Wie viele Einwohner hat die Stadt? Wie weit ist es von hier bis zum "
                "nächsten Bahnhof?"
            ],
            "comma",
        ),
        (
            ["1.234", "18"],
            [
                "How many people live there?",
                "How far is the station from the town? How much do the apples cost?",
            ],
            "point",
        ),
        (
            ["1.234", "18"],
            [
                "¿Cuántas personas viven en la ciudad? ¿Cuánto cuestan las manzanas que "
                "compró María en el mercado?"
            ],
            None,
        ),
        (["1.234", "18"], ["x = ?"], None),
    ],
)
def test_the_decimal_mark_is_told_by_other_answers_or_by_the_language(references, texts, mark):
    assert decimal_mark(references, texts=texts) == mark

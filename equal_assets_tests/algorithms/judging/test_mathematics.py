import pytest

from equal_assets.algorithms.judging.mathematics import (
    CutOff,
    boxed_answer,
    last_boxed,
    math_verdict,
    reference_doubt,
)


def test_the_last_box_counts_and_braces_nest():
    assert last_boxed(r"\boxed{1} and \boxed{\frac{1}{2}}.") == r"\frac{1}{2}"
    assert last_boxed(r"\fbox{7}") == "7"
    assert last_boxed(r"so $\boxed 5$.") == "5"
    assert last_boxed("no box") is None


def test_a_box_without_an_end_is_cut_off():
    with pytest.raises(CutOff):
        last_boxed(r"\boxed{1} and \boxed{\frac{1}{2}")


@pytest.mark.parametrize(
    ("output", "reference"),
    [
        (r"so \boxed{0.5}", r"\boxed{\frac{1}{2}}"),
        (r"\boxed{\dfrac12}", "0.5"),
        ("It is 1/2.", r"\boxed{\frac{1}{2}}"),
        (r"The answer is $\frac{2}{4}$.", "1/2"),
        (r"\boxed{12,345}", "12345"),
        (r"\boxed{17\text{ meters}}", "17"),
        (r"\boxed{(x+1)^2}", "x^2 + 2x + 1"),
        (r"\boxed{2, 1}", "1, 2"),
        (r"\boxed{\sqrt{8}}", r"2\sqrt{2}"),
        (r"\boxed{\text{Tuesday}}", r"\text{Tuesday}"),
        (r"\boxed{25\%}", r"25\%"),
    ],
)
def test_equal_mathematics_is_correct(output, reference):
    assert math_verdict(output, reference).reason is None


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("", "empty"),
        ("I cannot tell", "no expression"),
        (r"\boxed{\frac{1}{2}", r"cut off within \boxed"),
        (r"1/2, that is \boxed{2}", "wrong value: expected 1/2"),
        (r"\boxed{-\frac12}", "wrong value: expected 1/2"),
        (r"\boxed{\text{half}}", "wrong value: expected 1/2"),
        (r"\boxed{}", "no expression"),
    ],
)
def test_wrong_answers_say_why(output, reason):
    assert math_verdict(output, "1/2").reason == reason


@pytest.mark.parametrize("reference", ["", "  ", r"\boxed{\frac{1}{2}"])
def test_a_reference_without_an_answer_is_refused(reference):
    with pytest.raises(ValueError, match=r"reference = .*: must be an answer, in a complete"):
        math_verdict("1", reference)


def test_boxes_that_are_joined_are_one_answer():
    assert boxed_answer(r"$x=\boxed{1}$ or $x=\boxed{2}$") == "1, 2"
    assert boxed_answer(r"\boxed{1}, \boxed{2} and \boxed{3}") == "1, 2, 3"
    assert boxed_answer(r"first \boxed{1}, then \boxed{2}") == "2"
    assert boxed_answer("\\boxed{1}\n\n\\boxed{1}") == "1"
    assert boxed_answer(r"\boxed{\left\{ x \right.}") == r"\left\{ x \right."


@pytest.mark.parametrize(
    ("output", "reference"),
    [
        (r"\boxed{\textbf{(C)}\ 12}", "C"),
        (r"\boxed{C}", r"\boxed{\textbf{(C)}\ 12}"),
        (r"\boxed{12}", r"\boxed{\textbf{(C)}\ 12}"),
        (r"\boxed{\text{(C)}}", "C"),
        (r"\boxed{10\%}", "10"),
        (r"\boxed{10}", r"10\%"),
        (r"\boxed{0.1}", r"10\%"),
        (r"\boxed{2,5}", "2.5"),
        (r"\boxed{1.234,5}", "1234.5"),
        (r"\boxed{1\,234}", "1234"),
        (r"\boxed{1 234 567}", "1234567"),
        (r"so $1\,234$.", "1234"),
        (r"\boxed{x \ge 2}", r"[2,\infty)"),
        (r"\boxed{]1,2[}", "(1,2)"),
        (r"\boxed{[1;2[}", "[1,2)"),
        (r"\boxed{\text{none}}", r"\emptyset"),
        (r"\boxed{\text{No solution}}", r"\varnothing"),
        (r"\boxed{\text{The answer is } 3}", "3"),
        (r"\boxed{{17\text{ meters}}}", "17"),
        (r"\boxed{monday}", r"\text{Monday}"),
        (r"\boxed{5!}", "120"),
        (r"\boxed{\{2, 1\}}", "1,2"),
        (r"$x=\boxed{1}$ or $x=\boxed{2}$", "1,2"),
        ("\\boxed{3}\n\nProblem:\nWhat is 2+2?\n\nSolution:\n\\boxed{4}", "3"),
        (r"<think>\boxed{4}?</think> \boxed{3}", "3"),
        ("答案：12", "12"),
        (r"\boxed{60^\circ}", "60"),
        (r"\boxed{x \in [1,3)}", "[1,3)"),
        (r"\boxed{\$1{,}250}", "1250"),
        (r"\boxed{12\text{ cm}^2}", "12"),
        (r"\boxed{6\sqrt{2} \approx 8.49}", r"6\sqrt{2}"),
        (r"$\boxed{A}$ and $\boxed{C}$", "A, C"),
        (r"\boxed{y = 2x+1}", "2x+1"),
        (r"\[\boxed{-\dfrac{1}{2}}\]", "-0.5"),
        (r"The answer is \boxed{\textbf{north}}.", r"\text{North}"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\boxed{1 \le x \le 2}", "[1,2]"),
        (r"\boxed{10^{-3}}", "0.001"),
        (r"\boxed{2\frac12}", "2.5"),
        ("\\[\n\\boxed{\n\\begin{aligned} x &= 3 \\end{aligned}\n}\n\\]", "3"),
        (r"The answer is $\boxed {42}$.", "42"),
        (r"\boxed{\{\}}", r"\emptyset"),
        (r"We get $\boxed{3}$ or $\boxed{-3}$.", r"\pm 3"),
        (r"\boxed{18 \text{ dollars}}", r"\$18"),
        (r"\boxed{1101_2}", "1101_{2}"),
        (r"\boxed{0.\overline{3}}", r"\frac13"),
        (r"\boxed{0.1\overline{6}}", r"\frac16"),
        (r"\boxed{\frac12}", r"The final answer is $\frac{2}{4}$."),
        (r"\boxed{9}", "So the total of all the apples is 9."),
    ],
)
def test_an_answer_may_be_written_otherwise_than_the_reference(output, reference):
    assert math_verdict(output, reference).reason is None


@pytest.mark.parametrize(
    ("output", "reference"),
    [
        (r"\boxed{\textbf{(B)}\ 12}", "C"),
        (r"\boxed{B}", r"\textbf{(C)}\ 12"),
        (r"\boxed{11}", r"\textbf{(C)}\ 12"),
        (r"\boxed{235}", r"1\,234"),
        (r"\boxed{\frac{1}{2^{98}}}", r"\frac{1}{2^{99}}"),
        (r"\boxed{\text{seat}}", r"\text{east}"),
        (r"\boxed{(1, \infty)}", r"[1,\infty)"),
        (r"\boxed{]1,2[}", "[1,2]"),
        (r"\boxed{1,234}", "1.234"),
        (r"\boxed{1} or \boxed{2}", "2"),
        (r"\boxed{10\%}", r"20\%"),
        (r"\boxed{0.1}", "10"),
        (r"<think>\boxed{3}", "3"),
        (r"\boxed{x \ge 3}", r"[2,\infty)"),
        (r"\boxed{\text{none}}", "0"),
        (r"So \boxed{4}. Hence \boxed{", "4"),
        (r"\boxed{(-1,3)}", "(3,-1)"),
        (r"\boxed{\text{no}}", r"\text{Yes}"),
        (r"\boxed{\{1,2,3\}}", r"\{1,2\}"),
        (r"\boxed{6\text{ cm}}", r"5\text{ cm}"),
    ],
)
def test_what_only_looks_like_the_reference_is_wrong(output, reference):
    assert not math_verdict(output, reference).is_correct


def test_numbers_of_any_size_are_compared():
    assert math_verdict(r"\boxed{10^{400}}", r"10^{400}").is_correct
    assert not math_verdict(r"\boxed{10^{400}}", r"10^{399}").is_correct
    assert math_verdict(r"\boxed{0.333333}", r"\frac13").is_correct


@pytest.mark.parametrize(
    ("reference", "doubt"),
    [
        (r"so \boxed{3", r"its \boxed{ has no end"),
        (r"\boxed{}", "its box is empty"),
        (" ", "it is empty"),
        ("The answer is four apples", "it is a sentence without a number or a formula"),
    ],
)
def test_a_reference_that_cannot_be_compared_is_told(reference, doubt):
    assert reference_doubt(reference) == doubt
    with pytest.raises(ValueError, match="must be an answer, in a complete"):
        math_verdict("1", reference)


@pytest.mark.parametrize("reference", ["4", r"\text{Monday}", r"x = 3 \text{ or } x = 5", "5 cm"])
def test_a_reference_that_can_be_compared_has_no_doubt(reference):
    assert reference_doubt(reference) is None
    assert math_verdict(reference, reference).is_correct

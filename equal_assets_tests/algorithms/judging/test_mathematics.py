import pytest

from equal_assets.algorithms.judging.mathematics import CutOff, last_boxed, math_verdict


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

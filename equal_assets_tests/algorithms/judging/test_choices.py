"""Answers to multiple choice, in the shapes in which models write them."""

import pytest

from equal_assets.algorithms.judging.choices import choice_verdicts
from equal_assets.records import Option


def options(*texts, right):
    return [Option(label, text, text == right) for label, text in zip("ABCD", texts, strict=False)]


def judged(outputs, *texts, right):
    verdicts = choice_verdicts(outputs, [options(*texts, right=right)] * len(outputs))
    return [output for output, verdict in zip(outputs, verdicts, strict=True) if verdict.is_correct]


METALS = ("wood", "iron", "glass", "salt")
RIGHT = [
    "B",
    "b",
    "(B)",
    "B.",
    "B)",
    "**B**",
    "B. iron",
    "B: iron",
    "(B) iron",
    "B, iron",
    "B – iron",
    "Iron.",
    "the iron",
    "B\n\nExplanation: wood and glass are no metals.",
    "B because iron is a metal and wood is not",
    "B, which is a metal",
    "Option B",
    "The answer is B.",
    "The answer is (B).",
    "The answer is\nB",
    "the correct answer is B",
    "Therefore, the correct choice is (B).",
    "Answer: B. iron",
    "**Answer:** B",
    "The answer is iron.",
    "I think the answer is iron.",
    "It is iron, a metal.",
    "iron, because wood is not",
    "Wood is not a metal, glass neither. The answer is B.",
    "Let me think.\nB",
    "Among these, (B) is the metal",
    "#### B",
    r"So \boxed{B}.",
    r"\boxed{\text{iron}}",
    r"$\boxed{\text{B}}$",
    "<think>A or B? A.</think>B",
    "Die Antwort ist B.",
    "La réponse est B.",
    "Ответ: B",
    "答案是B",
    "答案：B",
    'The answer is "B".',
    "The answer is 'B'.",
    '{"answer": "B"}',
    '```json\n{"reason": "A is no metal", "answer": "iron"}\n```',
]
WRONG = [
    "",
    "A",
    "E",
    "wood",
    "A. wood",
    "A. iron",
    "B. wood",
    "The answer is A.",
    '{"answer": "A"}',
    '{"answer": "A", "reason": "B. iron is no metal"}',
    "B or C",
    "B, C",
    "A or B",
    "iron or wood",
    "iron/wood",
    "B. iron or A. wood",
    "The answer is not given",
    "ironing",
    "It is a metal",
    "none",
]


def test_option_is_right_by_letter_and_by_text_in_every_shape():
    assert judged(RIGHT, *METALS, right="iron") == RIGHT
    assert judged(RIGHT, *METALS, right="wood") == []


def test_other_options_several_and_none_are_wrong():
    assert judged(WRONG, *METALS, right="iron") == []


def test_numbers_are_not_found_in_longer_ones():
    right = ["3", "B", "The answer is 3.", "A. 3"]
    outputs = [*right, "30", "3.5", "13", "-3", "3/4", "It is 3.5"]
    found = judged(outputs, "30", "3", "3.5", "13", right="3")
    assert found == ["3", "B", "The answer is 3."]
    assert judged(["A. 3"], "3", "30", right="3") == ["A. 3"]


def test_article_is_no_letter():
    texts = ("A bird", "a fish", "A tree", "both")
    outputs = ["A fish", "a fish", "The answer is A fish", "B", "A bird", "A", "A because it flies"]
    assert judged(outputs, *texts, right="a fish") == outputs[:4]
    assert judged(outputs, *texts, right="A bird") == outputs[4:]


def test_letters_may_be_options_and_scripts_without_spaces_too():
    assert judged(["T", "A", "B", "The answer is T"], "T", "A", "G", "C", right="T") == [
        "T",
        "A",
        "The answer is T",
    ]
    chinese = ["铁", "答案是铁。", "选择B", "这是铁，不是别的"]
    assert judged([*chinese, "木"], "木", "铁", "玻璃", "盐", right="铁") == chinese


@pytest.mark.parametrize(
    ("output", "extracted", "reason"),
    [
        ("", None, "empty"),
        ("no idea", None, "names no option"),
        ("A", "A. wood", "wrong option: expected B. iron"),
        ("A. iron", "A. wood and B. iron", "names several options"),
    ],
)
def test_wrong_answer_says_why(output, extracted, reason):
    (verdict,) = choice_verdicts([output], [options(*METALS, right="iron")])
    assert (verdict.extracted, verdict.reason) == (extracted, reason)


def test_each_output_needs_its_options():
    with pytest.raises(ValueError, match="1 outputs and 0 references"):
        choice_verdicts(["A"], [])

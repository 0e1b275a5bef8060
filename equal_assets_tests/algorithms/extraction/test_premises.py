import json
from pathlib import Path

import pytest

from equal_assets.algorithms.extraction.premises import missing_premise
from equal_assets.algorithms.extraction.source import source
from equal_assets_tests.timing import takes_less_than

CAPS = "Ann has 15 bottle caps and Ben has 30. Together they have 15 + 30 = 45 bottle caps."
TANK = (
    "A tank holds 360 litres. Pipe A fills it in 6 hours, pipe B in 9. A delivers 360 / 6 = 60 "
    "litres an hour and B 360 / 9 = 40. Together they need 360 / 100 = 3.6 hours."
)
APPLES = "Tom has 5 apples and buys 3 more. Now he has 8 apples. The Maldives have 1192 islands."
BRIDGE = (
    "The bridge in Tolm was opened in 1912 after a flood. A mill beside it burned down. The town "
    "has a school; its enrollment was 480 last year and 502 the year before."
)
CODE = "def merge(a, b):\n    return sorted(a + b)\n\nLet S = {1/n}. Then V(x) = x(30 - 2x)^2."
TALE = (
    "She took the key from my uncle. He said he had lost his hat. I told him she had it, and he "
    "laughed at me. My uncle put his key under the pot, and Bo wore his coat."
)


@pytest.mark.parametrize(
    ("document", "question", "answer", "lack"),
    [
        (CAPS, "How many bottle caps are there in total?", "45", "15, 30"),
        (CAPS, "How many bottle caps are there in total?", "15 + 30 = 45", "15, 30"),
        (TANK, "How long do both pipes together need?", "3.6 hours", "360"),
        (TANK, "How many litres an hour does pipe A deliver?", "360 / 6 = 60", "6, 360"),
        (APPLES, "How many apples does Tom have now?", "8 apples", "3, 5"),
        (BRIDGE, "What was the enrollment last year?", "480", "last year"),
        (BRIDGE, "When was the bridge opened?", "1912", "the bridge opened"),
        (BRIDGE, "Why is the mill closed?", "A fire", "the mill closed"),
        (BRIDGE, "When should it be painted?", "Once a year", "it"),
        (BRIDGE, "What is the name?", "Tolm", "the name"),
        (BRIDGE, "How many pupils are left?", "22", "how many pupils"),
        (CODE, "What does merge([2], [1]) return?", "[1, 2]", "merge()"),
        (CODE, "Is 0 a limit point of S?", "Yes", "S"),
        (CODE, "What are the members of the set S?", "1, 1/2, 1/3 ...", "S"),
        (BRIDGE, "What is the name of the person who is crossing the bridge?", "Ann", "the name"),
        (CODE, "What is the derivative of V?", "(30 - 2x)(30 - 6x)", "V"),
        (TALE, "Who had the hat?", "She", "what happens in a story"),
        (TALE, "What did Bo wear on Tuesday?", "His coat", "what happens in a story"),
    ],
)
def test_premise_that_stayed_in_the_document_is_found(document, question, answer, lack):
    assert missing_premise(question, answer, source(document)) == lack


@pytest.mark.parametrize(
    ("document", "question", "answer"),
    [
        (CAPS, "Ann has 15 caps and Ben 30. How many have they together?", "15 + 30 = 45"),
        (
            TANK,
            "A tank of 360 litres is filled at 100 an hour. How long does it take?",
            "3.6 hours",
        ),
        (APPLES, "How many islands do the Maldives have in total?", "1192"),
        (BRIDGE, "When was the bridge in Tolm opened?", "1912"),
        (BRIDGE, "What was the enrollment of the school in Tolm last year?", "480"),
        (BRIDGE, "Why is the sky blue?", "Air scatters blue light."),
        (BRIDGE, "Who invented the telephone?", "Bell"),
        (BRIDGE, "How do floods damage the bridges of a town?", "They wash the ground away."),
        (BRIDGE, "What is the sum of two and three?", "five"),
        (BRIDGE, "How long does it take to boil an egg?", "Seven minutes"),
        (CODE, "Let S = {1/n}. Is 0 a limit point of S?", "Yes"),
        (CODE, "Write merge(a, b), which joins two lists in order.", "def merge(a, b): ..."),
        (CODE, "What is the amount V to which a volume grows?", "x(30 - 2x)^2"),
        (CODE, "What is knitting?", "Making loops."),
        (CODE, "How much vitamin C does a person need?", "100 mg"),
        (TALE, "Why do people keep keys under pots?", "To find them again."),
        (TALE, "When was Ilse Marwede born?", "1931"),
        (
            "Im Sack sind drei grüne und vier blaue Kugeln, und das sind dann 3 + 4 = 7 Kugeln.",
            "Wie viele Kugeln sind es, wenn drei grüne und vier blaue im Sack sind?",
            "3 + 4 = 7",
        ),
    ],
)
def test_question_that_holds_its_premises_passes(document, question, answer):
    assert missing_premise(question, answer, source(document)) is None


def test_premises_of_other_languages_are_left_alone():
    file = Path(__file__).parents[3] / "benchmarks" / "languages.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    pairs = [(row["text"], pair) for row in rows if "text" in row for pair in row["pairs"]]
    assert len(pairs) == 40
    for text, pair in pairs:
        assert missing_premise(pair["question"], pair["answer"], source(text)) is None


def test_numbers_are_missed_in_any_language():
    document = "Anna hat 15 Deckel und Ben hat 30. Zusammen sind das 15 + 30 = 45 Deckel."
    question = "Wie viele Deckel sind es insgesamt?"
    assert missing_premise(question, "15 + 30 = 45", source(document)) == "15, 30"


@pytest.mark.timing
@pytest.mark.parametrize(
    "unit", ["1 + 2 = 3. ", "A = ", "a shop ", "Aa ", "f(", "he ", "the ", "def f("]
)
def test_hostile_document_is_compared_soon(unit):
    document = unit * (100_000 // len(unit))
    pairs = [(f"How many are there of {n}?", "3") for n in range(50)]
    pairs += [("What is the shop?", "3"), ("How many are there?", "3"), ("What is A?", "f(3)")]
    assert takes_less_than(
        3, lambda n: [missing_premise(*pair, source(f"{document}{n}")) for pair in pairs]
    )

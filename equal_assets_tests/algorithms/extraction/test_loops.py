import json

import pytest

from equal_assets.algorithms.extraction.loops import LoopWatch, is_loop
from equal_assets_tests.timing import takes_less_than

SUM = ("What is 2 + 3?", "5")
PRODUCT = ("What is 2 * 3?", "6")
LAST = ("What is 2 - 3?", "It is -1, as 3 is one more than 2.")


def written(*pairs):
    return json.dumps({"pairs": [{"question": q, "answer": a} for q, a in pairs]})


STEP = "Add the two numbers and write down the sum. "


@pytest.mark.parametrize(
    "reply",
    [
        f'{{"pairs": [{{"question": "How?", "answer": "{STEP * 4}',
        written(("Q?", f"Well: {STEP * 40}")),
        written(SUM, SUM, SUM, SUM),
        written(SUM, SUM, SUM, SUM)[:-2] + ', {"question": "What',
        written(SUM, PRODUCT, SUM, SUM, PRODUCT, SUM),
        written(*[("What is it?", "A long answer, " * 40)] * 4),
        written(("怎么办？", "先加上第一个数。" * 5)),
        f"{STEP}\n{STEP}\n\n{STEP.strip()}\n{STEP.strip()}",
    ],
)
def test_phrase_or_pair_over_and_over_is_a_loop(reply):
    assert is_loop(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        written(SUM, PRODUCT, LAST),
        written(SUM, SUM, SUM),
        written(("How?", STEP * 3)),
        written(("Zeros?", "0, " * 500)),
        written(("A line?", "-" * 500)),
        written(("A table?", "| a | b |\n| --- | --- |\n" + "|  1  |  0  |\n" * 40)),
        written(*[(f"What is the square of {n}?", f"It is {n * n}.") for n in range(40)]),
        "".join(f"Step {n}: add {n} to the sum, which is {n * n} now. " for n in range(30)),
    ],
)
def test_rows_and_like_sentences_are_no_loop(reply):
    assert not is_loop(reply)


@pytest.mark.timing
@pytest.mark.parametrize(
    "unit", ["ab ", "a", "word other third ", '{"a":[', "0 1 2 3 4 5 6 7 8 9 "]
)
def test_looking_for_a_loop_ends_soon(unit):
    reply = "".join(f"{unit}{n} " for n in range(20_000 // len(unit)))
    assert takes_less_than(5, lambda _: is_loop(reply))


def seen_at(reply, prompt="", size=4):
    """Return how much of a reply, coming in pieces, there is when a loop is seen; None if never."""
    watch = LoopWatch(prompt)
    lengths = range(0, len(reply) + 1, size)
    return next((length for length in lengths if watch.sees_loop(reply[:length])), None)


@pytest.mark.parametrize(
    ("reply", "begins"),
    [
        (written(SUM, PRODUCT, ("How?", STEP * 200)), 95),
        (written(SUM, PRODUCT, *[LAST] * 100), 95),
        (written(*[(f"What is {n}?", "A number.") for n in range(90)], *[SUM] * 99), 4100),
    ],
    ids=["sentence", "pair", "late"],
)
def test_loop_is_seen_soon_after_it_has_begun(reply, begins):
    unit = reply[begins : begins + 400]
    assert len(unit) == 400
    found = seen_at(reply)
    assert begins < found <= begins + 1.2 * (begins // 10) + 4 * 64 + 2 * 256


def test_what_the_document_repeats_may_be_copied_while_a_loop_beside_it_is_seen():
    song = "Row, row, row your boat\ngently down the stream.\n"
    copied = written(("What is sung?", song * 6), ("By whom?", "By two."))
    assert seen_at(copied) is not None
    assert seen_at(copied, prompt=f"<document>\n{song * 6}</document>") is None
    stuck = written(("What is sung?", song * 6), ("How?", STEP * 99))
    assert seen_at(stuck, prompt=song * 6) < len(copied) + 1000


def test_like_pairs_are_no_loop_while_they_come():
    reply = written(*[(f"What is the square of {n}?", f"It is {n * n}.") for n in range(99)])
    assert seen_at(reply) is None


@pytest.mark.timing
def test_watching_a_reply_takes_time_in_proportion_to_its_length():
    reply = "".join(f"word {n} other third " for n in range(4000))
    assert takes_less_than(5, lambda _: seen_at(reply, size=8))

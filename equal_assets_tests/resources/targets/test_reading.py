import json
import os
from pathlib import Path

import pytest

from equal_assets.errors import CorpusError
from equal_assets.records import QAPair
from equal_assets.resources.targets.reading import (
    CodeTests,
    read_code_tests,
    read_target,
    read_weights,
)
from equal_assets.settings import TargetSettings
from equal_assets_tests.resources.corpora.test_reading import write_jsonl


def target_of(tmp_path: Path, reference, test, **settings) -> TargetSettings:
    return TargetSettings(
        reference=str(write_jsonl(tmp_path / "reference.jsonl", *reference)),
        test=str(write_jsonl(tmp_path / "test.jsonl", *test)),
        **settings,
    )


def qa(question, answer="A", **more):
    return {"question": question, "answer": answer, **more}


def test_target_pairs_are_read_in_order(tmp_path):
    target = target_of(tmp_path, [qa(" Q1 "), qa("Q2", "B")], [qa("Q3", id=9)])

    assert read_target(target) == ([QAPair("Q1", "A"), QAPair("Q2", "B")], [QAPair("Q3", "A")])


def test_answers_keep_the_indentation_of_code_and_nothing_else(tmp_path):
    target = target_of(tmp_path, [qa("Q1", " A\n")], [qa("Q2", "\n    return 1\n")])

    assert read_target(target) == ([QAPair("Q1", "A")], [QAPair("Q2", "    return 1")])


def test_target_may_be_compressed_and_name_its_fields(tmp_path):
    reference = write_jsonl(tmp_path / "r.jsonl.gz", {"ask": "Q1", "say": "A"})
    test = write_jsonl(tmp_path / "t.jsonl.zst", {"ask": "Q2", "say": "A"})
    target = TargetSettings(
        reference=str(reference), test=str(test), question_field="ask", answer_field="say"
    )

    assert read_target(target) == ([QAPair("Q1", "A")], [QAPair("Q2", "A")])


def test_target_reports_every_bad_line_of_both_files(tmp_path):
    bad = [
        b"{cut",
        b"\xff",
        ["no object"],
        {"answer": "A"},
        qa(5),
        qa("Q", "  "),
        b'{"question": "\\ud800", "answer": "A"}',
    ]
    with pytest.raises(CorpusError) as caught:
        read_target(target_of(tmp_path, [qa("fine"), *bad], [qa("T"), b"{cut"]))

    message = str(caught.value)
    for line in (
        "reference.jsonl:2: broken JSON: {cut",
        "reference.jsonl:3: invalid UTF-8",
        "reference.jsonl:4: not an object",
        "reference.jsonl:5: 'question' is missing",
        "reference.jsonl:6: 'question' is not a string",
        "reference.jsonl:7: 'answer' is empty",
        "reference.jsonl:8: 'question' holds characters that UTF-8 cannot write",
        "test.jsonl:2: broken JSON",
    ):
        assert line in message


def test_target_reports_ten_mistakes_and_counts_the_rest(tmp_path):
    with pytest.raises(CorpusError, match="and 4 more") as caught:
        read_target(target_of(tmp_path, [b"x"] * 14, [qa("T")]))

    assert str(caught.value).count("broken JSON") == 10


@pytest.mark.parametrize("empty", ["reference", "test"])
def test_target_file_without_pairs_is_an_error(tmp_path, empty):
    rows = {"reference": [qa("Q1")], "test": [qa("Q2")], empty: []}

    with pytest.raises(CorpusError, match=rf"{empty}\.jsonl: holds no QA pair"):
        read_target(target_of(tmp_path, rows["reference"], rows["test"]))


def test_question_that_stands_twice_is_an_error(tmp_path):
    target = target_of(tmp_path, [qa("What  is\nIT?"), qa("x"), qa("what is it? ")], [qa("T")])

    with pytest.raises(CorpusError, match=r"reference\.jsonl:3: the question is in line 1"):
        read_target(target)


def test_test_question_in_the_reference_is_an_error(tmp_path):
    target = target_of(tmp_path, [qa("x"), qa("STRASSE  here?")], [qa("Stra\u00dfe here?", "B")])

    with pytest.raises(
        CorpusError, match=r"test\.jsonl:1: the question is in \S*reference\.jsonl:2 too"
    ):
        read_target(target)


def test_truncated_target_is_an_error(tmp_path):
    rows = [qa(f"Q{n} {os.urandom(20).hex()}") for n in range(500)]
    reference = write_jsonl(tmp_path / "r.jsonl.gz", *rows)
    reference.write_bytes(reference.read_bytes()[:-2000])
    test = write_jsonl(tmp_path / "t.jsonl", qa("T"))

    with pytest.raises(CorpusError, match=r"r\.jsonl\.gz:\d+: unreadable file: EOFError"):
        read_target(TargetSettings(reference=str(reference), test=str(test)))


def weighted_target(folder, rows, *, weight_field="weight"):
    (folder / "reference.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "test.jsonl").write_text('{"question": "t", "answer": "a"}\n')
    return TargetSettings.model_validate(
        {"reference": "reference.jsonl", "test": "test.jsonl", "weight_field": weight_field},
        context={"base": folder},
    )


def test_weights_are_read_in_the_order_of_the_reference_pairs(tmp_path):
    rows = [{"question": f"q{i}", "answer": "a", "weight": i / 2} for i in range(1, 4)]
    assert read_weights(weighted_target(tmp_path, rows)) == [0.5, 1.0, 1.5]
    assert read_weights(weighted_target(tmp_path, rows, weight_field=None)) == [1.0] * 3


@pytest.mark.parametrize("weight", [0, -1, "2", None, True, float("inf")])
def test_weight_that_is_not_a_positive_number_is_told_with_its_line(tmp_path, weight):
    rows = [{"question": f"q{i}", "answer": "a", "weight": w} for i, w in enumerate([1, weight])]
    with pytest.raises(CorpusError, match=r"reference.jsonl:2: weight = .*: must be a number abov"):
        read_weights(weighted_target(tmp_path, rows))


def code_target(folder, rows, **fields):
    settings = {"answers": "code", "tests_field": "tests", **fields}
    return target_of(folder, [qa("steers")], rows, **settings)


def test_code_tests_are_a_list_of_statements_or_a_text_after_their_setup(tmp_path):
    rows = [
        qa("Q1", tests=["assert f(1) == 1", "assert f(2) == 2"], setup="import math"),
        qa("Q2", tests="assert g()", setup=""),
    ]
    found = read_code_tests(code_target(tmp_path, rows, setup_field="setup"))
    assert found == [
        CodeTests(prefix="", tests="import math\nassert f(1) == 1\nassert f(2) == 2"),
        CodeTests(prefix="", tests="assert g()"),
    ]


def test_code_that_goes_on_from_a_prompt_is_called_by_its_entry_point(tmp_path):
    check = "def check(candidate):\n    assert candidate(1) == 2"
    rows = [qa("def f(x):", tests=check, entry="f", prompt="def f(x):\n")]
    target = code_target(tmp_path, rows, prefix_field="prompt", entry_point_field="entry")
    expected = CodeTests(prefix="def f(x):\n", tests=f"{check}\ncheck(f)")
    assert read_code_tests(target) == [expected]


def test_answer_without_the_number_to_compare_is_told_with_its_line(tmp_path):
    rows = [qa("Q1", "The answer is 18."), qa("Q2", "nothing")]
    with pytest.raises(CorpusError, match=r"test.jsonl:2: the answer holds no number"):
        read_target(target_of(tmp_path, [qa("R", "steers")], rows, answers="number"))
    read_target(target_of(tmp_path, [qa("R", "steers")], rows))


def test_numbers_with_a_decimal_comma_are_read_without_a_word(tmp_path):
    answers = ["18,50", "2,5", "1.250.000", "1 234 km", "1.234"]
    rows = [qa(f"Wie viel {n}?", answer) for n, answer in enumerate(answers)]
    _, test = read_target(target_of(tmp_path, [qa("Wie weit?")], rows, answers="number"))
    assert [pair.answer for pair in test] == answers


def test_a_number_of_two_readings_is_told_with_its_line_and_what_to_set(tmp_path):
    rows = [qa("x?", "1.234"), qa("y?", "18"), qa("z?", "5-7")]
    with pytest.raises(CorpusError) as caught:
        read_target(target_of(tmp_path, [qa("R")], rows, answers="number"))
    message = str(caught.value)
    assert (
        "test.jsonl:1: answer = '1.234': must be one number, but '1.234' is 1234 or 1.234; set "
        "the target's `decimal` to point or comma"
    ) in message
    assert "test.jsonl:3: answer = '5-7': must be one number, but '5-7' are two numbers" in message
    assert "test.jsonl:2" not in message
    for decimal in ("point", "comma"):
        target = target_of(tmp_path, [qa("R")], rows[:2], answers="number", decimal=decimal)
        assert len(read_target(target)[1]) == 2


def test_a_decimal_mark_belongs_to_numbers(tmp_path):
    with pytest.raises(ValueError, match="decimal = 'comma': must be left out where answers is te"):
        target_of(tmp_path, [qa("R")], [qa("T")], decimal="comma")


@pytest.mark.parametrize(
    ("answer", "doubt"),
    [
        (r"so \boxed{3", r"its \boxed{ has no end"),
        (r"\boxed{}", "its box is empty"),
        ("The answer is four apples", "it is a sentence without a number or a formula"),
    ],
)
def test_a_formula_that_cannot_be_judged_is_told_with_its_line(tmp_path, answer, doubt):
    rows = [qa("Q1", r"so \boxed{3}"), qa("Q2", answer)]
    with pytest.raises(CorpusError) as caught:
        read_target(target_of(tmp_path, [qa("R")], rows, answers="math"))
    said = f"answer = {answer!r}: must be an answer, in a complete \\boxed{{...}} or alone, but "
    assert f"test.jsonl:2: {said}{doubt}; mend it" in str(caught.value)


def test_code_tests_that_are_no_python_are_told_with_their_line(tmp_path):
    rows = [qa("Q1", tests=["assert f()"]), qa("Q2", tests=["assert f("])]
    with pytest.raises(CorpusError, match=r"test.jsonl:2: tests = 'assert f\(': must be Python; "):
        read_code_tests(code_target(tmp_path, rows))


def test_other_targets_have_no_code_tests(tmp_path):
    assert read_code_tests(target_of(tmp_path, [qa("R")], [qa("T")], answers="number")) == []


@pytest.mark.parametrize("tests", [None, "", [], ["assert f()", 3], 7, [" "]])
def test_code_question_without_usable_tests_is_told_with_its_line(tmp_path, tests):
    rows = [qa("Q1", tests=["assert f()"]), qa("Q2", tests=tests)]
    with pytest.raises(CorpusError, match=r"test.jsonl:2: tests = .*: must be Python statements"):
        read_code_tests(code_target(tmp_path, rows))


def test_entry_point_that_is_no_name_is_told_with_its_line(tmp_path):
    rows = [qa("Q", tests="assert f()", entry="f(x)")]
    with pytest.raises(CorpusError, match=r"test.jsonl:1: entry = 'f\(x\)': must be the name of"):
        read_code_tests(code_target(tmp_path, rows, entry_point_field="entry"))


def test_file_that_is_gone_is_told(tmp_path):
    target = target_of(tmp_path, [qa("R")], [qa("T")])
    (tmp_path / "test.jsonl").unlink()
    with pytest.raises(CorpusError, match=r"test\.jsonl:1: unreadable file: FileNotFoundError"):
        read_target(target)


def test_further_right_answers_are_read_with_the_decimal_mark_of_the_target(tmp_path):
    rows = [qa("A", answer="18,50"), qa("B", answer=["2,5", "1.234"])]
    target = target_of(tmp_path, [qa("R")], rows, answers="number")
    assert [pair.answer for pair in read_target(target)[1]] == ["18,50", "2,5"]
    rows = [qa("A", answer=["7", "1.234"])]
    with pytest.raises(CorpusError, match=r"test\.jsonl:1: answer = '1\.234': must be one number"):
        read_target(target_of(tmp_path, [qa("R")], rows, answers="number"))

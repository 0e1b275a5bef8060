"""What `equal check` says of targets: pairs as they are read, and an answer that was judged."""

import json
import re

import pytest

from equal_assets.errors import CorpusError
from equal_assets.planning.targets import look_through_target, warn_of_few_pairs
from equal_assets.settings import EvaluationSettings, TargetSettings

MARS = ["Mars", "Moon"]


def told(folder, reference, test, **settings):
    files = {}
    for name, row in (("reference", reference), ("test", test)):
        files[name] = str(folder / f"{name}.jsonl")
        (folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    return look_through_target(TargetSettings(**files, **settings), EvaluationSettings())


def test_options_are_shown_and_the_true_one_is_judged(tmp_path):
    rows = [{"question": f"{n}?", "choices": MARS, "answer": "Mars"} for n in "ab"]
    said = told(tmp_path, *rows)
    assert said == (
        "1 reference and 1 test pairs; read from question, choices, answer; "
        "the first is: a? A. Mars B. Moon -> A. Mars; "
        "the first true answer is judged right (A. Mars)"
    )


def test_written_answers_of_texts_are_not_judged(tmp_path):
    rows = [{"instruction": "Do", "input": n, "output": "So."} for n in "ab"]
    said = told(tmp_path, *rows)
    assert "read from instruction, input, output; the first is: Do a -> So." in said
    assert said.endswith("written answers are not judged (answers: text)")


def test_numbers_are_judged(tmp_path):
    rows = [{"question": f"{n}?", "answer": n} for n in (41, 42)]
    assert told(tmp_path, *rows, answers="number").endswith("is judged right (42)")


def test_code_that_fails_its_own_tests_is_told(tmp_path):
    rows = [
        {"question": f"{n}?", "answer": "def f():\n    return 1", "tests": f"assert f() == {n}"}
        for n in (1, 2)
    ]
    named = {"answers": "code", "tests_field": "tests"}
    with pytest.raises(
        CorpusError, match=r"test\.jsonl: the true answer to the first question must"
    ):
        told(tmp_path, *rows, **named)
    assert "is judged right (def f():" in told(tmp_path, *rows[::-1], **named)


@pytest.mark.parametrize(
    ("n_pairs", "said"),
    [(1, "1 reference pair: .* like it;"), (3, "3 .* fewer than 16")],
)
def test_reference_set_too_small_to_tell_a_task_is_told(tmp_path, n_pairs, said):
    rows = [json.dumps({"question": f"{n}?", "answer": "a"}) + "\n" for n in range(16)]
    (tmp_path / "reference.jsonl").write_text("".join(rows[:n_pairs]))
    (tmp_path / "test.jsonl").write_text(json.dumps({"question": "b?", "answer": "b"}) + "\n")
    files = {name: str(tmp_path / f"{name}.jsonl") for name in ("reference", "test")}
    assert re.match(said, warn_of_few_pairs(TargetSettings(**files)))
    (tmp_path / "reference.jsonl").write_text("".join(rows))
    assert warn_of_few_pairs(TargetSettings(**files)) == ""

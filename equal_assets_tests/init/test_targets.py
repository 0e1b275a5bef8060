"""What `equal init` sees in files of questions, and how it splits one."""

import json

import pytest

from equal_assets.errors import CorpusError
from equal_assets.init.targets import (
    guess_answers,
    guess_fields,
    look_at_target,
    read_file,
    shared_fields,
    shown_pair,
    split_questions,
)
from equal_assets.records import QAPair

FIELDS = {"question_field": "question", "answer_field": "answer"}


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def pairs(n):
    return [{"question": f"What is {i}?", "answer": str(i), "n": i} for i in range(n)]


def test_fields_are_known_by_their_names(tmp_path):
    rows = [{"id": 3, "output": "b", "instruction": "a"}]
    assert guess_fields(write(tmp_path / "q.jsonl", rows), {}) == {
        "question_field": "instruction",
        "answer_field": "output",
    }


def test_fields_that_are_named_come_first(tmp_path):
    file = write(tmp_path / "q.jsonl", [{"question": "a", "answer": "b", "gold": "c"}])
    chosen = guess_fields(file, {"question_field": None, "answer_field": "gold"})
    assert chosen == {"question_field": "question", "answer_field": "gold"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "--question-field = not given: must be a field of q.jsonl, which has: a, b"),
        ({"question_field": "c"}, "--question-field = c: must be a field of q.jsonl"),
    ],
)
def test_file_without_likely_fields_asks_for_them(given, told, tmp_path):
    with pytest.raises(CorpusError, match=told):
        guess_fields(write(tmp_path / "q.jsonl", [{"a": "x", "b": "y"}]), given)


def test_broken_row_and_missing_file_are_told(tmp_path):
    (tmp_path / "q.jsonl").write_text('{"question": "a", "answer": "b"}\n{"question"\n')
    with pytest.raises(CorpusError, match=r"q\.jsonl:2: broken JSON"):
        guess_fields(tmp_path / "q.jsonl", {})
    with pytest.raises(CorpusError, match=r"none\.jsonl: must be a file of questions"):
        guess_fields(tmp_path / "none.jsonl", {})


def test_pairs_of_both_files_are_counted_and_leaks_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("EQUAL_CAMPAIGNS")
    monkeypatch.chdir(tmp_path)
    reference = write(tmp_path / "r.jsonl", pairs(5))
    test = write(tmp_path / "t.jsonl", [{"question": "Why?", "answer": "So."}])
    looked = look_at_target(reference, test, FIELDS)
    assert (looked.n_reference, looked.n_test) == (5, 1)
    with pytest.raises(CorpusError, match=r"r\.jsonl:1 too; a test question .* steer"):
        look_at_target(reference, reference, FIELDS)


def test_a_file_is_split_in_halves_that_hold_every_row_once_in_its_order(tmp_path):
    file = write(tmp_path / "q.jsonl", pairs(21))
    halves = split_questions(file, FIELDS)
    reference, test = ([json.loads(row)["n"] for row in half.splitlines()] for half in halves)
    assert (len(reference), len(test)) == (11, 10)
    assert sorted(reference + test) == list(range(21))
    assert reference == sorted(reference)
    assert test == sorted(test) != list(range(11, 21))
    assert split_questions(file, FIELDS) == halves


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            [*pairs(2), {"question": "what is  0?", "answer": "0"}],
            r"q\.jsonl:3: the question .* line 1",
        ),
        ([*pairs(2), {"question": "x", "answer": ""}], r"q\.jsonl:3: 'answer' is empty"),
        (pairs(1), r"q\.jsonl holds 1 pair: must be at least 2"),
    ],
)
def test_file_that_cannot_be_split_is_refused_with_the_row(rows, told, tmp_path):
    with pytest.raises(CorpusError, match=told):
        split_questions(write(tmp_path / "q.jsonl", rows), FIELDS)


TURNS = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]


@pytest.mark.parametrize(
    ("row", "keys"),
    [
        (
            {"instruction": "Do it", "input": "x", "output": "y"},
            {"question_field": "instruction", "answer_field": "output", "input_field": "input"},
        ),
        ({"messages": TURNS}, {"format": "chat", "question_field": "messages"}),
        (
            {"question": "Q", "choices": ["a", "b"], "answer": 0},
            {
                "question_field": "question",
                "answer_field": "answer",
                "choices_field": "choices",
                "choice_key": "from_0",
            },
        ),
        (
            {"question": "Q", "A": "x", "B": "y", "answer": "A"},
            {"question_field": "question", "answer_field": "answer", "choices_field": ["A", "B"]},
        ),
    ],
)
def test_shape_is_recognized_and_its_keys_read_it(row, keys, tmp_path):
    file = write(tmp_path / "q.jsonl", [row])
    assert guess_fields(file, {}) == keys
    assert len(read_file(file, keys)) == 1


def test_fields_that_could_hold_the_same_are_listed(tmp_path):
    file = write(tmp_path / "q.jsonl", [{"prompt": "a", "query": "b", "answer": "c"}])
    with pytest.raises(CorpusError, match="question_field = not given: can be prompt or query"):
        guess_fields(file, {})
    assert guess_fields(file, {"question_field": "query"})["question_field"] == "query"


def test_keys_of_two_files_are_named_where_they_are_the_same(tmp_path):
    alpaca = write(tmp_path / "a.jsonl", [{"instruction": "Do it", "output": "y"}])
    chats = write(tmp_path / "c.jsonl", [{"messages": TURNS}])
    keys = guess_fields(alpaca, {})
    assert shared_fields(keys, alpaca, {}) == keys
    assert shared_fields(keys, chats, {}) == {}
    looked = look_at_target(alpaca, chats, {})
    assert (looked.n_test, looked.example) == (1, QAPair("Do it", "y"))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["42", "-3.5"], "number"),
        (["6*7=42\n#### 42", "1"], "number"),
        ([r"so \boxed{4}"], "math"),
        (["42", "four"], "text"),
        (["A. Mars"], "text"),
    ],
)
def test_answers_say_how_they_are_judged(answers, expected):
    assert guess_answers([QAPair("Q", answer) for answer in answers]) == expected


def test_pair_is_shown_as_it_is_read_but_not_all_of_a_long_one():
    shown = list(shown_pair(QAPair("Which?\nA. x\nB. y", "\n".join("z" * 200 for _ in range(12)))))
    assert shown[:4] == [
        "question  Which?",
        "          A. x",
        "          B. y",
        f"answer    {'z' * 100}…",
    ]
    assert shown[-1] == "          … (4 more lines)"

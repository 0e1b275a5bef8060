"""What `equal init` sees in files of questions, and how it splits one."""

import json

import pytest

from equal_assets.errors import CorpusError
from equal_assets.init.targets import guess_fields, look_at_target, split_questions

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
    with pytest.raises(CorpusError, match=r"none\.jsonl: must be a JSONL file"):
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

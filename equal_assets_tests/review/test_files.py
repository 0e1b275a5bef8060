import csv
import io
import json

import pytest

from equal_assets.errors import ReviewError
from equal_assets.records import QAPair
from equal_assets.resources.verdicts import PairVerdict
from equal_assets.review.files import FORMATS, read_file, write_file


def told(reviewing):
    return {
        v.pair.question: (v.said, v.reason, v.edited, v.reviewer)
        for v in reviewing.standing().values()
    }


def pair(reviewing, qa_id):
    return reviewing.pairs[qa_id].pair


@pytest.mark.parametrize("form", FORMATS)
def test_what_goes_out_comes_back_as_it_was(reviewing, tmp_path, form):
    path = tmp_path / "pairs.json"
    said = write_file(reviewing, path, form)
    assert said.startswith("2 pairs, 0 with a verdict, in ")
    assert read_file(reviewing, path, form).endswith(
        "0 verdicts taken, 0 as they were, 2 rows without one"
    )
    assert told(reviewing) == {}


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.jsonl"])
def test_verdicts_go_out_and_come_back_to_another_machine(reviewing, tmp_path, name):
    new = QAPair("question b200", "=better\nby far")
    reviewing.say(
        [
            PairVerdict(pair(reviewing, "a100"), "rejected", "anna", reason="wrong"),
            PairVerdict(pair(reviewing, "b200"), "edited", "anna", edited=new),
        ]
    )
    path = tmp_path / name
    write_file(reviewing, path, None)
    assert "2 as they were" in read_file(reviewing, path, None)
    reviewing.verdicts.path.unlink()
    reviewing.reviewer = "ben"
    assert "2 verdicts taken" in read_file(reviewing, path, None)
    assert told(reviewing) == {
        "question a100": ("rejected", "wrong", None, "ben"),
        "question b200": ("edited", "", new, "ben"),
    }


def test_cell_of_a_spreadsheet_is_never_a_formula(reviewing, tmp_path):
    evil = QAPair("=HYPERLINK('http://evil.example')", "'quoted' @home")
    reviewing.say([PairVerdict(pair(reviewing, "a100"), "edited", "anna", edited=evil)])
    path = tmp_path / "pairs.csv"
    write_file(reviewing, path, None)
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "1 as they were" in read_file(reviewing, path, None)


def test_semicolons_of_a_spreadsheet_are_read(reviewing, tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("qa_id;verdict;reason\na100;Rejected;too easy, by far\nb200;;\n")
    assert "1 verdicts taken, 0 as they were, 1 rows without" in read_file(reviewing, path, None)
    assert told(reviewing)["question a100"][:2] == ("rejected", "too easy, by far")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("qa_id,verdict\na100,good\n", "row 2: verdict = 'good': must be accepted, edited or rej"),
        ("qa_id,verdict\nx,accepted\n", "row 2: qa_id = 'x': must be one of the 2 pairs of campa"),
        ("qa_id,verdict\na100,edited\n", "row 2: new_question and new_answer are those of the"),
        ("qa_id,verdict,reason\na100,,bad\n", "row 2: verdict is empty beside reason: must be"),
        ("qa_id,said\na100,accepted\n", "row 1: columns are qa_id, said: must have verdict"),
        ("", "row 1: columns are none: must have qa_id and verdict"),
        (
            "qa_id,verdict,answer\na100,edited,mine\n",
            "row 2: answer = 'mine': must be as extracted; write new words into new_answer",
        ),
        (
            "qa_id,verdict\na100,accepted\na100,rejected\n",
            "row 3: verdict = 'rejected': must be that of an earlier row of the same pair",
        ),
    ],
)
def test_wrong_row_is_named_and_nothing_of_the_file_is_taken(reviewing, tmp_path, rows, message):
    path = tmp_path / "pairs.csv"
    path.write_text(rows + ("b200,accepted\n" if rows.startswith("qa_id,verdict\n") else ""))
    with pytest.raises(ReviewError) as found:
        read_file(reviewing, path, None)
    assert message in str(found.value)
    assert str(path) in str(found.value)
    assert told(reviewing) == {}


def test_many_wrong_rows_are_told_in_short(reviewing, tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("qa_id,verdict\n" + "a100,good\n" * 30)
    with pytest.raises(ReviewError, match=r"row 11: .*\n… and 20 more\nNothing of the file was"):
        read_file(reviewing, path, None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: must be JSON"),
        ("[]", "line 1: must be an object with qa_id, a text"),
        ('{"qa_id": "a100", "verdict": 1}', "line 1: verdict = 1: must be a text"),
    ],
)
def test_wrong_line_is_named(reviewing, tmp_path, line, message):
    path = tmp_path / "pairs.jsonl"
    path.write_text(line)
    with pytest.raises(ReviewError) as found:
        read_file(reviewing, path, None)
    assert f"{path}, {message}" in str(found.value)


def test_name_or_encoding_that_tells_nothing_says_what_to_do(reviewing, tmp_path):
    with pytest.raises(ReviewError, match=r"must end in .csv or .jsonl, or name its kind: --form"):
        write_file(reviewing, tmp_path / "pairs.txt", None)
    path = tmp_path / "pairs.csv"
    path.write_bytes("qa_id,verdict,reason\na100,rejected,größer\n".encode("latin-1"))
    with pytest.raises(ReviewError, match="must be UTF-8; in a spreadsheet, save it as"):
        read_file(reviewing, path, None)


def label_studio_answer(task, by, **said):
    """Return a task as Label Studio exports it once it is annotated."""
    result = [
        {"id": name, "from_name": name, "to_name": "question", "type": "textarea"}
        | {"value": {"text": [value]}}
        for name, value in said.items()
        if name != "verdict"
    ]
    result.append(
        {"id": "v", "from_name": "verdict", "to_name": "question", "type": "choices"}
        | {"value": {"choices": [said["verdict"]]}}
    )
    done = {"id": 9, "completed_by": by, "result": result, "was_cancelled": False}
    return {"id": 1, **task, "annotations": [{**done, "was_cancelled": True, "result": []}, done]}


def test_label_studio_gets_tasks_and_gives_annotations_back(reviewing, tmp_path):
    path = tmp_path / "tasks.json"
    reviewing.say([PairVerdict(pair(reviewing, "a100"), "rejected", "anna", reason="wrong")])
    write_file(reviewing, path, "label-studio")
    interface = path.with_suffix(".xml").read_text()
    tasks = {task["data"]["qa_id"]: task for task in json.loads(path.read_text())}
    assert {f'value="${key}"' in interface for key in ("document", "question", "answer")} == {True}
    results = {r["from_name"]: r["value"] for r in tasks["a100"]["predictions"][0]["result"]}
    assert results == {"verdict": {"choices": ["rejected"]}, "reason": {"text": ["wrong"]}}
    assert all(f'name="{name}"' in interface for name in results)
    answers = [
        label_studio_answer(tasks["a100"], {"id": 1, "email": "cleo@x.org"}, verdict="accepted"),
        label_studio_answer(tasks["b200"], 7, verdict="edited", new_answer="better"),
    ]
    path.write_text(json.dumps(answers))
    assert "2 verdicts taken" in read_file(reviewing, path, "label-studio")
    assert told(reviewing) == {
        "question a100": ("accepted", "", None, "cleo@x.org"),
        "question b200": ("edited", "", QAPair("question b200", "better"), "anna"),
    }


def test_argilla_gets_records_and_gives_responses_back(reviewing, tmp_path):
    path = tmp_path / "records.json"
    reviewing.say([PairVerdict(pair(reviewing, "a100"), "rejected", "ben", reason="wrong")])
    write_file(reviewing, path, "argilla")
    records = {record["id"]: record for record in json.loads(path.read_text())}
    assert records["a100"]["suggestions"] == {
        "verdict": {"value": "rejected", "score": None, "agent": "ben"},
        "reason": {"value": "wrong", "score": None, "agent": "ben"},
    }
    assert records["b200"]["fields"]["document"] == "text 2"
    user = "a4a5ed5b-1c9d-4b6c-b5ad-f9f6a4f1a6c3"
    records["b200"]["responses"] = {"verdict": [{"value": "accepted", "user_id": user}]}
    path.write_text(json.dumps(list(records.values())))
    assert "1 verdicts taken, 0 as they were, 1 rows without" in read_file(
        reviewing, path, "argilla"
    )
    assert told(reviewing)["question b200"] == ("accepted", "", None, "anna")
    records["a100"]["responses"] = {
        "verdict": [
            {"value": "accepted", "user_id": user},
            {"value": "rejected", "user_id": "another"},
        ]
    }
    path.write_text(json.dumps(list(records.values())))
    with pytest.raises(ReviewError, match="2 annotators said different things: must be one"):
        read_file(reviewing, path, "argilla")


@pytest.mark.parametrize("form", ["argilla", "label-studio"])
@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"id": "a100", "data": {}}]'])
def test_file_of_another_kind_says_what_it_must_be(reviewing, tmp_path, form, text):
    path = tmp_path / "pairs.json"
    path.write_text(text)
    with pytest.raises(ReviewError, match="must be"):
        read_file(reviewing, path, form)

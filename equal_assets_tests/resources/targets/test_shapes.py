"""Targets in the shapes in which people have them, each with the pair that it must become."""

import csv
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equal_assets import inputs
from equal_assets.errors import CorpusError
from equal_assets.records import Option, QAPair
from equal_assets.resources.targets.reading import read_options, read_target
from equal_assets.settings import TargetSettings, fingerprint

MARS = ["Mars", "Moon", "Sun", "Ceres"]
SHOWN = "A. Mars\nB. Moon\nC. Sun\nD. Ceres"
TURNS = [{"role": "user", "content": "What is 2+2?"}, {"role": "assistant", "content": "4"}]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def target_of(folder, reference, test=None, **settings):
    """Return a target of rows; without test rows it has one other question of the same shape."""
    file = write(folder / "reference.jsonl", reference)
    other = write(folder / "test.jsonl", test or [changed(reference[0])])
    return TargetSettings(reference=str(file), test=str(other), **settings)


def changed(value):
    """Return a row of the same shape with another question."""
    if isinstance(value, dict):
        return {key: changed(held) for key, held in value.items()}
    if isinstance(value, list):
        return [changed(held) for held in value]
    return value.replace("?", " now?") if isinstance(value, str) else value


def first(folder, *rows, test=None, **settings):
    reference, _ = read_target(target_of(folder, rows, test, **settings))
    return reference[0]


PAIRS = {
    "Alpaca": (
        {"instruction": "Translate, will you?", "input": "The cat.", "output": "Le chat."},
        QAPair("Translate, will you?\n\nThe cat.", "Le chat."),
    ),
    "SVAMP": (
        {"ID": "c-1", "Body": "Ann has 2 pens.", "Question": "How many?", "Answer": 2.0},
        QAPair("How many?\n\nAnn has 2 pens.", "2"),
    ),
    "CoQA": (
        {"story": "Ann has 2 pens.", "question": "How many?", "answer": "2"},
        QAPair("How many?\n\nAnn has 2 pens.", "2"),
    ),
    "MGSM": (
        {"question": "How many?", "answer": None, "answer_number": 18, "equation_solution": None},
        QAPair("How many?", "18"),
    ),
    "question in an object": (
        {"id": 1, "question": {"query": "How many?", "lang": "en"}, "answer": "2"},
        QAPair("How many?", "2"),
    ),
    "Alpaca without input": (
        {"instruction": "Name a river?", "input": "", "output": "Elbe"},
        QAPair("Name a river?", "Elbe"),
    ),
    "Alpaca with system and history": (
        {
            "system": "Be short.",
            "history": [["Hi", "Hello"]],
            "instruction": "Why?",
            "input": None,
            "output": "So.",
        },
        QAPair("Be short.\n\nUser: Hi\n\nAssistant: Hello\n\nWhy?", "So."),
    ),
    "Dolly": (
        {"instruction": "Who wrote it?", "context": "Emma is by Austen.", "response": "Austen"},
        QAPair("Who wrote it?\n\nEmma is by Austen.", "Austen"),
    ),
    "prompt and completion": (
        {"prompt": "Why?", "completion": "So."},
        QAPair("Why?", "So."),
    ),
    "input and output": ({"input": "Why?", "output": "So."}, QAPair("Why?", "So.")),
    "problem, solution and answer": (
        {"problem": "1+1?", "solution": "It is 2, as ...", "answer": "2"},
        QAPair("1+1?", "2"),
    ),
    "names in capitals": ({"Question": "Why?", "Answer": "So."}, QAPair("Why?", "So.")),
    "messages": ({"messages": TURNS}, QAPair("What is 2+2?", "4")),
    "messages with a system": (
        {"messages": [{"role": "system", "content": "Be short."}, *TURNS]},
        QAPair("Be short.\n\nWhat is 2+2?", "4"),
    ),
    "messages with parts": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
                {"role": "assistant", "content": "So.", "tool_calls": None},
            ]
        },
        QAPair("Why?", "So."),
    ),
    "several turns": (
        {
            "messages": [
                *TURNS,
                {"role": "user", "content": "Why?"},
                {"role": "assistant", "content": "So."},
            ]
        },
        QAPair("User: What is 2+2?\n\nAssistant: 4\n\nUser: Why?", "So."),
    ),
    "ShareGPT": (
        {
            "system": "Be short.",
            "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}],
        },
        QAPair("Be short.\n\nWhy?", "So."),
    ),
    "prompt of turns and completion of turns": (
        {"prompt": TURNS[:1], "completion": TURNS[1:]},
        QAPair("What is 2+2?", "4"),
    ),
    "UltraChat's prompt beside messages": (
        {"prompt": "What is 2+2?", "prompt_id": "1", "messages": TURNS},
        QAPair("What is 2+2?", "4"),
    ),
    "integer": ({"question": "6*7?", "answer": 42}, QAPair("6*7?", "42")),
    "float": ({"question": "6*7?", "answer": 42.0}, QAPair("6*7?", "42")),
    "fraction": ({"question": "1/8?", "answer": 0.125}, QAPair("1/8?", "0.125")),
    "boolean": (
        {"question": "Is it?", "passage": "It is.", "answer": True},
        QAPair("Is it?\n\nIt is.", "true"),
    ),
    "several answers": (
        {"question": "Who?", "answer": ["Austen", "Jane Austen", "Austen"]},
        QAPair("Who?", "Austen"),
    ),
    "SQuAD": (
        {
            "context": "Emma is by Austen.",
            "question": "Who wrote it?",
            "answers": {"text": ["Austen", "by Austen"], "answer_start": [11, 8]},
        },
        QAPair("Who wrote it?\n\nEmma is by Austen.", "Austen"),
    ),
    "TriviaQA": (
        {"question": "Who?", "answer": {"value": "Austen", "aliases": ["J. Austen"]}},
        QAPair("Who?", "Austen"),
    ),
    "MMLU": (
        {"question": "A planet?", "subject": "x", "choices": MARS, "answer": 0},
        QAPair(f"A planet?\n{SHOWN}", "A. Mars"),
    ),
    "OpenBookQA as published": (
        {
            "id": "7-1",
            "question": {
                "stem": "A planet?",
                "choices": [{"text": t, "label": k} for k, t in zip("ABCD", MARS, strict=True)],
            },
            "answerKey": "A",
        },
        QAPair(f"A planet?\n{SHOWN}", "A. Mars"),
    ),
    "ARC": (
        {
            "question": "A planet?",
            "choices": {"text": MARS, "label": ["1", "2", "3", "4"]},
            "answerKey": "1",
        },
        QAPair(f"A planet?\n{SHOWN}", "A. Mars"),
    ),
    "OpenBookQA": (
        {
            "question_stem": "A planet?",
            "choices": {"text": MARS, "label": ["A", "B", "C", "D"]},
            "answerKey": "A",
        },
        QAPair(f"A planet?\n{SHOWN}", "A. Mars"),
    ),
    "MedQA": (
        {
            "question": "A planet?",
            "options": dict(zip("ABCD", MARS, strict=True)),
            "answer": "Mars",
            "answer_idx": "A",
        },
        QAPair(f"A planet?\n{SHOWN}", "A. Mars"),
    ),
    "options as objects": (
        {
            "question": "A planet?",
            "options": [{"key": k, "value": v} for k, v in zip("ABCD", MARS, strict=True)],
            "answer": "A",
        },
        QAPair(f"A planet?\n{SHOWN}", "A. Mars"),
    ),
    "options with their letters": (
        {
            "question": "A planet?",
            "options": [f"{k}) {v}" for k, v in zip("ABCD", MARS, strict=True)],
            "answer": "(A)",
        },
        QAPair(f"A planet?\n{SHOWN}", "A. Mars"),
    ),
    "columns of letters": (
        {"question": "A planet?", **dict(zip("ABCD", MARS, strict=True)), "answer": "A"},
        QAPair(f"A planet?\n{SHOWN}", "A. Mars"),
    ),
    "MedMCQA": (
        {
            "question": "A planet?",
            "opa": "Mars",
            "opb": "Moon",
            "opc": "Sun",
            "opd": "Ceres",
            "cop": 0,
        },
        QAPair(f"A planet?\n{SHOWN}", "A. Mars"),
    ),
    "SciQ": (
        {
            "question": "A planet?",
            "distractor1": "Moon",
            "distractor2": "Sun",
            "correct_answer": "Mars",
            "support": "",
        },
        QAPair("A planet?\nA. Mars\nB. Moon\nC. Sun", "A. Mars"),
    ),
    "RACE": (
        {"article": "On Mars.", "question": "A planet?", "options": MARS, "answer": "A"},
        QAPair(f"A planet?\n\nOn Mars.\n{SHOWN}", "A. Mars"),
    ),
}


@pytest.mark.parametrize("shape", PAIRS)
def test_shape_is_recognized(shape, tmp_path):
    row, expected = PAIRS[shape]
    assert first(tmp_path, row) == expected


def test_fields_may_be_named_with_dots(tmp_path):
    row = {"data": {"q": "Why?", "a": {"text": "So."}}}
    named = {"question_field": "data.q", "answer_field": "data.a.text"}
    assert first(tmp_path, row, **named) == QAPair("Why?", "So.")


def test_fields_that_are_named_are_all_that_pairs_have(tmp_path):
    row = {"instruction": "Why?", "input": "this", "output": "So.", "options": ["a", "b"]}
    named = {"question_field": "instruction", "answer_field": "output", "format": "pairs"}
    assert first(tmp_path, row, **named) == QAPair("Why?", "So.")
    assert first(
        tmp_path,
        {"q": "Why?", "topic": "This.", "a": "So."},
        question_field="q",
        answer_field="a",
        input_field="topic",
    ) == QAPair("Why?\n\nThis.", "So.")


def test_system_messages_can_be_left_out(tmp_path):
    row = {"messages": [{"role": "system", "content": "Be short."}, *TURNS]}
    assert first(tmp_path, row, keep_system=False) == QAPair("What is 2+2?", "4")


def test_rows_that_share_an_instruction_are_different_questions(tmp_path):
    rows = [{"instruction": "Translate?", "input": i, "output": i} for i in ("one", "two")]
    reference, _ = read_target(target_of(tmp_path, rows))
    assert [pair.answer for pair in reference] == ["one", "two"]


def test_files_of_one_target_may_have_different_shapes(tmp_path):
    test = [{"question": "A metal?", "choices": MARS, "answer": 0}]
    target = target_of(tmp_path, [{"messages": TURNS}], test)
    reference, judging = read_target(target)
    assert (reference[0].answer, judging[0].answer) == ("4", "A. Mars")


def rows_of(n):
    return [{"question": f"What is {i}?", "answer": str(i)} for i in range(n)]


def written(path, rows):
    """Write rows in the format of a path's ending."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    match path.name.partition(".")[2]:
        case "parquet" | "data":
            pq.write_table(pa.Table.from_pylist(rows), path)
        case "csv" | "tsv":
            with path.open("w", newline="", encoding="utf-8-sig") as file:
                writer = csv.DictWriter(
                    file, rows[0], delimiter="\t" if path.suffix == ".tsv" else ","
                )
                writer.writeheader()
                writer.writerows(rows)
        case "json":
            path.write_text(json.dumps(rows, indent=2))
        case "jsonl.gz":
            path.write_bytes(gzip.compress(text.encode()))
        case _:
            path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    return path


@pytest.mark.parametrize(
    "name", ["r.parquet", "r.data", "r.csv", "r.tsv", "r.json", "r.jsonl", "r.jsonl.gz"]
)
def test_format_is_known_by_ending_and_content(name, tmp_path):
    reference = written(tmp_path / name, rows_of(3))
    test = write(tmp_path / "test.jsonl", [{"question": "Why?", "answer": "So."}])
    pairs, _ = read_target(TargetSettings(reference=str(reference), test=str(test)))
    assert pairs == [QAPair(f"What is {i}?", str(i)) for i in range(3)]


def test_lists_in_parquet_and_in_cells_of_csv_are_options_and_turns(tmp_path):
    arc = [
        {
            "question": "A planet?",
            "choices": {"text": MARS, "label": list("ABCD")},
            "answerKey": "A",
        }
    ]
    pq.write_table(pa.Table.from_pylist(arc), tmp_path / "r.parquet")
    cells = [{"question": "A star?", "options": str(MARS), "answer": "C"}]  # as pandas writes it
    target = TargetSettings(
        reference=str(tmp_path / "r.parquet"), test=str(written(tmp_path / "t.csv", cells))
    )
    reference, test = read_target(target)
    assert reference == [QAPair(f"A planet?\n{SHOWN}", "A. Mars")]
    assert test == [QAPair(f"A star?\n{SHOWN}", "C. Sun")]
    chats = written(tmp_path / "r.csv", [{"messages": json.dumps(TURNS)}])
    target = TargetSettings(reference=str(chats), test=target.test)
    assert read_target(target)[0] == [QAPair("What is 2+2?", "4")]


# keys of options


def options_of(folder, keys, *, options=MARS, **settings):
    rows = [
        {"question": f"Which {n}?", "choices": options, "answer": key} for n, key in enumerate(keys)
    ]
    target = target_of(folder, rows[:-1], rows[-1:], **settings)
    reference, test = read_options(target)
    return [next(o.text for o in of if o.is_right) for of in [*reference, *test]]


@pytest.mark.parametrize(
    ("keys", "right"),
    [
        ([1, 0, 3], ["Moon", "Mars", "Ceres"]),  # from 0, as one of them says
        ([1, 4, 3], ["Mars", "Ceres", "Sun"]),
        (["1", "0", "3"], ["Moon", "Mars", "Ceres"]),
        ([1.0, 0.0, 3.0], ["Moon", "Mars", "Ceres"]),  # of Parquet
        (["b", "A.", "D. Ceres"], ["Moon", "Mars", "Ceres"]),
        (["moon", " Mars", "Ceres"], ["Moon", "Mars", "Ceres"]),
    ],
)
def test_key_is_read_in_the_one_way_that_fits_all_rows(keys, right, tmp_path):
    assert options_of(tmp_path, keys) == right


def test_key_that_can_mean_two_options_must_be_declared(tmp_path):
    with pytest.raises(
        CorpusError, match=r"answer = 1 can be the number from 0 \(Moon\) or the number"
    ):
        options_of(tmp_path, [1, 2, 3])
    with pytest.raises(CorpusError, match=r"set choice_key to text or from_0"):
        options_of(tmp_path, ["2", "1"], options=["1", "2", "5"])
    assert options_of(tmp_path, [1, 2, 3], choice_key="from_1") == ["Mars", "Moon", "Sun"]
    assert options_of(tmp_path, [1, 2, 3], choice_key="from_0") == ["Moon", "Sun", "Ceres"]
    assert options_of(tmp_path, ["2", "1"], options=["1", "2", "5"], choice_key="text") == [
        "2",
        "1",
    ]


def test_options_and_further_answers_are_told(tmp_path):
    target = target_of(
        tmp_path,
        [{"question": "A planet?", "choices": MARS[:2], "answer": "A"}],
        [{"question": "Who?", "answer": ["Austen", "J. Austen"]}],
    )
    assert read_options(target) == (
        [(Option("A", "Mars", is_right=True), Option("B", "Moon", is_right=False))],
        [(Option(None, "J. Austen", is_right=True),)],
    )


def test_letters_of_a_right_answer_beside_wrong_ones_do_not_give_it_away(tmp_path):
    rows = [
        {"question": f"{n}?", "correct_answer": right, "distractor1": wrong}
        for n, (right, wrong) in enumerate([("a", "b"), ("d", "c")])
    ]
    reference, _ = read_target(target_of(tmp_path, rows))
    assert [pair.answer for pair in reference] == ["A. a", "B. d"]


def test_list_in_an_object_around_it_is_a_target(tmp_path):
    target = target_of(tmp_path, [{"question": "Q?", "answer": "a"}])
    wrapped = {"version": "2", "questions": [{"question": "One?", "answer": "1"}]}
    (tmp_path / "reference.json").write_text(json.dumps(wrapped))
    target = target.model_copy(update={"reference": str(tmp_path / "reference.json")})
    assert read_target(target)[0] == [QAPair("One?", "1")]


# mistakes


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            {"question": "Q?", "answer": None, "result": 18, "note": None},
            "'answer' is missing: it is null; the row has: question, result",
        ),
        (
            {"question": {"said": "Q?"}, "answer": "a"},
            "'question' is an object: name a field in it: question.said",
        ),
        ({"question": "Q?", "answer": None}, "'answer' is missing: it is null"),
        ({"question": "Q?", "answer": float("nan")}, "'answer' is missing: it is null"),
        ({"question": "Q?", "answer": []}, "'answer' is empty"),
        ({"question": "Q?", "answer": ["a", ""]}, "'answer' is empty, one of its answers"),
        ({"question": "Q?", "answer": {"text": []}}, "'answer.text' is empty"),
        (
            {"question": "Q?", "answer": {"x": 1}},
            "'answer' is an object: name a field in it: answer.x",
        ),
        ({"question": "Q?", "answer": [["a"]]}, "'answer' is a list: must be a text, a number"),
        ({"question": "Q?"}, "'answer' is missing; the row has: question"),
        ({"answer": "a"}, "'question' is missing; the row has: answer"),
        ({"question": "", "answer": "a"}, "'question' is empty"),
    ],
)
def test_pair_that_cannot_be_read_is_told_with_its_row(row, told, tmp_path):
    rows = [{"question": "Fine?", "answer": "yes"}, row]
    with pytest.raises(CorpusError) as caught:
        read_target(target_of(tmp_path, rows))
    assert f"reference.jsonl:2: {told}" in str(caught.value)


@pytest.mark.parametrize(
    ("turns", "told"),
    [
        (TURNS[:1], "'messages' ends with a turn of the user: must end with an answer"),
        (TURNS[1:], "'messages' holds no question: must have a turn of a user"),
        (
            [{"role": "narrator", "content": "x"}],
            "messages[0].role = 'narrator': must be one of system",
        ),
        ([TURNS[0], {"role": "assistant", "content": None}], "'messages (last turn)' is empty"),
        (
            [{"role": "user", "content": [{"type": "image_url"}]}, TURNS[1]],
            "messages[0] holds more than text, such as a picture",
        ),
        ("x", "'messages' is no chat: must be a list of turns"),
    ],
)
def test_chat_that_is_no_pair_is_told_with_its_row(turns, told, tmp_path):
    with pytest.raises(CorpusError) as caught:
        read_target(target_of(tmp_path, [{"messages": TURNS}, {"messages": turns}], format="chat"))
    assert f"reference.jsonl:2: {told}" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            {"choices": MARS, "answer": "E"},
            "answer = 'E': must be the label of one of A. Mars, B. Moon",
        ),
        ({"choices": MARS, "answer": ""}, "'answer' is empty"),
        ({"choices": MARS[:1], "answer": "A"}, "'choices' holds 1 options: must be 2 to 26"),
        ({"choices": ["Mars", "mars"], "answer": "A"}, "must be options that differ"),
        ({"choices": {"text": MARS, "label": ["A"]}, "answer": "A"}, "1 labels and 4 options"),
        ({"choices": "Mars, Moon", "answer": "A"}, "'choices' is str: must be a list or an object"),
        ({"answer": "A"}, "'choices' is missing"),
    ],
)
def test_options_that_cannot_be_read_are_told_with_their_row(row, told, tmp_path):
    rows = [{"question": "One?", "choices": MARS, "answer": "B"}, {"question": "Two?", **row}]
    with pytest.raises(CorpusError) as caught:
        read_target(
            target_of(
                tmp_path, rows, rows[:1] and [{"question": "T?", "choices": MARS, "answer": "C"}]
            )
        )
    assert "reference.jsonl:2: " in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            {"prompt": "Q?", "query": "Q?", "answer": "a"},
            "question_field = not given: can be prompt or query",
        ),
        (
            {"question": "Q?", "response": "a", "output": "b"},
            "answer_field = not given: can be response or",
        ),
        ({"messages": TURNS, "conversations": TURNS}, "can be messages or conversations; name it"),
        (
            {"instruction": "Q?", "output": "a", "messages": TURNS},
            "format = auto: can be the chat in messages",
        ),
        (
            {"question": "Q?", "choices": MARS, "options": MARS, "answer": "A"},
            "choices_field = not given: can be choices or options; name it",
        ),
    ],
)
def test_what_can_be_two_things_is_an_error_that_lists_them(row, told, tmp_path):
    with pytest.raises(CorpusError) as caught:
        read_target(target_of(tmp_path, [row]))
    assert told in str(caught.value)


def test_each_right_answer_must_have_a_number(tmp_path):
    row = {"question": "Q?", "answer": ["18", "eighteen"]}
    with pytest.raises(CorpusError, match=r"test\.jsonl:1: .* 'eighteen' holds no"):
        read_target(target_of(tmp_path, [{"question": "R?", "answer": 1}], [row], answers="number"))


def test_settings_that_do_not_fit_options_are_refused(tmp_path):
    rows = [{"question": "Q?", "answer": "A"}]
    for settings, told in (
        (
            {"choices_field": "x", "answers": "number"},
            "answers = number: must be text for questions",
        ),
        ({"choices_field": "x", "format": "chat"}, "choices_field: only where format is choices"),
    ):
        with pytest.raises(ValueError, match=told):
            target_of(tmp_path, rows, **settings)


def test_targets_of_earlier_versions_keep_their_fingerprint(tmp_path):
    target = target_of(tmp_path, [{"question": "Q?", "answer": "A"}], question_field="question")
    earlier = "daf0bf6e465120fa"
    assert fingerprint(target.reading()) == earlier
    assert fingerprint(target.model_copy(update={"format": "pairs"}).reading()) != earlier
    assert "reading" in inputs.target.__code__.co_names

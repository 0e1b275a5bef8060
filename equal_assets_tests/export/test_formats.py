"""One pair in each format, worked by hand; files of them, byte by byte."""

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equal_assets.export.formats import (
    alpaca,
    file_name,
    messages,
    prompt_completion,
    sharegpt,
    write_examples,
)
from equal_assets.records import QAPair

PAIR = QAPair("How long is the Elbe?", "1,094 km.")
EXAMPLES = pl.DataFrame(
    {
        "qa_id": ["a1", "b2"],
        "question": ["Where?", 'What is "ü"?'],
        "answer": ["Here.", "A letter.\nOne\u2028of many\u0085."],
        "license": ["MIT", None],
        "cluster": [3, 4],
    },
    schema_overrides={"cluster": pl.Int32},
)


def test_messages_are_a_turn_of_the_user_and_one_of_the_assistant():
    assert messages(PAIR) == {
        "messages": [
            {"role": "user", "content": "How long is the Elbe?"},
            {"role": "assistant", "content": "1,094 km."},
        ]
    }


def test_sharegpt_is_a_turn_of_the_human_and_one_of_gpt():
    assert sharegpt(PAIR) == {
        "conversations": [
            {"from": "human", "value": "How long is the Elbe?"},
            {"from": "gpt", "value": "1,094 km."},
        ]
    }


def test_alpaca_is_an_instruction_without_input():
    assert alpaca(PAIR) == {
        "instruction": "How long is the Elbe?",
        "input": "",
        "output": "1,094 km.",
    }


def test_prompt_and_completion_put_together_are_a_text_that_reads_on():
    record = prompt_completion(PAIR)
    assert record == {
        "prompt": "Question: How long is the Elbe?\nAnswer:",
        "completion": " 1,094 km.",
    }


def test_a_line_is_compact_utf8_and_breaks_nowhere_else(tmp_path):
    write_examples(EXAMPLES, "alpaca", tmp_path / "file")
    assert (tmp_path / "file").read_bytes().decode("utf-8") == (
        '{"instruction":"Where?","input":"","output":"Here.","qa_id":"a1"}\n'
        '{"instruction":"What is \\"ü\\"?","input":"",'
        '"output":"A letter.\\nOne\\u2028of many\\u0085.","qa_id":"b2"}\n'
    )
    assert len((tmp_path / "file").read_text(encoding="utf-8").splitlines()) == 2


def test_parquet_has_the_columns_of_the_examples_with_plain_types(tmp_path):
    write_examples(EXAMPLES, "parquet", tmp_path / "file")
    table = pq.read_table(tmp_path / "file")
    assert table.schema.types == [pa.string()] * 4 + [pa.int32()]
    assert table.to_pylist() == EXAMPLES.to_dicts()


@pytest.mark.parametrize("form", ["messages", "parquet"])
def test_same_examples_are_the_same_bytes(form, tmp_path):
    for name in ("one", "two"):
        write_examples(EXAMPLES, form, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_files_are_named_after_format_and_split():
    assert file_name("messages", "train") == "messages/train.jsonl"
    assert file_name("parquet", "validation") == "parquet/validation.parquet"
